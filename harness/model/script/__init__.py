"""The script of the mock: where in it a history stands, what is said next, what goes wrong."""
