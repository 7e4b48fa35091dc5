"""Long conversations with the mock Claude through the real SDK, in process and in virtual time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anthropic

from harness.doors.reply import NoReply, Reply
from harness.doors.transport import DoorTransport
from harness.lifecycle import Conversation
from harness.model.ledger import LedgerRow
from harness.model.mock import MockModel
from harness.protocol import Contract
from harness.scenario.plan import plan
from harness.scenario.schema import Scenario

SECOND_NS = 1_000_000_000
START_NS = 1_770_000_000 * SECOND_NS
WORDS = (  # noqa: SIM905
    "the evening train to the north coast left late and nobody on its platform seemed surprised "
    "because heavy rain had closed two stations while engineers looked for another working signal"
).split()
CODE = "    total[key] = max(0, rows[i + 1].get('amount', 0) * 1.25)  # see §4, {...}\n"
CJK = "列車は遅れて出発しましたが、誰も気にしていないようでした。駅員が次の便を案内しています。"


class VirtualTime:
    """Nanoseconds since the story began; sleeping costs nothing."""

    def __init__(self) -> None:
        self.now_ns = 0

    def sleep_ns(self, delay_ns: int) -> None:
        self.now_ns += delay_ns

    async def asleep_ns(self, delay_ns: int) -> None:
        self.now_ns += delay_ns


class Library:
    """A tool that answers with prose of a length that its question draws."""

    name = "look_up"
    description = "Look a passage up in the library."
    contract: Contract = "idempotent"
    input_schema: Mapping[str, Any] = {
        "type": "object",
        "properties": {"words": {"type": "integer"}, "seed": {"type": "integer"}},
    }

    def __call__(self, arguments: Mapping[str, Any], *, call_id: str | None = None) -> str:
        return prose(random.Random(arguments["seed"]), arguments["words"])


def prose(source: random.Random, words: int) -> str:
    """English sentences."""
    return " ".join(source.choices(WORDS, k=max(1, words))).capitalize() + "."


class Talk:
    """A mock Claude with a script, the SDK's client on it, and the time between them.

    `lines` are a scenario's script; `gap_s` passes before each message.
    """

    def __init__(self, lines: Sequence[Mapping[str, Any]], *, gap_s: float, **model: Any) -> None:
        scenario = Scenario.model_validate(
            {
                "name": "talk",
                "script": list(lines),
                "model": {"name": "claude-opus-4-8", **model},
                "tools": {Library.name: {"contract": "idempotent"}},
            }
        )
        self.plan = plan(scenario, scenario.seed)
        self.time = VirtualTime()
        self.bodies: list[bytes] = []
        self.on_request: Callable[[], None] = lambda: None
        """Called as each request arrives."""
        self._gap_ns = int(gap_s * SECOND_NS)
        self._model = MockModel(self.plan, model=scenario.model, seed=1)
        transport = DoorTransport(self._handle, self.time)
        self.client = anthropic.Anthropic(
            api_key="sk-ant-mock", http_client=anthropic.DefaultHttpxClient(transport=transport)
        )

    @property
    def rows(self) -> list[LedgerRow]:
        """The mock's ledger, one row a request."""
        return self._model.ledger

    @property
    def input_usd(self) -> float:
        """What the prompts cost, in the mock's dollars."""
        output_usd = sum(row.output_tokens for row in self.rows) * 25.0 / 1e6
        return sum(row.cost_usd for row in self.rows) - output_usd

    def _handle(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Reply | NoReply:
        self.bodies.append(body)
        self.on_request()
        return self._model.handle(method, path, headers, body, self.time.now_ns)

    @contextmanager
    def opened(self, home: Path, **settings: Any) -> Iterator[Conversation]:
        """A conversation of the stack with this model."""
        with Conversation.open(
            home,
            "ada",
            client=self.client,
            model="claude-opus-4-8",
            now=lambda: START_NS + self.time.now_ns,
            tools=[Library()],
            **{"system": "Be kind and exact. " * 20, **settings},
        ) as conversation:
            yield conversation

    def say(self, conversation: Conversation, first: int = 1, last: int | None = None) -> None:
        """Speak the script's turns from `first` to `last`."""
        for turn in self.plan.turns[first - 1 : last]:
            self.time.now_ns += self._gap_ns
            self._model.spoken_turn = turn.number
            conversation.send(turn.message_id, turn.user)


def steps_with_tools(source: random.Random, calls: int, final: dict[str, Any]) -> list[Any]:
    """A reply that looks something up `calls` times before its last words."""
    looks = [
        {
            "text": prose(source, source.randint(5, 40)),
            "tool": Library.name,
            "input": {
                "words": max(15, min(2500, int(source.lognormvariate(5.2, 1.1)))),
                "seed": source.getrandbits(30),
            },
        }
        for _ in range(calls)
    ]
    return [*looks, final]


def agent_lines(turns: int, seed: int) -> list[dict[str, Any]]:
    """Work: short orders, up to six look-ups each, long results."""
    source = random.Random(seed)
    return [
        {
            "user": f"{number}: " + prose(source, max(6, int(source.lognormvariate(3.6, 0.8)))),
            "reply": steps_with_tools(
                source,
                source.choice([0, 0, 1, 1, 2, 3, 4, 6]),
                {"text": prose(source, max(10, int(source.lognormvariate(4.5, 0.7))))},
            ),
        }
        for number in range(1, turns + 1)
    ]


def chat_lines(turns: int, seed: int) -> list[dict[str, Any]]:
    """Talk: short questions, long answers, no tools."""
    source = random.Random(seed)
    return [
        {
            "user": f"{number}: " + prose(source, max(6, int(source.lognormvariate(3.6, 0.8)))),
            "reply": {"text": prose(source, max(60, int(source.lognormvariate(6.3, 0.7))))},
        }
        for number in range(1, turns + 1)
    ]


def motley_lines(turns: int, seed: int, paste_words: int) -> list[dict[str, Any]]:
    """Everything at once: prose, code, CJK, pastes, thinking, tools one by one and together."""
    source = random.Random(seed)
    lines = []
    for number in range(1, turns + 1):
        kind = source.choices(["prose", "code", "cjk", "paste"], [60, 15, 20, 5])[0]
        user = {
            "prose": lambda: prose(source, source.randint(5, 60)),
            "code": lambda: CODE * source.randint(1, 8),
            "cjk": lambda: "".join(source.choices(CJK, k=source.randint(5, 120))),
            "paste": lambda: prose(source, paste_words) + CODE * (paste_words // 40),
        }[kind]()
        final: dict[str, Any] = {"text": f"{number}. " + prose(source, source.randint(5, 90))}
        if number % 3 == 0:
            final["think"] = prose(source, source.randint(5, 40))
        if number % 10 == 0:
            final["text"] = f"{number}。" + "".join(source.choices(CJK, k=60))
        reply = steps_with_tools(source, source.choice([0, 0, 0, 1, 2]), final)
        if number % 7 == 0:
            calls = [{"tool": Library.name, "input": {"words": 30, "seed": n}} for n in range(3)]
            reply.insert(0, {"tools": calls})
        lines.append({"user": f"{number}: {user}", "reply": reply})
    return lines
