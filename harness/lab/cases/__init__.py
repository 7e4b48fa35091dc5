"""Cases as they are asked for: scenarios as scripted, side by side, and one again by its token."""
