"""Trimming and counting, side by side. Opens with the benchmark issue; nothing here yet."""
