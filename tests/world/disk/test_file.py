"""A file between cache and disk: sectors, sizes, syncs that fail, digests."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.world.disk.file import ROW, SECTOR, Cached, Stable, content

STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("write"), st.integers(0, 2000), st.integers(1, 1500), st.integers(0, 255)
        ),
        st.tuples(st.just("truncate"), st.integers(0, 2000)),
        st.tuples(st.just("sync")),
    ),
    max_size=8,
)


def _everything(file: Cached) -> bytes:
    return content(file.base, *file.prefix(len(file.pending)))


@given(steps=STEPS)
def test_with_all_changes_a_file_is_what_was_written(steps: list[tuple[object, ...]]) -> None:
    file, plain = Cached(), bytearray()
    for number, (kind, *numbers) in enumerate(steps):
        if kind == "write":
            offset, size, byte = (int(str(n)) for n in numbers)
            file.write(number, offset, bytes([byte]) * size)
            plain.extend(bytes(max(0, offset + size - len(plain))))
            plain[offset : offset + size] = bytes([byte]) * size
        elif kind == "truncate":
            (size,) = (int(str(n)) for n in numbers)
            file.truncate(number, size)
            del plain[size:]
            plain.extend(bytes(size - len(plain)))
        else:
            file.sync()
        assert _everything(file) == plain
        assert file.size == len(plain)
    over, size = file.prefix(len(file.pending))
    assert file.digest(over, size) == _digest_of(bytes(plain))
    assert file.digest(over, size) != _digest_of(bytes(plain) + b"\0")
    assert file.digest(over, size) != _digest_of(bytes(plain) + b"\1")


def _digest_of(content: bytes) -> bytes:
    file = Cached(content)
    return file.digest({}, file.base_size)


def test_a_digest_does_not_care_how_a_content_came_about() -> None:
    file = Cached(b"a" * 2000)
    file.write(0, 600, b"b" * 100)
    file.truncate(1, 700)
    over, size = file.prefix(2)
    assert file.digest(over, size) == _digest_of(b"a" * 600 + b"b" * 100)
    assert file.digest({}, 700) == _digest_of(b"a" * 700)
    assert file.digest({}, 4000) == _digest_of(b"a" * 2000 + bytes(2000))


def test_a_prefix_stops_where_it_is_told() -> None:
    file = Cached(b"old")
    file.write(3, 3, b" new")
    file.write(5, 7, b"er")
    assert (file.count_until(2), file.count_until(3), file.count_until(9)) == (0, 1, 2)
    assert content(file.base, *file.prefix(0)) == b"old"
    assert content(file.base, *file.prefix(1)) == b"old new"
    file.commit(1)
    assert content(file.base, {}, file.base_size) == b"old new"
    assert [change.operation for change in file.pending] == [5]


def test_pages_of_a_failed_fsync_stay_undecided_until_written_again() -> None:
    file = Cached(b"a" * SECTOR * 2)
    file.write(0, 0, b"b" * SECTOR)
    file.write(1, SECTOR, b"c" * SECTOR)
    file.fail()
    file.sync()
    assert content(file.base, {}, file.base_size) == b"a" * SECTOR * 2
    file.write(2, 0, b"d" * SECTOR)
    file.sync()
    assert content(file.base, {}, file.base_size) == b"d" * SECTOR + b"a" * SECTOR
    assert [sorted(change.sectors) for change in file.pending] == [[1]]
    assert _everything(file) == b"d" * SECTOR + b"c" * SECTOR


SECTORS = st.dictionaries(
    st.integers(0, 3 * ROW), st.integers(1, 255).map(lambda byte: bytes([byte]) * SECTOR)
)


@given(layers=st.lists(SECTORS, max_size=4), over=SECTORS, size=st.integers(0, 4 * ROW * SECTOR))
def test_sectors_lie_over_others_in_every_row(
    layers: list[dict[int, bytes]], over: dict[int, bytes], size: int
) -> None:
    base, plain = Stable(), dict[int, bytes]()
    for layer in layers:
        base, plain = base.over(layer), plain | layer
    zeros = bytes(SECTOR)
    assert all(base.sector(i) == plain.get(i, zeros) for i in range(4 * ROW))
    whole = b"".join((plain | over).get(i, zeros) for i in range(4 * ROW))
    assert content(base, over, size) == whole[:size]


def test_what_a_sync_left_alone_is_held_once() -> None:
    file = Cached(bytes(range(1, 251)) * SECTOR * ROW)
    before = file.base
    file.write(0, 5 * SECTOR, b"new")
    file.sync()
    pairs = list(zip(before.rows, file.base.rows, strict=True))
    assert len(pairs) > 200
    assert [number for number, (old, new) in enumerate(pairs) if old is not new] == [0]
