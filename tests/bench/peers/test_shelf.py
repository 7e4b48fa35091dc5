"""Which peers there are."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from harness.bench.peers import shelf
from harness.bench.peers.shelf import PEERS, Peer, offering, peer_of, present
from harness.bench.plan import GROUPS

ROOMS = Path(shelf.__file__).parent


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_each_peer_has_a_room_that_defines_what_it_offers(peer: Peer) -> None:
    tree = ast.parse((ROOMS / f"{peer.room}.py").read_text(encoding="utf-8"))
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    defined |= {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert peer.calls.keys() <= GROUPS.keys()
    needed = {"window": "window", "count": "count", "restore": "store", "append": "store"}
    assert {needed[group] for group in peer.calls} <= defined


def test_an_absent_peer_says_what_brings_it() -> None:
    peer = Peer("nobody", "no-such-distribution", "nobody", {})
    assert peer.version is None
    assert peer.absence == (
        "absent: no-such-distribution is not installed; `uv sync --group peers` brings the pinned "
        "version"
    )


def test_every_group_of_speed_has_five_peers_but_for_the_disk() -> None:
    assert len(offering("window")) == 7
    assert len(offering("restore")) == 5
    assert len(offering("append")) == 3
    assert all(peer in PEERS for peer in present())
    assert peer_of("litellm") in PEERS
    assert peer_of("nobody") is None


def test_the_group_of_peers_pins_each_of_them_exactly() -> None:
    project = Path(__file__).parents[3] / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    assert [peer.name for peer in PEERS if f'"{peer.distribution}==' not in text] == []


def test_a_call_that_raises_is_told_in_one_line() -> None:
    told = PEERS[0].broke(TypeError("one\ntwo"))
    assert told == "broke: it raised TypeError: one"
