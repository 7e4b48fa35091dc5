"""A life: everything between the fork and the target, and the warmth that it is forked from.

`warm_up` runs once in the server, `warm_up_for_any` perhaps before it in a process that servers are
forked from: the target and the SDK are imported, virtual time and the mock's
door are put in, one call each way pays for every lazy import. `live` runs in the forked child:
it takes over the page, the bridge and the seed, then does what the runner says until it is told to
go or is killed. `again` makes it begin anew on another home, with the clock and the seed put back:
so one life can be handed state after state (`harness.lab.crashes.warm` says what that may hide).
"""

from __future__ import annotations

import os
import random
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from harness.channel import Channel, Hangup, to_bytes
from harness.doors.reply import Frame, NoReply, Reply
from harness.life import clock as clocks
from harness.life import network, sdk, waiting
from harness.life.bridge import RUNNER_GONE, Bridge
from harness.life.clock import HAND, Waiter
from harness.life.disk import reads, trap, wrapped
from harness.life.target.asking import asker
from harness.life.target.drive import Driver
from harness.life.target.load import CannotImport, Found, is_store, load_target
from harness.life.target.reading import read_counter
from harness.life.target.standing import tell_when_asked, write_stacks_to
from harness.life.target.streams import kept_open
from harness.life.tools import BridgedTool
from harness.protocol import Message

__all__ = ["CannotImport", "live", "warm_up"]

SWITCH_S = 0.1
"""Real seconds that a thread of a recorded life may keep the others waiting for the interpreter."""

_found: Found | None = None
_bridge: Bridge | None = None
_read_so_far: Callable[[], int] = int


def warm_up(order: dict[str, Any]) -> list[str]:
    """Import and rehearse everything that every life needs; the modules that it does without.

    A stack's requests must be caught, so it is refused where they could not be: CannotImport. A
    store needs no more than the standard library.
    """
    global _found
    _shut_the_network()
    with kept_open():
        _found = load_target(order["target"])
    if missing := sdk.missing():
        if not is_store(_found.target) and (client := sdk.client()):
            raise CannotImport(
                f"its requests could leave through {client}, and what would catch them is not "
                f"installed: {', '.join(missing)}",
                missing,
            )
    else:
        _open_the_door()
    whole = clocks.install()
    waiting.install()
    lacks = {"anthropic": sdk.is_installed() or is_store(_found.target), "time_machine": whole}
    return [name for name, is_here in lacks.items() if not is_here]


def warm_up_for_any() -> None:
    """What `warm_up` does that is the same for every target, where it can be done here."""
    _shut_the_network()
    if not sdk.missing():
        _open_the_door()
    clocks.import_ahead()


def _shut_the_network() -> None:
    network.clean_environment()
    network.shut(lambda address, what: _tell("network", address=address, what=what))


def _open_the_door() -> None:
    if not sdk.is_open():
        sdk.open_door(_handle, Waiter(HAND, _stand_still), _refuse)
        sdk.rehearse()


def live(order: dict[str, Any], control: int, door: int, page: int, output: int) -> None:
    """The life itself; ends the process."""
    global _bridge, _read_so_far
    if _found is None:
        raise RuntimeError("this server has not been warmed up")
    os.dup2(output, 1)
    os.dup2(output, 2)
    HAND.use(page, order["epoch_ns"], order["origin_ns"])
    crossing = Channel(socket.socket(fileno=door))
    _bridge = bridge = Bridge(crossing, _found.home_file)
    _read_so_far = read_counter()
    # What Python compiles is not the target's doing.
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    HAND.overdue = partial(_tell, "overdue")
    tools = {entry["name"]: BridgedTool(entry, bridge, HAND) for entry in order["tools"]}
    commands = Channel(socket.socket(fileno=control))
    tell_when_asked(2)
    hearing = _Hearing(_found, commands, bridge, tools, order)
    if order["filter"] is not None:
        write_stacks_to(2)
        # Its threads change where one of them waits, not wherever five milliseconds are over.
        sys.setswitchinterval(SWITCH_S)
        trap.hand_over(crossing, to_bytes(order["filter"]), call="trapped")
    elif order["telling"]:
        wrapped.begin(bridge.call)
    try:
        while (command := commands.receive())["do"] != "quit":
            hearing.serve(command)
    except Hangup:
        os._exit(RUNNER_GONE)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


