"""What should happen: the scenario file, its loader, and the words that are spoken."""
