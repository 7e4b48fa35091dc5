"""The target inside a life: found, driven, and, where it only remembers, given a plain loop."""
