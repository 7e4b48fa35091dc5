"""The commands, one room each: arguments in, an exit code out."""
