"""A deliberate defect of the reference stack: one line of a copy changed, offered as a target.

The copy is a package of its own, `mutant_lifecycle`, beside a target file named after the defect;
every import in both is rewritten, so that nothing of the sound stack runs in it. A defect whose old
line no longer stands in the stack is an error: the list must follow the code.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
STACK = ROOT / "harness" / "lifecycle"
TARGET = ROOT / "harness" / "targets" / "lifecycle.py"
LIST = Path(__file__).with_name("defects.toml")
PACKAGE = "mutant_lifecycle"
CLASS = "Lifecycle"
_NAME = re.compile(r"\bharness\.lifecycle\b")


class StaleDefect(AssertionError):
    """The defect's old line is not in the stack, or not once: correct `defects.toml`."""


@dataclass(frozen=True)
class Defect:
    """One line of `file` (under harness/lifecycle) that is wrong, and what it breaks.

    `old` and `new` are whole lines; lines around the one that differs only say where it is. `first`
    are the stories that are played first, `escapes` the reason why no story catches it, if none.
    """

    name: str
    file: str
    old: str
    new: str
    breaks: str
    codes: tuple[str, ...]
    first: tuple[str, ...] = ()
    escapes: str = ""

    def applied_to(self, source: str) -> str:
        """The source with the defect in it; StaleDefect where it cannot be."""
        olds, news = self.old.split("\n"), self.new.split("\n")
        changed = sum(a != b for a, b in zip(olds, news, strict=False))
        if len(olds) != len(news) or changed != 1:
            raise StaleDefect(f"{self.name}: expected one changed line, got {changed}")
        found = f"\n{source}".count(f"\n{self.old}\n")
        if found != 1:
            raise StaleDefect(
                f"{self.name}: expected its old line once in {self.file}, found it {found} times; "
                f"the stack has changed, so look for what this line has become:\n{self.old}"
            )
        return f"\n{source}".replace(f"\n{self.old}\n", f"\n{self.new}\n", 1)[1:]


def defects() -> tuple[Defect, ...]:
    """The whole list."""
    return tuple(_listed(tomllib.loads(LIST.read_text(encoding="utf-8"))["defect"]))


def _listed(rows: list[dict[str, object]]) -> Iterator[Defect]:
    for row in rows:
        codes, first = row.pop("codes"), row.pop("first", [])
        assert isinstance(codes, list)
        assert isinstance(first, list)
        words = {key: str(value).strip("\n") for key, value in row.items()}
        yield Defect(**words, codes=tuple(codes), first=tuple(first))


def plant(defect: Defect | None, folder: Path) -> str:
    """Copy the stack into `folder` with the defect in it (None: without any); `--target`'s word."""
    for path in STACK.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        place = path.relative_to(STACK)
        if defect is not None and place.as_posix() == defect.file:
            source = defect.applied_to(source)
        copy = folder / PACKAGE / place
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(_NAME.sub(PACKAGE, source), encoding="utf-8")
    if defect is not None and not (STACK / defect.file).is_file():
        raise StaleDefect(f"{defect.name}: there is no harness/lifecycle/{defect.file}")
    target = folder / f"{'sound' if defect is None else defect.name}.py"
    target.write_text(_NAME.sub(PACKAGE, TARGET.read_text(encoding="utf-8")), encoding="utf-8")
    return f"{target}:{CLASS}"


def main(arguments: list[str]) -> int:
    """Plant the defect of that name in that folder, and print what `--target` must say."""
    name, folder = arguments
    found = {defect.name: defect for defect in defects()}[name]
    sys.stdout.write(plant(found, Path(folder)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
