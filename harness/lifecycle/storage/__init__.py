"""What is on the disk: atomic file primitives, the turn log, the checkpoint."""
