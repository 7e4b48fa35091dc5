"""Importing: a broken session file becomes a scenario that lives through it and goes on."""
