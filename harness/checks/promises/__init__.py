"""The promises themselves, one family a file: each check a pure function of the evidence."""
