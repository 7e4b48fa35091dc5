"""The candidates of one moment."""

from __future__ import annotations

from harness.world.disk.cache import Disk
from harness.world.disk.choices import Tier
from harness.world.disk.crash import Moment, candidates, stopped
from harness.world.syscalls.operations import Operation
from harness.world.tree import Tree

TWO_FILES = [
    Operation("create", "openat", "a", 0),
    Operation("write", "write", "a", 0, data=b"x" * 10),
    Operation("create", "openat", "b", 1),
    Operation("write", "write", "b", 1, data=b"y" * 5000),
]


def _moment(tier: Tier) -> Moment:
    disk = Disk(Tree(), tier)
    for index, operation in enumerate(TWO_FILES):
        disk.apply(index, operation)
    return Moment(disk, len(TWO_FILES), "lot", 2, lambda path: path == "hidden")


def test_a_kill_has_one_candidate_and_its_torn_write() -> None:
    moment = _moment("kill")
    assert len(list(candidates(moment, "kill"))) == 1
    disk = Disk(Tree(), "kill")
    for index, operation in enumerate(TWO_FILES):
        disk.apply(index, operation)
    within = Moment(disk, 3, "lot", 2, lambda path: False)
    [torn] = stopped(within, TWO_FILES[3])
    assert (torn.varied, torn.of(0), torn.whole) == (1, within.everything[0], False)
    assert list(stopped(within, TWO_FILES[2])) == []


def test_prefixes_of_everything_come_first() -> None:
    for tier in ("ext4", "posix"):
        moment = _moment(tier)
        first = list(candidates(moment, tier))[:5]
        assert [candidate.names for candidate in first] == [
            "nothing",
            *(f"everything until operation {number}" for number in range(4)),
        ]


def test_one_file_varies_while_the_others_are_all_or_nothing() -> None:
    moment = _moment("posix")
    varied = [candidate for candidate in candidates(moment, "posix") if not candidate.whole]
    others = {
        candidate.of(1 - candidate.varied)
        for candidate in varied
        if candidate.varied is not None and len(candidate.view.files) == 2
    }
    assert others == {*moment.everything.values(), *moment.nothing.values()}


def test_posix_loses_any_single_name_and_ext4_only_the_latest() -> None:
    names = {
        tier: {
            tuple(path for path, _ in candidate.view.files)
            for candidate in candidates(_moment(tier), tier)
        }
        for tier in ("ext4", "posix")
    }
    assert names["ext4"] == {(), ("a",), ("a", "b")}
    assert names["posix"] == {(), ("a",), ("b",), ("a", "b")}


def test_equal_directories_have_equal_digests_and_others_not() -> None:
    moment = _moment("posix")
    by_digest: dict[int, object] = {}
    for candidate in candidates(moment, "posix"):
        content = {
            path: moment.survivor(file, candidate.of(file)).content()
            for path, file in candidate.view.files
        }
        assert by_digest.setdefault(moment.digest(candidate), content) == content
    contents = [repr(sorted(content.items())) for content in by_digest.values()]
    assert len(set(contents)) == len(contents)
