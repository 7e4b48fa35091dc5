"""What the target stands on: the clock, the tools, the processes it lives and dies in."""
