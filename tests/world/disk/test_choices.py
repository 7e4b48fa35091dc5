"""Which ways to survive each tier offers a file."""

from __future__ import annotations

from harness.world.disk.choices import (
    Choice,
    Survivor,
    digest,
    ext4_choices,
    posix_choices,
    stopped_choices,
)
from harness.world.disk.file import Cached


def _appended() -> Cached:
    file = Cached(b"o" * 100)
    file.write(4, 100, b"a" * 1500)
    file.write(5, 1600, b"b" * 10000)
    return file


def _contents(file: Cached, choices: list[Choice]) -> set[bytes]:
    return {Survivor(file.undecided(), choice, "lot").content() for choice in choices}


def test_posix_offers_prefixes_omissions_tears_sizes_and_mixes() -> None:
    file = _appended()
    kinds = [choice.kind for choice in posix_choices(file, draws=2)]
    assert set(kinds) == {"prefix", "size", "omit", "head", "tail", "mix"}
    assert kinds.count("mix") == 2
    found = _contents(file, posix_choices(file, draws=0))
    assert b"o" * 100 + bytes(11500) in found
    assert b"o" * 100 in found
    assert b"o" * 100 + b"a" * 1500 + b"b" * 10000 in found


def test_ext4_shows_no_size_before_its_data() -> None:
    file = _appended()
    for content in _contents(file, ext4_choices(file, 0, 2)):
        assert b"\0" not in content
    sizes = {len(content) for content in _contents(file, ext4_choices(file, 0, 2))}
    assert sizes == {100, 1600, 4096, 8192, 11600}


def test_ext4_writes_in_place_in_any_order() -> None:
    file = Cached(b"o" * 2048)
    file.write(0, 0, b"n" * 2048)
    assert b"o" * 512 + b"n" * 1536 in _contents(file, ext4_choices(file, 0, 1))


def test_ext4_keeps_between_the_bounds_of_the_journal() -> None:
    file = Cached(b"old")
    file.truncate(0, 0)
    file.write(1, 0, b"new")
    assert _contents(file, ext4_choices(file, 0, 0)) == {b"old"}
    assert _contents(file, ext4_choices(file, 1, 2)) == {b"", b"new"}


def test_a_killed_write_stops_at_the_boundaries_of_the_files_pages() -> None:
    file = _appended()
    choices = stopped_choices(file, 5, 1600, 10000)
    assert [choice.detail for choice in choices] == [4096, 8192]
    assert {len(content) for content in _contents(file, choices)} == {4096, 8192}
    assert stopped_choices(file, 4, 100, 1500) == []
    assert stopped_choices(Cached(), 4, 0, 9000) == []


def test_a_digest_is_that_of_the_content_whichever_way_it_is_found() -> None:
    truncated = _appended()
    truncated.truncate(6, 700)
    truncated.write(7, 300, b"c" * 900)
    failed = _appended()
    failed.fail()
    failed.write(8, 0, b"d" * 600)
    failed.sync()
    overwritten = Cached(b"o" * 5000)
    overwritten.write(0, 0, b"a" * 2000)
    overwritten.write(1, 1000, b"b" * 2000)
    for file in (_appended(), truncated, failed, overwritten):
        choices = [*posix_choices(file, draws=3), *ext4_choices(file, 0, len(file.pending))]
        for choice in choices:
            left = Cached(Survivor(file.undecided(), choice, "lot").content())
            assert digest(file, choice, "lot") == left.digest({}, left.base_size)


def test_a_choice_says_in_words_what_it_leaves() -> None:
    file = _appended()
    words = {
        Choice("prefix", 2): "everything written",
        Choice("prefix", 1): "what was written until operation 4",
        Choice("prefix", 0): "nothing since its last sync",
        Choice("stop", 1, 4096): "operation 5 stops at byte 4096",
        Choice("page", 2, 4096): "its size stops at byte 4096",
        Choice("size", 0): "its new size, but none of the data",
        Choice("omit", 0): "everything but operation 4",
        Choice("head", 1, 3): "until operation 5, of that the first 3 of its sectors",
        Choice("tail", 1, 3): "until operation 5, of that all but 3 of its sectors",
        Choice("mix", 0, 1): "a random mix of sectors (number 1)",
    }
    assert {choice: choice.describe(file) for choice in words} == words
