"""What a run says to people and programs: terminal, JUnit, GitHub, JSON."""
