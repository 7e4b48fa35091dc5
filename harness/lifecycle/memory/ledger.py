"""What the bill teaches about tokens.

The API's `usage` says exactly what each prompt was. The first one solves the constant that no
counter knows (system prompt, tools); each later one gives, by difference, the exact count of what
was added. So only messages never sent are estimated, as `ratio x count + overhead`, learned by
recursive least squares with forgetting. The safe bound adds a margin to that part alone: 35 % until
eight samples are in, then the 99 % quantile of the last 64 relative errors, at least 5 %.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

_FIRST_MARGIN = 0.35
_LEAST_MARGIN = 0.05
_QUANTILE = 0.99
_SAMPLES_MIN = 8
_FORGETTING = 0.99
_BELIEVABLE = (0.3, 3.0)
_FIRST_SCALE = (0.7, 1.5)


class UsageLedger:
    """Tokens by the API's ruler, learned from its answers.

    `constant` is what stands in every request beside its messages, in tokens; a guess until the
    first answer.
    """

    def __init__(self, constant: float = 0.0, *, ratio: float = 1.0, overhead: float = 4.0) -> None:
        self.constant = constant
        self.answers = 0
        self._ratio = ratio
        self._overhead = overhead
        self._spread = (0.05, 0.0, 20.0)
        self._residuals: deque[float] = deque(maxlen=64)
        self.margin = _FIRST_MARGIN

    @property
    def overhead(self) -> float:
        """Learned tokens around each message."""
        return max(0.0, self._overhead)

    def line(self) -> tuple[float, float]:
        """(tokens a count, tokens a message), as learned."""
        return self._ratio, self._overhead

    def predict(self, count: int) -> float:
        """Tokens by the API's ruler of one message that the counter says is `count`."""
        return max(1.0, self._ratio * count + self._overhead)

    def learn(self, total: int, known: float, unsent: Sequence[tuple[int, float]]) -> list[float]:
        """A prompt was `total` tokens: return the exact tokens of each unsent message.

        `known` is the sum of the messages sent before; `unsent` holds (count, tokens believed) of
        each new one, the last of them the one to learn from.
        """
        expected = sum(tokens for _, tokens in unsent)
        rest = total - known
        first = self.answers == 0
        self.answers += 1
        if first and expected:
            scale = total / max(1.0, self.constant + known + expected)
            share = min(_FIRST_SCALE[1], max(_FIRST_SCALE[0], scale))
            self._ratio *= share
            believed = min(expected * share, max(0.0, rest))
        else:
            believed = rest - self.constant
            low, high = _BELIEVABLE[0] * expected, _BELIEVABLE[1] * expected
            if expected and low <= believed <= high:
                self._learn_last(believed, unsent)
            believed = min(max(believed, low), high)
        self.constant = rest - believed
        if not expected:
            return []
        return self._share(believed, unsent)

    def state(self) -> dict[str, Any]:
        """All that was learned, JSON-like."""
        return {
            "constant": self.constant,
            "answers": self.answers,
            "ratio": self._ratio,
            "overhead": self._overhead,
            "spread": list(self._spread),
            "residuals": list(self._residuals),
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> UsageLedger:
        """The ledger whose `state()` this was."""
        ledger = cls(state["constant"], ratio=state["ratio"], overhead=state["overhead"])
        ledger.answers = state["answers"]
        first, second, third = state["spread"]
        ledger._spread = (first, second, third)
        ledger._residuals.extend(state["residuals"])
        ledger._set_margin()
        return ledger

    def _share(self, believed: float, unsent: Sequence[tuple[int, float]]) -> list[float]:
        """Hand the exact sum out: earlier messages as believed, the newest takes what is left."""
        others = sum(tokens for _, tokens in unsent[:-1])
        last = believed - others
        if last >= 1.0:
            return [*(tokens for _, tokens in unsent[:-1]), last]
        whole = sum(tokens for _, tokens in unsent)
        return [believed * tokens / whole for _, tokens in unsent]

    def _learn_last(self, believed: float, unsent: Sequence[tuple[int, float]]) -> None:
        count = unsent[-1][0]
        exact = believed - sum(tokens for _, tokens in unsent[:-1])
        predicted = self.predict(count)
        if not _BELIEVABLE[0] * predicted <= exact <= _BELIEVABLE[1] * predicted:
            return
        self._residuals.append(exact / predicted - 1.0)
        self._set_margin()
        self._least_squares(count, exact)

    def _least_squares(self, count: int, exact: float) -> None:
        weight = 1.0 / math.sqrt(max(1, count))
        x0, x1, y = count * weight, weight, exact * weight
        p00, p01, p11 = self._spread
        q0, q1 = p00 * x0 + p01 * x1, p01 * x0 + p11 * x1
        divisor = _FORGETTING + x0 * q0 + x1 * q1
        error = y - (self._ratio * x0 + self._overhead * x1)
        self._ratio += q0 / divisor * error
        self._overhead += q1 / divisor * error
        self._spread = (
            min(1.0, (p00 - q0 * q0 / divisor) / _FORGETTING),
            (p01 - q0 * q1 / divisor) / _FORGETTING,
            min(400.0, (p11 - q1 * q1 / divisor) / _FORGETTING),
        )

    def _set_margin(self) -> None:
        if len(self._residuals) < _SAMPLES_MIN:
            return
        ordered = sorted(self._residuals)
        self.margin = max(
            _LEAST_MARGIN, ordered[min(len(ordered) - 1, int(_QUANTILE * len(ordered)))]
        )
