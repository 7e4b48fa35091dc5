"""The front door: arguments in, one exit code out.

Rooms are imported where they are used: `--help`, `list` and `schema` must not wait for the SDK.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
import textwrap
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Never

from harness.cli.notice import clear, notice
from harness.cli.stop import INTERRUPTED, INVALID, SHELF, USAGE, Stop, interrupted_once
from harness.cli.streams import stand_on_streams
from harness.terminal import harmless, let_go

DIGITS_MAX, SHOWN = 20, 40
DISTRIBUTION = "conversation-crash-lab"
Command = Callable[[argparse.Namespace], int]

_EXITS = """\
exit codes: 0 all kept; 1 a promise broken; 2 interrupted; 3 invalid (a fault never fired, a line
never spoken, the harness broke); 4 usage or a bad scenario; 5 nothing to run"""
_PYTHON_HELP = "the interpreter that the target runs under, such as .venv/bin/python"
_TARGET_HELP = "a shipped target or path/to/file.py:Class (default: lifecycle)"
_JSON_HELP = "write the JSON report, its folder too; `-` is stdout"
_SLOW = ("run", "sweep", "explore", "replay", "check")
"""Commands that stand on the whole lab, which takes a second to import."""
_CHOICE = re.compile(r"invalid choice: '(.*?)' \(choose from (.*)\)")


class _Parser(argparse.ArgumentParser):
    """`more` is asked for what the help adds, when the help is wanted."""

    more: Callable[[], str] | None = None

    def error(self, message: str) -> Never:
        near = ""
        if match := _CHOICE.search(message):
            near = _near(match[1], re.findall(r"[\w-]+", match[2]))
        raise Stop(USAGE, f"{self.prog}: {message}{near}; see `{self.prog} --help`")

    def format_help(self) -> str:
        more = self.more() if self.more is not None else ""
        return super().format_help() + more

    def _print_message(self, message: str, file: Any = None) -> None:
        """At once and aloud: argparse itself is silent where that cannot be said."""
        stream = file or sys.stderr
        stream.write(message)
        stream.flush()

    def refuse(self, unknown: Sequence[str]) -> Never:
        """Say what was not understood, and what may have been meant."""
        options = re.findall(r"(?<![\w-])--?[a-z][\w-]*", self.format_usage())
        near = next(filter(None, (_near(word, options) for word in unknown)), "")
        self.error(f"unrecognized arguments: {' '.join(unknown)}{near}")


class _Version(argparse.Action):
    """Says it and ends; looked up only then."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**{**more, "nargs": 0})

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> Never:
        from importlib.metadata import PackageNotFoundError, version

        try:
            said = f"harness {version(DISTRIBUTION)}\n"
        except PackageNotFoundError:
            said = "harness, of no version: it is not installed\n"
        parser._print_message(said, sys.stdout)
        parser.exit()


def _near(word: str, known: Sequence[str]) -> str:
    """`, did you mean X?` where there is something like it."""
    near = difflib.get_close_matches(word.split("=")[0], known, n=1)
    return f", did you mean {near[0]}?" if near else ""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    stand_on_streams()
    code = _obey(argv)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        let_go(sys.stdout)
    except OSError as error:
        let_go(sys.stdout)
        _complain(f"expected to write the output, got {error.strerror}; make room for it")
        return USAGE
    return code


def _obey(argv: Sequence[str] | None) -> int:
    """The command's exit code, whatever becomes of it; what went wrong is said on stderr."""
    try:
        with interrupted_once():
            arguments = _parsed(argv)
            if arguments.command in _SLOW:
                notice("loading the lab")
            return _room(arguments.command)(arguments)
    except Stop as stop:
        _complain(str(stop))
        return stop.code
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader left (`harness list | head`): it has read what it wanted.
        let_go(sys.stdout)
        return 0
    except OSError as error:
        where = error.filename or "the output"
        got = error.strerror or error
        _complain(f"expected to use {where}, got {got}; check the path and its space")
        return USAGE
    except Exception as error:  # noqa: BLE001 - exit 1 would read as a broken promise
        kind = type(error).__name__
        told = "".join(traceback.format_exception(error))
        _complain(f"{told}the harness itself broke ({kind}); please report the lines above")
        return INVALID


