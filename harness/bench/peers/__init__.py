"""Other people's libraries, each behind its own documented call; none is imported until wanted."""
