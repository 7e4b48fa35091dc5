"""What a rule is given is enough to judge by."""

from __future__ import annotations

from harness.model.catalogue import shipped
from harness.model.request import parse
from harness.model.rules.ask import Ask
from harness.model.rules.history import trailing_assistant


def test_an_uncounted_ask_has_an_empty_prompt() -> None:
    request = parse({"model": "claude-sonnet-5-5", "messages": []})
    ask = Ask(request, shipped().models["claude-sonnet-5-5"])
    assert (ask.prompt.tokens, ask.prompt.parts) == (0, [])


def test_what_is_resumable_is_asked_about_the_last_message() -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    request = parse({"model": "claude-sonnet-5-5", "messages": messages})
    seen = []
    ask = Ask(
        request,
        shipped().models["claude-sonnet-5-5"],
        resumable=lambda message: not seen.append(message),
    )
    trailing_assistant(ask)
    assert seen == [request.messages[-1]]
