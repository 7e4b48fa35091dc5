"""The tools as a life sees them: a call crosses the bridge, and the effect happens outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.life.bridge import Bridge
from harness.life.clock import Hand
from harness.protocol import Contract


class BridgedTool:
    """One tool; follows `harness.protocol.Tool`."""

    def __init__(self, description: Mapping[str, Any], bridge: Bridge, hand: Hand) -> None:
        self.name: str = description["name"]
        self.description: str = description["description"]
        self.input_schema: Mapping[str, object] = description["input_schema"]
        self.contract: Contract = description["contract"]
        self._bridge = bridge
        self._hand = hand

    def __call__(self, arguments: Mapping[str, object], *, call_id: str | None = None) -> object:
        """Run it: the time it takes passes, then the effect happens, then the result is here."""
        call = self._called(arguments, call_id)
        self._hand.sleep_ns(call["takes_ns"] // 2)
        self._halfway(call)
        self._hand.sleep_ns(call["takes_ns"] - call["takes_ns"] // 2)
        return self._done(arguments, call_id, call)

    async def call_async(
        self, arguments: Mapping[str, object], *, call_id: str | None = None
    ) -> object:
        """The same, with the time passing on the event loop."""
        call = self._called(arguments, call_id)
        await self._hand.asleep_ns(call["takes_ns"] // 2)
        self._halfway(call)
        await self._hand.asleep_ns(call["takes_ns"] - call["takes_ns"] // 2)
        return self._done(arguments, call_id, call)

    def _called(self, arguments: Mapping[str, object], call_id: str | None) -> dict[str, Any]:
        return self._bridge.call(
            call="tool", name=self.name, input=dict(arguments), call_id=call_id
        )

    def _halfway(self, call: Mapping[str, Any]) -> None:
        if call["halfway"]:
            self._bridge.call(call="halfway", ordinal=call["ordinal"])

    def _done(
        self, arguments: Mapping[str, object], call_id: str | None, call: Mapping[str, Any]
    ) -> object:
        answer = self._bridge.call(
            call="effect",
            name=self.name,
            input=dict(arguments),
            call_id=call_id,
            ordinal=call["ordinal"],
        )
        result: object = answer["result"]
        return result
