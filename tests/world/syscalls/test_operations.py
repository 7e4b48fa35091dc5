"""Operations: what is a barrier, what has the same shape, how they read."""

from __future__ import annotations

from dataclasses import replace

from harness.world.syscalls.operations import Operation, divergence, fingerprint

WRITE = Operation("write", "write", "log", 0, offset=10, data=b"line\n")
FSYNC = Operation("fsync", "fsync", "log", 0)


def test_a_barrier_is_a_sync_or_a_synchronous_write() -> None:
    assert FSYNC.barrier
    assert Operation("sync", "sync", ".").barrier
    assert not WRITE.barrier
    assert replace(WRITE, durable=True).barrier


def test_the_shape_leaves_content_and_names_out() -> None:
    assert WRITE.shape() == replace(WRITE, data=b"LINE\n", path="other", thread=7).shape()
    for other in (
        replace(WRITE, data=b"longer\n"),
        replace(WRITE, offset=11),
        replace(WRITE, file=1),
        replace(WRITE, error=5),
        replace(WRITE, durable=True),
        FSYNC,
    ):
        assert other.shape() != WRITE.shape()


def test_a_fingerprint_tells_traces_apart() -> None:
    assert fingerprint([WRITE, FSYNC]) == fingerprint([replace(WRITE, data=b"LINE\n"), FSYNC])
    assert fingerprint([WRITE, FSYNC]) != fingerprint([FSYNC, WRITE])
    assert len(fingerprint([])) == 12


def test_the_first_divergence_is_named_by_its_index() -> None:
    trace = [WRITE, FSYNC, WRITE]
    assert divergence(trace, list(trace)) is None
    assert divergence(trace, [WRITE, WRITE, WRITE]) == 1
    assert divergence(trace, trace[:2]) == 2


def test_an_operation_reads_as_a_phrase() -> None:
    assert str(WRITE) == "write log 5 bytes at 10"
    assert str(Operation("rename", "renameat2", "a", 0, to="b")) == "renameat2 a to b"
    assert str(replace(FSYNC, error=5, path=None)) == ("fsync a nameless file (fails with errno 5)")
