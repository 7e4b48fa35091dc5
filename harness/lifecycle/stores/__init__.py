"""Where sessions are kept: JSONL files, SQLite, PostgreSQL, Redis or Valkey, all one interface."""
