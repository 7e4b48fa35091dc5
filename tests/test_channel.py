"""The line between two processes: whole messages, any bytes, descriptors, a clean hang-up."""

from __future__ import annotations

import os
import threading

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


@given(
    st.lists(
        st.dictionaries(st.text(max_size=5).filter(lambda key: key != "body"), st.integers()),
        min_size=1,
        max_size=4,
    ),
    st.binary(max_size=300),
)
def test_bytes_under_body_travel_beside_their_message(
    messages: list[dict[str, object]], body: bytes
) -> None:
    left, right = _two()
    sent = [{**message, "body": body[: 100 * number]} for number, message in enumerate(messages)]
    for message in sent:
        left.send(message)
    left.send({"body": "text is no bytes"})
    assert [right.receive() for _ in sent] == sent
    assert right.receive_now() == {"body": "text is no bytes"}
    left.close()
    right.close()


def test_a_body_of_megabytes_arrives_whole() -> None:
    left, right = _two()
    body = os.urandom(3_000_000)
    writer = threading.Thread(target=left.send, args=({"here": 1, "body": body},))
    writer.start()
    assert right.receive() == {"here": 1, "body": body}
    writer.join()
    left.close()
    right.close()


def test_a_message_is_none_until_its_last_byte_is_there() -> None:
    left, right = pair()
    channel = Channel(right)
    whole = b"\x07\x00\x00\x80\x03\x00\x00\x00" + b'{"a":1}' + b"\x00\xff\n"
    for byte in whole[:-1]:
        left.sendall(bytes([byte]))
        assert channel.receive_now() is None
    left.sendall(whole[-1:])
    assert channel.receive_now() == {"a": 1, "body": b"\x00\xff\n"}
    left.close()
    channel.close()


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
