"""Scripted faults: when the moment of each has come, and what is done then."""
