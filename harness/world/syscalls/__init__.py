"""The recorder: every disk system call of a life, seen before it takes effect."""
