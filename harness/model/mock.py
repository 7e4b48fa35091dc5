"""The mock Claude: one object that answers every request as the API would. Pure: the time of each
request comes in, ids and words come out of the seed, and nothing is read, slept or sent here.

    entry rules -> parse -> rules -> count -> rules on the prompt -> place in the script -> fault?
    -> rate limit -> what is said -> the bill -> JSON or events, and one row in the ledger

The reply is chosen from the history in the request: a process that was killed and born again hears
what it would have heard, and pays for it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs

from pydantic_core import to_json

from harness.doors.reply import Frame, NoReply, Reply
from harness.model.bill import NOTHING, PromptCache, Usage, cost_usd
from harness.model.catalogue import Catalogue, ModelSpec, shipped
from harness.model.ledger import LedgerRow
from harness.model.limits import Limits, RateLimits
from harness.model.message import Message, Refusal
from harness.model.meter import Meter, Prompt
from harness.model.request import Request, parse, read_body
from harness.model.rules import entry, table
from harness.model.rules.ask import Ask
from harness.model.script.carried import Carried
from harness.model.script.compose import Speaker, small_talk
from harness.model.script.faults import Faults, Met, error_for, refused_by
from harness.model.script.index import Index
from harness.model.script.place import Place, find_place
from harness.model.wire import STREAM_HEADERS, Cut, Outgoing, cut_whole, streamed, whole
from harness.scenario import schema
from harness.scenario.faults import Fault, Http, Stream
from harness.scenario.plan import Plan, PlannedStep

NO_BETAS: frozenset[str] = frozenset()
REFUSED_TURN = "refused_turn_kept"
"""The rule by which a request is declined that carries a turn which was declined before."""
ORGANIZATION = "00000000-0000-4000-8000-000000000000"


@dataclass(slots=True)
class _Attempt:
    """What is known of a request so far; in the end, a row."""

    n: int
    at_ns: int
    request_id: str
    path: str = ""
    request: Request | None = None
    spec: ModelSpec | None = None
    prompt: Prompt | None = None
    usage: Usage = NOTHING
    stop_reason: str | None = None
    place: Place | None = None
    fault: int | None = None
    status: int | None = None
    error: Refusal | None = None
    error_type: str | None = None
    declined: bool = False

    def row(self) -> LedgerRow:
        request, spec, usage, error = self.request, self.spec, self.usage, self.error
        return LedgerRow(
            n=self.n,
            at_ns=self.at_ns,
            path=self.path,
            status=self.status,
            error_type=error.type if error else self.error_type,
            error_message=error.message if error else None,
            rule=REFUSED_TURN if self.declined else error.rule if error else None,
            model=request.model if request else None,
            messages=len(request.messages) if request else 0,
            prompt_tokens=self.prompt.tokens if self.prompt else 0,
            max_tokens=(request.max_tokens or 0) if request else 0,
            context_window=spec.context_window if spec else 0,
            input_tokens=usage.input_tokens,
            cache_creation_input_tokens=usage.cache_creation_input_tokens,
            cache_read_input_tokens=usage.cache_read_input_tokens,
            output_tokens=usage.output_tokens,
            cost_usd=cost_usd(usage, spec) if spec else 0.0,
            stop_reason=self.stop_reason,
            turn=self.place.turn if self.place else None,
            step=self.place.step if self.place else None,
            fault=self.fault,
            stream=request.stream if request else False,
            request_id=self.request_id,
        )


class MockModel:
    """A Claude that is not there.

    `plan` is the script (without one, any valid request gets a short seeded text); `model` the
    scenario's settings; `faults` the scenario's faults with their indices; `rules_off` and
    `rules_on` switch rules by name (`harness.model.rules.table.SURE` lists them; a ValueError names
    one that does not exist); `limits` are rate limits by model id; `start_ns` is when `now_ns` 0
    is, in nanoseconds since the Unix epoch, for the dates in headers; `on_row` sees each row as it
    is written.
    """

    def __init__(
        self,
        plan: Plan | None,
        *,
        model: schema.Model,
        faults: Sequence[tuple[int, Fault]] = (),
        seed: int = 0,
        catalogue: Catalogue | None = None,
        rules_off: frozenset[str] = frozenset(),
        rules_on: frozenset[str] = frozenset(),
        limits: Mapping[str, RateLimits] | None = None,
        start_ns: int = 0,
        on_row: Callable[[LedgerRow], None] | None = None,
    ) -> None:
        self.ledger: list[LedgerRow] = []
        self.spoken_turn: int | None = None
        """The turn the user last wrote: it decides between turns with the same words, only."""
        self._model = model
        self._seed = seed
        self._catalogue = catalogue or shipped()
        self._specs: dict[str, ModelSpec] = {}
        self._start_ns = start_ns
        self._on_row = on_row
        self._index = Index(plan or Plan(()))
        self._declined: set[int] = set()
        self._carried = Carried(plan or Plan(()), self._index, [fault for _, fault in faults])
        self._faults = Faults(faults)
        self._meter = Meter()
        self._cache = PromptCache()
        told = model.rate_limits
        self._limits = Limits(limits, None if told is None else (self._spec(model.name).id, told))
        names = table.active(rules_off, rules_on)
        self._at_entry = table.choose(table.AT_ENTRY, names)
        on_shape = table.choose(table.ON_SHAPE, names)
        self._at_first = on_shape[:1]
        self._on_shape = table.Rules(on_shape)
        self._on_prompt = table.Rules(table.choose(table.ON_PROMPT, names))
        self._limited = "rate_limit" in names
        self._declining = REFUSED_TURN in names

    def copy(self) -> MockModel:
        """Another one in the same state: what one of them is asked, the other does not know."""
        # `copy.copy` does the same by way of pickling's protocol, five times as slowly.
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.ledger = list(self.ledger)
        other._faults = self._faults.copy()
        other._cache = self._cache.copy()
        other._declined = set(self._declined)
        other._limits = self._limits.copy()
        return other

    def handle(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        now_ns: int,
        parsed: Mapping[str, Any] | None = None,
    ) -> Reply | NoReply:
        """Answer one request. Header names are in lower case; `path` may carry a query. `parsed` is
        what `read_json` makes of the body, for whoever has it already."""
        number = len(self.ledger) + 1
        path, _, query = path.partition("?")
        attempt = _Attempt(number, now_ns, self._id("req", number), path)
        try:
            knock = entry.Knock(method, path, headers, body)
            table.check(self._at_entry, knock)
            if method == "GET":
                reply: Reply | NoReply = self._show_models(attempt, path, query)
            else:
                reply = self._answer(attempt, knock, parsed)
        except Refusal as refusal:
            reply = self._refuse(attempt, refusal)
        except RecursionError:
            reply = self._refuse(attempt, Refusal("The request body is nested too deeply"))
        row = attempt.row()
        self.ledger.append(row)
        if self._on_row is not None:
            self._on_row(row)
        return reply

    def _id(self, kind: str, number: int) -> str:
        digest = hashlib.sha256(f"{self._seed}/{kind}/{number}".encode()).hexdigest()
        return f"{kind}_01{digest[:22]}"

    def _spec(self, name: str) -> ModelSpec:
        spec = self._specs.get(name)
        if spec is None:
            spec = self._catalogue.find(name)
            if spec is None:
                raise Refusal(
                    f"model: {name}", status=404, kind="not_found_error", rule="unknown_model"
                )
            if self._model.context_window is not None:
                spec = replace(spec, context_window=self._model.context_window)
            self._specs[name] = spec
        return spec

    def _answer(
        self, attempt: _Attempt, knock: entry.Knock, parsed: Mapping[str, Any] | None
    ) -> Reply | NoReply:
        counting = knock.path == entry.COUNT_TOKENS
        betas = knock.headers.get("anthropic-beta", "")
        request = attempt.request = parse(
            read_body(knock.body) if parsed is None else parsed,
            betas=frozenset(filter(None, map(str.strip, betas.split(",")))) if betas else NO_BETAS,
            version=knock.headers.get("anthropic-version", ""),
            counting=counting,
        )
        if request.raw.get("model") is None:
            table.check(self._at_first, Ask(request, next(iter(self._catalogue))))
        spec = attempt.spec = self._spec(request.model)
        ask = Ask(request, spec, resumable=self._resumable)
        self._on_shape.check(ask)
        attempt.prompt = self._meter.prompt(request, spec)
        self._on_prompt.check(Ask(request, spec, attempt.prompt, self._resumable))
        if counting:
            return self._send(attempt, to_json({"input_tokens": attempt.prompt.tokens}))
        return self._converse(attempt, request, spec, attempt.prompt)

    def _resumable(self, message: Message) -> bool:
        text = "".join(block["text"] for block in message.blocks if block["type"] == "text")
        return text.strip() in self._index.paused

    def _converse(
        self, attempt: _Attempt, request: Request, spec: ModelSpec, prompt: Prompt
    ) -> Reply | NoReply:
        place = attempt.place = find_place(self._index, request.messages, self.spoken_turn)
        carried = self._carried.by(request.messages, place)
        met = self._faults.meet(place.turn, carried) if place else None
        attempt.fault = met.fault if met else None
        refused = refused_by(met, request.stream)
        if refused is not None:
            raise refused
        if (
            met
            and isinstance(met.what, Http)
            and met.what.network
            in (
                "connect_error",
                "connect_timeout",
            )
        ):
            return NoReply(met.what.network)
        if self._limited:
            self._limits.of(spec, attempt.at_ns).admit(attempt.at_ns)
        if self._declining and not carried.isdisjoint(self._declined):
            attempt.declined, attempt.place = True, None
        outgoing = self._speak(attempt, request, spec, prompt)
        if met and isinstance(met.what, Http) and met.what.network is not None:
            return NoReply(met.what.network)
        return self._deliver(attempt, request, outgoing, met)

    def _speak(
        self, attempt: _Attempt, request: Request, spec: ModelSpec, prompt: Prompt
    ) -> Outgoing:
        step, said = self._step(attempt.place, request)
        if attempt.declined:
            step, said = replace(step, text="", stop="refusal"), 0
        spoken = Speaker(request, spec, prompt, self._meter).say(step, said)
        usage = self._cache.bill(
            prompt,
            request,
            spec,
            now_ns=attempt.at_ns,
            begins_ns=attempt.at_ns + step.first_token_ns,
        )
        attempt.usage = usage = usage._replace(
            output_tokens=spoken.output_tokens, thinking_tokens=spoken.thinking_tokens
        )
        attempt.stop_reason = spoken.stop_reason
        if spoken.stop_reason == "refusal" and attempt.place is not None:
            self._declined.add(attempt.place.turn)
        self._limits.of(spec, attempt.at_ns).used(usage)
        return Outgoing(
            self._id("msg", attempt.n),
            request.model,
            spoken,
            usage,
            step.first_token_ns,
            step.tokens_per_second,
        )

    def _step(self, place: Place | None, request: Request) -> tuple[PlannedStep, int]:
        if place is not None:
            return self._index.steps(place.turn)[place.step], place.said
        last = str(request.messages[-1].blocks) if request.messages else ""
        text = small_talk(self._seed, f"{len(request.messages)}/{last}")
        return (
            PlannedStep(
                text, (), None, None, None, self._model.first_token, self._model.tokens_per_second
            ),
            0,
        )

    def _deliver(
        self, attempt: _Attempt, request: Request, outgoing: Outgoing, met: Met | None
    ) -> Reply:
        cut = None
        if met is not None and isinstance(met.what, Stream):
            cut = _cut(met.what, attempt)
        attempt.status = 200
        headers = self._headers(attempt)
        if request.stream:
            headers.update(STREAM_HEADERS)
            frames = streamed(outgoing, cut)
        else:
            headers["content-type"] = "application/json"
            frames = whole(outgoing)
            headers["content-length"] = str(len(frames[0].data))
            frames = frames if cut is None else cut_whole(frames, cut)
        return Reply(200, headers, frames, "ok" if cut is None else cut.end)

    def _headers(self, attempt: _Attempt) -> dict[str, str]:
        headers = {
            "request-id": attempt.request_id,
            "anthropic-organization-id": ORGANIZATION,
        }
        if attempt.spec is not None and self._limited:
            limiter = self._limits.of(attempt.spec, attempt.at_ns)
            headers.update(limiter.headers(attempt.at_ns, self._start_ns))
        return headers

    def _send(self, attempt: _Attempt, data: bytes, status: int = 200) -> Reply:
        attempt.status = status
        headers = self._headers(attempt)
        headers["content-type"] = "application/json"
        headers["content-length"] = str(len(data))
        return Reply(status, headers, (Frame(0, data),))

    def _refuse(self, attempt: _Attempt, refusal: Refusal) -> Reply:
        attempt.error = refusal
        body = {
            "type": "error",
            "error": {"type": refusal.type, "message": refusal.message},
            "request_id": attempt.request_id,
        }
        reply = self._send(attempt, to_json(body), refusal.status)
        return replace(reply, headers={**reply.headers, **refusal.headers})

    def _show_models(self, attempt: _Attempt, path: str, query: str) -> Reply:
        name = path.removeprefix(entry.MODELS).strip("/")
        if name:
            return self._send(attempt, to_json(_model_info(self._spec(name))))
        asked = parse_qs(query)
        models = [_model_info(spec) for spec in self._catalogue]
        ids = [one["id"] for one in models]
        after = asked.get("after_id", [""])[0]
        start = ids.index(after) + 1 if after in ids else 0
        size = asked.get("limit", ["20"])[0]
        if not size.isdecimal() or not 1 <= int(size) <= 1000:
            raise Refusal("limit: Input should be a whole number from 1 to 1000")
        page = models[start : start + int(size)]
        listing = {
            "data": page,
            "has_more": start + len(page) < len(models),
            "first_id": page[0]["id"] if page else None,
            "last_id": page[-1]["id"] if page else None,
        }
        return self._send(attempt, to_json(listing))


def _cut(fault: Stream, attempt: _Attempt) -> Cut:
    if fault.error is None:
        return Cut(fault.after_chars, fault.cut or "ok")
    attempt.error_type = fault.error
    error = error_for(fault.error)
    return Cut(
        fault.after_chars,
        "ok",
        {
            "error": {"type": error.type, "message": error.message},
            "request_id": attempt.request_id,
        },
    )


def _model_info(spec: ModelSpec) -> dict[str, Any]:
    return {
        "type": "model",
        "id": spec.id,
        "display_name": spec.display_name,
        "created_at": spec.created_at,
        "lifecycle": "active",
        "max_input_tokens": spec.context_window,
        "max_tokens": spec.output_limit,
    }
