"""What the checks read: a record as facts, its histories as turns, and where the two part."""
