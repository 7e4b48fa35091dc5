"""Scripted faults that have not happened yet, and how to tell that their moment has come."""
