"""What is remembered, done and stored: P1 to P6 and S1 to S6, one family a file."""
