"""What a turn does: a logic without I/O, and two drivers that carry it out."""
