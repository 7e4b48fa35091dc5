"""The rules of the Messages API: each a named function in one table, each with a switch."""
