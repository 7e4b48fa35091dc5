"""The measurements: each room is a pytest module, and `cases` lists what it measures."""
