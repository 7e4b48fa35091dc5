"""The pytest plugin: collects scenarios and offers them to tests."""
