"""Where cases are played: the runner, and the one door for command line and pytest."""
