"""
Faults told in advance: which symbol's which attempt is hit by what, fixed by a seed.

A transient fault hits the first one or two data requests for a symbol, then the truth is served. `revision` is no
fault of an attempt: until the gym's next phase one session of that symbol has figures that change later.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

RETRIED = ("http_429", "http_429_after", "http_500", "hang", "cut")
CONTENT = ("truncated", "malformed", "empty", "wrong_symbol", "duplicates", "plain_400")
REVISION = "revision"
KINDS = (*RETRIED, *CONTENT, REVISION)

# What the attempt looks like to a client that asked: the fault it lists, or None where the exchange itself went well.
CLIENT_FAULT = {
    "http_429": "http_429",
    "http_429_after": "http_429",
    "http_500": "http_500",
    "hang": "timeout",
    "cut": "cut",
}


@dataclass
class FaultPlan:
    """
    Hits `share` of all symbols, one kind each in turn, but no fewer symbols than there are kinds.

    `told` names symbols and the faults of their attempts in order, beside the drawn ones; a symbol of `always` meets
    its fault on every attempt. `revised_at` ends the time before revisions, as `phase` 1 of the gym does.
    """

    share: float = 0.0
    kinds: tuple[str, ...] = KINDS
    seed: int = 0
    told: Mapping[str, Iterable[str]] = field(default_factory=dict)
    always: Mapping[str, str] = field(default_factory=dict)
    retry_after_seconds: int = 1
    hang_seconds: float = 30.0
    revised_at: datetime | None = None

    def __post_init__(self) -> None:
        asked = {*self.kinds, *self.always.values(), *(kind for kinds in self.told.values() for kind in kinds)}
        if unknown := asked - set(KINDS):
            raise ValueError(f"no fault named {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
        self._planned: dict[str, list[str]] = {}

    def assign(self, symbols: Iterable[str]) -> None:
        """Draw the symbols that are hit; the gym calls this once."""
        drawn = list(symbols)
        random.Random(f"{self.seed}/faults").shuffle(drawn)
        hit = min(len(drawn), max(len(self.kinds), round(self.share * len(drawn)))) if self.share > 0 else 0
        for position, symbol in enumerate(drawn[:hit]):
            turn, kind = divmod(position, len(self.kinds))[0], self.kinds[position % len(self.kinds)]
            twice = kind in ("http_429", "http_500", "cut") and turn % 2 == 1
            self._planned[symbol] = [kind, kind] if twice else [kind]
        self._planned |= {symbol: list(kinds) for symbol, kinds in self.told.items()}

    def expected(self) -> dict[str, list[str]]:
        """Every symbol that is hit, with the kinds it meets, attempt by attempt."""
        return {symbol: list(kinds) for symbol, kinds in {**self._planned, **_lists(self.always)}.items()}

    def fault(self, symbol: str, attempt: int) -> str | None:
        """What hits the `attempt`-th data request (from 1) for a symbol."""
        if symbol in self.always:
            return self.always[symbol]
        kinds = [kind for kind in self._planned.get(symbol, ()) if kind != REVISION]
        return kinds[attempt - 1] if attempt <= len(kinds) else None

    @property
    def revised_symbols(self) -> list[str]:
        """Symbols with a session whose figures change later."""
        return sorted(symbol for symbol, kinds in self.expected().items() if REVISION in kinds)


def _lists(always: Mapping[str, str]) -> dict[str, list[str]]:
    return {symbol: [kind] for symbol, kind in always.items()}
