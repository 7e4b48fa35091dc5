"""The judge: promises as pure functions of a record, one family a file, and the verdict."""
