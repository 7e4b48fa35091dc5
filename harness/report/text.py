"""A run on a terminal, or as plain lines where nobody watches.

On a terminal rich draws colours and a progress line that goes away at the end (`NO_COLOR` is kept);
in CI and in pipes there are the same lines, plain (`FORCE_COLOR` paints them there too). `quiet`
shows what did not pass, and the total.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import IO, TYPE_CHECKING

from harness.report.result import Result, Run
from harness.report.screen import Line, Span, passed, screen, swept, total
from harness.report.tally import tally
from harness.terminal import is_watched, let_go

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

WIDTH_MAX = 110
PLAIN_WIDTH = 100


class Announcer:
    """Says each result as it comes, and the total at the end.

    `planned` is the number of scenarios; `clock` gives seconds and is only ever subtracted;
    without `progress` there is no progress line, even on a terminal. `waiting` stands in it until
    there is a result.
    """

    def __init__(
        self,
        stream: IO[str],
        environ: Mapping[str, str],
        *,
        planned: int,
        clock: Callable[[], float],
        quiet: bool = False,
        progress: bool = True,
        waiting: str = "playing",
    ) -> None:
        self._console = painter(stream)
        self._live = stream.isatty() and not environ.get("CI")
        live = progress and is_watched(stream, environ)
        self._quiet = quiet
        self._clock = clock
        self._started = clock()
        self._gap = True
        self._progress = _progress(self._console) if live else None
        if self._progress is not None:
            self._progress.start()
            self._progress.add_task(waiting, total=planned)
            self._progress.refresh()

    @property
    def width(self) -> int:
        """Columns to write in."""
        return min(self._console.width, WIDTH_MAX) if self._live else PLAIN_WIDTH

    def on_result(self, result: Result) -> None:
        """Say one result, and move the progress line on."""
        if result.outcome != "pass":
            lines = screen(result, self.width)
            self._say([*([] if self._gap else [()]), *lines, ()])
            self._gap = True
        elif not self._quiet:
            self._say([passed(result, self.width), *swept(result)])
            self._gap = False
        if self._progress is not None:
            task = self._progress.task_ids[0]
            self._progress.update(task, advance=1, description=result.story, refresh=True)

    def close(self) -> None:
        """Take the progress line away; to be called however the run ended."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def finish(self, run: Run) -> None:
        """Say which promises were broken where, if there were several failures, and the total."""
        self.close()
        gap: list[Line] = [] if self._gap else [()]
        table = tally(run, self.width)
        if table:
            gap += [*table, ()]
        self._say([*gap, total(run, self._clock() - self._started)])

    def hint(self, what: str = "", command: str = "") -> None:
        """A last line about what to do next, if there is one; not where it is to be quiet."""
        if command and not self._quiet:
            self._say([(Span(what, "dim"), Span(command, "bold"))])

    def _say(self, lines: Sequence[Line]) -> None:
        say(self._console, lines)


def painter(stream: IO[str], *, soft_wrap: bool = True) -> Console:
    """A console that says what it is given, as it is; where nobody reads any more, nothing.

    rich would end the process then, with an exit code that means something else here.
    """
    from rich.console import Console

    class Painter(Console):
        def on_broken_pipe(self) -> None:
            self.quiet = True
            let_go(stream)

    return Painter(file=stream, highlight=False, soft_wrap=soft_wrap, emoji=False)


def say(console: Console, lines: Sequence[Line]) -> None:
    """Write styled lines; rich leaves the styles out where there is no terminal."""
    from rich.text import Text

    for line in lines:
        console.print(Text.assemble(*((span.text, span.style) for span in line)))


def _progress(console: Console) -> Progress:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("[dim]{task.description}"),
        BarColumn(bar_width=24, complete_style="cyan", finished_style="cyan"),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=console,
        # A refreshing thread would be alive while lives are forked.
        auto_refresh=False,
        transient=True,
    )
