"""Exploring: scenarios that nobody wrote, and the shortest one that still shows what they found."""
