"""The line between two processes: whole messages, any bytes, descriptors, a clean hang-up."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.channel import Channel, Hangup, pair, to_bytes, to_text


def _two() -> tuple[Channel, Channel]:
    left, right = pair()
    return Channel(left), Channel(right)


@given(st.binary())
def test_any_bytes_survive_as_text(data: bytes) -> None:
    assert to_bytes(to_text(data)) == data


def test_messages_arrive_whole_and_in_order() -> None:
    left, right = _two()
    left.send({"text": "one \ud800 two"})
    left.send({"number": 2})
    assert right.receive() == {"text": "one \ud800 two"}
    assert right.receive_now() == {"number": 2}
    assert right.receive_now() is None
    left.close()
    right.close()


def test_a_descriptor_travels_beside_its_message() -> None:
    left, right = _two()
    reading, writing = os.pipe()
    left.send({"here": "it is"}, [writing])
    assert right.receive() == {"here": "it is"}
    (received,) = right.take_descriptors()
    os.write(received, b"hello")
    assert os.read(reading, 5) == b"hello"
    for descriptor in (reading, writing, received):
        os.close(descriptor)
    left.close()
    right.close()


def test_the_end_of_the_other_side_is_a_hangup() -> None:
    left, right = _two()
    left.close()
    with pytest.raises(Hangup):
        right.receive()
    with pytest.raises(Hangup):
        right.send({"anyone": "there?"})
    right.close()


def test_half_a_message_is_no_message() -> None:
    left, right = pair()
    channel = Channel(right)
    left.sendall(b'\x08\x00\x00\x00{"a"')
    assert channel.receive_now() is None
    left.sendall(b":12}"[:4])
    assert channel.receive() == {"a": 12}
    left.close()
    channel.close()