def _complain(text: str) -> None:
    """On stderr, while somebody reads that, and nothing in it that a terminal would obey."""
    clear()
    said = "".join(f"{harmless(line)}\n" for line in text.split("\n"))
    try:
        sys.stderr.write(said)
        sys.stderr.flush()
    except OSError:
        let_go(sys.stderr)


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments; Stop at the command that does not understand them."""
    arguments, unknown = parser().parse_known_args(argv)
    if unknown:
        arguments.parser.refuse(unknown)
    return arguments


def parser() -> argparse.ArgumentParser:
    """Every command and its options."""
    top = _Parser(
        prog="harness",
        description="A crash lab for conversations.",
        epilog=_EXITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action=_Version, help="say which version this is")
    commands = top.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    _add_run(commands)
    _add_sweep(commands)
    _add_explore(commands)
    _add_replay(commands)
    check = _command(commands, "check", "judge a stored record again, without playing it")
    check.add_argument("record", type=Path, metavar="RECORD", help="a record.jsonl")
    explain = _command(commands, "explain", "the promise behind a code, and its story")
    explain.add_argument("code", nargs="?", metavar="CODE", help="such as P2; all, if left out")
    _add_paths(_command(commands, "list", "show the scenarios there are"))
    _command(commands, "schema", "print the JSON Schema of scenario files, for editors")
    _add_serve(commands)
    _add_bench(commands)
    _add_import(commands)
    doctor = _command(commands, "doctor", "say what works on this machine, by trying it")
    doctor.add_argument("--json", action="store_true", help="as one JSON object")
    init = _command(commands, "init", "write a first scenario")
    about = f"the folder to write it in (default: {SHELF})"
    init.add_argument("folder", nargs="?", type=Path, default=SHELF, metavar="DIR", help=about)
    return top


def _room(name: str) -> Command:
    """The function behind a command, imported now that it is wanted."""
    if name in ("run", "replay", "check"):
        from harness.cli.commands import playing

        return {"run": playing.run, "replay": playing.replay, "check": playing.check}[name]
    if name == "sweep":
        from harness.cli.commands import sweeping

        return sweeping.sweep
    if name == "bench":
        from harness.cli.commands import benching

        return benching.bench
    if name == "explore":
        from harness.cli.commands import exploring

        return exploring.explore
    if name == "serve":
        from harness.cli.commands import serving

        return serving.serve
    if name == "explain":
        from harness.cli.commands import explaining

        return explaining.explain
    if name == "doctor":
        from harness.cli.commands import diagnosing

        return diagnosing.doctor
    if name == "import":
        from harness.cli.commands import importing

        return importing.bring_in
    from harness.cli.commands import shelf

    return {"list": shelf.listing, "schema": shelf.schema, "init": shelf.init}[name]


def _command(commands: Any, name: str, about: str) -> _Parser:
    command: _Parser = commands.add_parser(
        name,
        help=about,
        description=f"{about[0].upper()}{about[1:]}.",
        epilog=_EXITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(command=name, parser=command)
    return command


def _some_of(*known: str) -> Callable[[str], tuple[str, ...]]:
    """One or several of these names, with commas between them."""

    def read(text: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(text.split(",")))
        if unknown := [name for name in names if name not in known]:
            told = f"{', '.join(known)} or {'both' if len(known) == 2 else 'several'}"
            raise argparse.ArgumentTypeError(f"expected {told}, got {unknown[0]!r}")
        return names

    return read


def _whole(least: int, most: int, told: str) -> Callable[[str], int]:
    """A whole number between two bounds, which `told` names."""

    def read(text: str) -> int:
        # What is longer than any bound is not worked out.
        if not text.isdecimal() or len(text) > DIGITS_MAX or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"expected {told}, got {text[:SHOWN]!r}")
        return int(text)

    return read


_TIERS = _some_of("kill", "ext4", "posix")
_ERRORS = _some_of("ENOSPC", "EIO")
_COUNT = _whole(1, 10**9, "a whole number from 1")
_PORT = _whole(0, 2**16 - 1, "a port from 0 to 65535")
_SEED = _whole(0, 2**63 - 1, "a whole number from 0 to 2^63-1")
_JOBS = _whole(1, 256, "a whole number from 1 to 256")


def _add_paths(command: argparse.ArgumentParser) -> None:
    help_text = "scenario files and folders of them (default: scenarios)"
    command.add_argument("paths", nargs="*", type=Path, metavar="PATHS", help=help_text)


def _add_run(commands: Any) -> None:
    run = _command(commands, "run", "play scenarios and judge them")
    _add_paths(run)
    run.add_argument("--target", default="lifecycle", metavar="T", help=_TARGET_HELP)
    run.add_argument("--python", metavar="EXE", help=_PYTHON_HELP)
    run.add_argument("--seed", type=_SEED, metavar="N", help="instead of each scenario's own")
    run.add_argument("--jobs", type=_JOBS, default=1, metavar="N", help="at a time (default: 1)")
    run.add_argument("--report", type=Path, metavar="DIR", help="store records and verdicts here")
    about = "write JUnit XML, its folder too"
    run.add_argument("--junit", type=Path, metavar="FILE", help=about)
    run.add_argument("--json", metavar="FILE", help=_JSON_HELP)
    run.add_argument(
        "-k", dest="only", metavar="EXPR", help="those whose folder/name fits: 'crash and not disk'"
    )
    run.add_argument("--quiet", "-q", action="store_true", help="say only what did not pass")


def _add_sweep(commands: Any) -> None:
    sweep = _command(commands, "sweep", "every crash of one scenario that a disk can tell apart")
    sweep.add_argument("scenario", type=Path, metavar="SCENARIO", help="a scenario file")
    sweep.add_argument("--target", default="lifecycle", metavar="T", help=_TARGET_HELP)
    sweep.add_argument("--python", metavar="EXE", help=_PYTHON_HELP)
    about = (
        "what dies: the process (kill), or the power over ext4 or any posix disk (default: kill)"
    )
    sweep.add_argument("--disk", type=_TIERS, default=("kill",), metavar="TIERS", help=about)
    about = "1: every crash; 2: crash again while it recovers, in a sample (default: 1)"
    sweep.add_argument("--depth", type=int, choices=(1, 2), default=1, help=about)
    about = "kill a real process at N operations, evenly spread"
    sweep.add_argument("--real", type=_COUNT, default=0, metavar="N", help=about)
    about = "keep each finding's directory here, under its token"
    sweep.add_argument("--keep", type=Path, metavar="DIR", help=about)
    about = "instead: let each disk operation fail, with ENOSPC, EIO or both"
    sweep.add_argument("--errors", type=_ERRORS, default=(), metavar="ERRORS", help=about)
    about = "judge at most N a tier, or an error"
    sweep.add_argument("--states", type=_COUNT, metavar="N", help=about)
    sweep.add_argument("--seed", type=_SEED, metavar="N", help="instead of the scenario's own")
    sweep.add_argument("--jobs", type=_JOBS, default=1, metavar="N", help="at a time (default: 1)")
    sweep.add_argument("--json", metavar="FILE", help=_JSON_HELP)
    sweep.add_argument("--quiet", "-q", action="store_true", help="say only what did not pass")


def _add_explore(commands: Any) -> None:
    explore = _command(commands, "explore", "invent scenarios, and shrink what breaks a promise")
    about = "keep this file's script, and invent settings and faults for it"
    explore.add_argument("scenario", nargs="?", type=Path, metavar="SCENARIO", help=about)
    explore.add_argument("--target", default="lifecycle", metavar="T", help=_TARGET_HELP)
    about = "which cases, in which order (default: 0)"
    explore.add_argument("--seed", type=_SEED, metavar="N", help=about)
    about = (
        "how long to invent, such as 60s, 5m or 1h, at most a day (default: 60s); what is in "
        "hand is then still shrunk and written, which may take some seconds more"
    )
    explore.add_argument("--budget", default="60s", metavar="TIME", help=about)
    explore.add_argument("--cases", type=_COUNT, metavar="N", help="or until N cases were tried")
    about = "where findings are written, and earlier ones found (default: reports/explored/TARGET)"
    explore.add_argument("--out", type=Path, metavar="DIR", help=about)


def _add_replay(commands: Any) -> None:
    replay = _command(commands, "replay", "play one case again, alone")
    replay.add_argument("token", metavar="TOKEN", help="hx1-..., from a finding")
    replay.add_argument(
        "--in", dest="paths", nargs="+", type=Path, default=[], metavar="PATHS",
        help="where its scenario is (default: scenarios)",
    )  # fmt: skip
    replay.add_argument("--target", metavar="T", help="the target, where it is not a shipped one")
    replay.add_argument("--python", metavar="EXE", help=_PYTHON_HELP)
    replay.add_argument("--keep", type=Path, metavar="DIR", help="keep what was on disk here")


def _add_import(commands: Any) -> None:
    about = "turn a broken session file into a scenario"
    bring_in = _command(commands, "import", about)
    about = "the session's messages as JSON Lines, or a turn log of our stack"
    bring_in.add_argument("file", type=Path, metavar="FILE", help=about)
    about = "where to write it; `-` is stdout (default: scenarios/imported/NAME.scenario.yaml)"
    bring_in.add_argument("--out", metavar="FILE", help=about)


def _add_serve(commands: Any) -> None:
    serve = _command(commands, "serve", "the mock Claude on a loopback port, until SIGTERM")
    serve.add_argument("--port", type=_PORT, default=0, metavar="N", help="default: a free one")
    serve.add_argument("--scenario", type=Path, metavar="FILE", help="reply from its script")
    serve.add_argument("--seed", type=_SEED, metavar="N", help="instead of the scenario's own")
    about = "let the scripted delays really pass (default: they take no time)"
    serve.add_argument("--realtime", action="store_true", help=about)
    serve.more = _known_models


def _add_bench(commands: Any) -> None:
    bench = _command(commands, "bench", "trimming, counting and the bill beside what people use")
    about = "window, count, restore, append, cost, sim (default: all)"
    bench.add_argument("groups", nargs="*", metavar="GROUP", help=about)
    bench.add_argument("--peers", action="store_true", help="measure installed peers as well")
    bench.add_argument("--json", metavar="FILE", help=_JSON_HELP)
    about = "say what has changed since this JSON report"
    bench.add_argument("--against", type=Path, metavar="FILE", help=about)
    bench.add_argument(
        "--page", type=Path, metavar="FILE", help="write one HTML page, with pictures"
    )
    about = "write pytest-benchmark's own JSON, for its comparisons"
    bench.add_argument("--store", type=Path, metavar="FILE", help=about)


def _known_models() -> str:
    from harness.model.catalogue import shipped

    known = ", ".join(sorted(shipped().models))
    told = f"models: {known}; any other is a 404, as at the API"
    return "\n" + textwrap.fill(told, 95, break_on_hyphens=False) + "\n"