class _Hearing:
    """What a life does when told: what a driver can, a series of it, or begin `again`.

    A series is carried out up to its first error. Its answers cross the bridge together, at its end
    or before anything else crosses: so they stand before it in the runner's order.
    """

    def __init__(
        self,
        found: Found,
        commands: Channel,
        bridge: Bridge,
        tools: dict[str, BridgedTool],
        order: dict[str, Any],
    ) -> None:
        self._found = found
        self._commands = commands
        self._bridge = bridge
        bridge.before = self.flush
        self._tools = tools
        self._driver = _begin(found, order)
        self._unsent: list[dict[str, Any]] = []

    def serve(self, command: dict[str, Any]) -> None:
        """Carry out a command, or all of a series, and send what came of it."""
        if command["do"] != "series":
            self._commands.send(self._answer(command))
            return
        for one in command["commands"]:
            answer = self._answer(one)  # which may flush what is unsent
            self._unsent.append(answer)
            if "error" in answer:
                break
        self.flush()

    def flush(self) -> None:
        """Send the answers of a series so far."""
        answers, self._unsent = self._unsent, []
        if answers:
            self._bridge.tell(call="answers", answers=answers)

    def _answer(self, command: dict[str, Any]) -> dict[str, Any]:
        if command["do"] == "again":
            # Whatever was open before is let go of; whether it could be is nobody's business now.
            self._driver.let_go()
            HAND.turn(command["epoch_ns"], command["origin_ns"])
            self._driver = _begin(self._found, command)
            return {"value": None}
        if command["do"] == "open":
            command["tools"] = self._tools
        return self._driver.answer(command)


def _begin(found: Found, order: dict[str, Any]) -> Driver:
    reads.watch(order["home"], lambda what, path: _tell("strayed", operation=what, path=path))
    random.seed(f"{order['seed']}/{order.get('life', 1)}")
    asks = partial(asker, _handle, HAND, caught=sdk.is_open())
    return Driver(
        found.target,
        order["home"],
        asker=asks,
        told=_stored,
        read_so_far=_read_so_far,
        home_file=found.home_file,
    )


def _handle(method: str, path: str, headers: Any, body: bytes) -> Reply | NoReply:
    """One request, over the bridge and back."""
    bridge = _bridge
    if bridge is None:
        raise RuntimeError("no life is open")
    answer = bridge.call(call="request", method=method, path=path, headers=dict(headers), body=body)
    if "no_reply" in answer:
        return NoReply(answer["no_reply"], answer["delay_ns"])
    frames = tuple(_frames(answer["frames"], answer["body"]))
    # Its only frame is the first and the last: one crossing says both.
    at_once = len(frames) == 1 and answer["end"] == "ok"

    def gate(at: str) -> None:
        if not at_once:
            _pass(bridge, answer, [at])
        elif at == "reply.received":
            _pass(bridge, answer, ["reply.started", at])

    return Reply(answer["status"], answer["headers"], frames, answer["end"], gate)


def _frames(sizes: Iterable[tuple[int, int]], data: bytes) -> Iterator[Frame]:
    start = 0
    for delay_ns, size in sizes:
        yield Frame(delay_ns, data[start : start + size])
        start += size


def _pass(bridge: Bridge, answer: Mapping[str, Any], at: list[str]) -> None:
    """Cross these boundaries of a reply; wait there only if a death may be scripted at one."""
    number = answer["request"]
    if answer["gated"]:
        bridge.gate(at, request=number)
    else:
        bridge.tell(call="passed", at=at, request=number, page_ns=HAND.monotonic_ns())


def _stand_still(duration_ns: int) -> None:
    if _bridge is not None:
        _bridge.call(call="blocked", ns=duration_ns)


def _refuse(url: str) -> None:
    _tell("network", address=url, what="http")


def _stored(message: Message) -> None:
    """A store's append has returned: its acknowledgement."""
    _tell("stored", role=message.role, content=message.content)


def _tell(call: str, **details: object) -> None:
    if _bridge is not None:
        _bridge.call(call=call, **details)
