"""The server's interpreter: ours with our folder, or another that is shown our package alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.lab.targets import find_target
from harness.world.interpreter import (
    Server,
    ServerError,
    Zygote,
    find_interpreter,
    start_of_server,
)

LOOKS_AROUND = """
import json, os, signal, sys
raise RuntimeError(json.dumps({
    "environment": dict(os.environ),
    "folder": os.getcwd(),
    "path": sys.path,
    "leads its group": os.getpgrp() == os.getpid(),
    "signals": [str(signal.getsignal(each)) for each in (signal.SIGINT, signal.SIGCHLD)],
    "input": os.readlink("/proc/self/fd/0"),
    "outputs": [os.fstat(each).st_ino for each in (1, 2)],
    "descriptors": len(os.listdir("/proc/self/fd")),
    "target": [name for name in sys.modules if name.startswith("looks")],
}))
"""


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """One of this module's own."""
    zygote = Zygote()
    yield zygote
    zygote.close()


def test_our_own_interpreter_finds_the_package_beside_what_the_user_added() -> None:
    start = start_of_server(7, environ={"PYTHONPATH": "/theirs"})
    assert start.command == [sys.executable, "-m", "harness.life.server", "7"]
    here, theirs = start.environment["PYTHONPATH"].split(":")
    assert (Path(here) / "harness" / "protocol.py").is_file()
    assert theirs == "/theirs"


def test_another_one_is_not_shown_the_folder_that_the_package_lies_in() -> None:
    start = start_of_server(7, "/usr/bin/python3", {"PYTHONPATH": "/theirs"})
    assert start.command[0] == "/usr/bin/python3"
    assert start.environment["PYTHONPATH"] == "/theirs"
    assert start.environment["PYTHONHASHSEED"] == "0"


def test_the_bootstrap_imports_our_package_from_anywhere(tmp_path: Path) -> None:
    bootstrap = start_of_server(7, sys.executable, {}).command[2].rpartition("importlib.import")[0]
    asked = (
        "\nimport harness.protocol; print(harness.protocol.__file__, [p for p in sys.path if p])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", bootstrap + asked],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    file, _, path = done.stdout.partition(" ")
    assert file.endswith("harness/protocol.py")
    assert str(Path(file).parents[1]) not in path


def test_an_interpreter_is_found_by_name_and_by_path_and_its_link_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "python-there"
    link.symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_interpreter("python-there") == str(link)
    assert find_interpreter(str(link)) == str(link)
    assert find_interpreter("no-python") is None
    assert find_interpreter(str(tmp_path)) is None


def _seen(tmp_path: Path, zygote: Zygote | None) -> dict[str, Any]:
    """What a target sees around it while it is imported."""
    target = tmp_path / "looks.py"
    target.write_text(LOOKS_AROUND, encoding="utf-8")
    with pytest.raises(ServerError, match="RuntimeError: ") as raised:
        Server(find_target(f"{target}:Any").order(), tmp_path / "root", zygote=zygote)
    told = str(raised.value).partition("RuntimeError: ")[2].rpartition("; raised at")[0]
    seen: dict[str, Any] = json.loads(told)
    return seen


def test_a_server_from_a_zygote_is_as_one_started_afresh(
    tmp_path: Path, zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHERE", "in this test, and not when the zygote began")
    afresh, forked = _seen(tmp_path, None), _seen(tmp_path, zygote)
    assert forked == afresh
    assert forked["environment"]["WHERE"].startswith("in this test")
    assert (forked["folder"], forked["path"][1]) == (str(tmp_path), str(tmp_path))


def test_a_zygote_serves_where_a_new_one_would_begin_alike(
    zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert zygote.fits
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "another")
    assert zygote.fits
    monkeypatch.setenv("SSL_CERT_FILE", "/another/file")
    assert not zygote.fits


def test_servers_outlive_their_zygote_and_where_it_has_gone_one_starts_by_itself(
    tmp_path: Path,
) -> None:
    zygote = Zygote()
    order = find_target("naive").order()
    first = Server(order, tmp_path / "first", zygote=zygote)
    zygote._process.kill()
    zygote._process.wait()
    assert not zygote.fits
    second = Server(order, tmp_path / "second", zygote=zygote)
    assert first.alive
    assert second.alive
    for server in (first, second):
        server.close()
        assert not server.alive
        assert not server.root.exists()
    zygote.close()


def test_a_forked_server_that_is_killed_is_not_alive(tmp_path: Path, zygote: Zygote) -> None:
    server = Server(find_target("naive").order(), tmp_path / "root", zygote=zygote)
    assert server.pid > 0
    server._process.kill()
    server._process.wait()
    assert not server.alive
    server.close()
