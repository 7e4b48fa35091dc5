"""The pytest plugin: scenario files are tests, and tests can play scenarios.

Loaded into every pytest that has the package installed, it imports none of the package's other
rooms until a scenario is there. This menu is what pytest reads: its hooks and the fixtures.
"""

from harness.pytest_plugin.fixtures import mock_claude, scenario_run, session_dir, virtual_clock
from harness.pytest_plugin.hooks import (
    pytest_addoption,
    pytest_collect_file,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_runtest_makereport,
)

__all__ = [
    "mock_claude",
    "pytest_addoption",
    "pytest_collect_file",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_runtest_makereport",
    "scenario_run",
    "session_dir",
    "virtual_clock",
]
