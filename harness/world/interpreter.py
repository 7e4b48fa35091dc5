"""Which interpreter the warm server runs under: this one, or another that has the target's library.

Another one is shown our package alone, by its path. It never sees the folder that the package lies
in: where that is a `site-packages`, our dependencies would stand before the library's own. What it
lacks is its own affair (see `harness.life.life`); nothing is installed, copied or written for it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_SERVER = "harness.life.server"
_BOOTSTRAP = f"""\
import importlib, importlib.util, sys
name, folder = "harness", {str(_PACKAGE)!r}
spec = importlib.util.spec_from_file_location(
    name, folder + "/__init__.py", submodule_search_locations=[folder]
)
sys.modules[name] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
importlib.import_module({_SERVER!r}).main(int(sys.argv[1]))
"""


@dataclass(frozen=True)
class Start:
    """A command line and its environment."""

    command: list[str]
    environment: Mapping[str, str]

    def run(self, passing: int) -> subprocess.Popen[bytes]:
        """Start it, in a process group of its own, with this descriptor and no input.

        A terminal's Ctrl-C is for the runner, even while the server still imports.
        """
        return subprocess.Popen(
            self.command,
            pass_fds=[passing],
            stdin=subprocess.DEVNULL,
            env=self.environment,
            process_group=0,
        )


def find_interpreter(name: str) -> str | None:
    """The absolute path of an interpreter by its name or path; None where there is no program.

    A link stays a link: an environment's own folder is found from where its `python` lies.
    """
    found = shutil.which(os.path.expanduser(name))
    return None if found is None else os.path.abspath(found)


def start_of_server(
    descriptor: int,
    python: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Start:
    """How the server is started that is spoken to over this descriptor."""
    environment = {**environ, "PYTHONHASHSEED": "0", "TZ": "UTC"}
    if python is not None:
        return Start([python, "-c", _BOOTSTRAP, str(descriptor)], environment)
    here = str(_PACKAGE.parent)
    search = os.pathsep.join(filter(None, [here, environ.get("PYTHONPATH", "")]))
    command = [sys.executable, "-m", _SERVER, str(descriptor)]
    return Start(command, {**environment, "PYTHONPATH": search})
