"""
Faults told in advance: which key's which attempt is hit by what, fixed by a seed.

A plan is one vendor's; a key is what that vendor's data requests go by, mostly a symbol. A transient fault hits the
first one or two data requests for a key, then the truth is served. `revision` is no fault of an attempt: until the
gym's next phase one session of that symbol has figures that change later.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gym.wire import VARIANTS

RETRIED = ("http_429", "http_429_after", "http_500", "hang", "cut")
CONTENT = ("truncated", "malformed", "empty", "wrong_symbol", "duplicates", "plain_400")
REVISION = "revision"
DRAWN = (*RETRIED, *CONTENT, REVISION)
"""What a plan draws from when it is not told otherwise: the kinds that a second attempt gets over."""

REFUSED = tuple(kind for kind in VARIANTS if kind not in CONTENT)
"""What vendors say when they will not answer, whatever the attempt."""

KINDS = (*DRAWN[:-1], "http_503", *REFUSED, REVISION)

# What the attempt looks like to a client that asked: the fault it lists, or None where the exchange itself went well.
CLIENT_FAULT = {
    "http_429": "http_429",
    "http_429_after": "http_429",
    "http_500": "http_500",
    "http_503": "http_503",
    "hang": "timeout",
    "cut": "cut",
}


@dataclass
class FaultPlan:
    """
    Hits `share` of all symbols, one kind each in turn, but no fewer symbols than there are kinds.

    `told` names keys and the faults of their attempts in order, beside the drawn ones; a key of `always` meets its
    fault on every attempt. There a name that ends in `*` stands for all keys that start so, after the exact ones.
    `revised_at` ends the time before revisions, as `phase` 1 of the gym does.
    """

    share: float = 0.0
    kinds: tuple[str, ...] = DRAWN
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

    def assign(self, symbols: Iterable[str], variants: frozenset[str] = frozenset(VARIANTS)) -> None:
        """Draw the symbols that are hit, by kinds that a vendor with these variants knows; the gym calls this once."""
        told = {*self.always.values(), *(kind for kinds in self.told.values() for kind in kinds)}
        if unknown := (told & set(VARIANTS)) - variants:
            raise ValueError(f"the vendor has no form for {', '.join(sorted(unknown))}")
        drawn = list(symbols)
        random.Random(f"{self.seed}/faults").shuffle(drawn)
        known = [kind for kind in self.kinds if kind not in VARIANTS or kind in variants]
        hit = min(len(drawn), max(len(known), round(self.share * len(drawn)))) if self.share > 0 else 0
        for position, symbol in enumerate(drawn[:hit]):
            turn, kind = divmod(position, len(known))[0], known[position % len(known)]
            twice = kind in ("http_429", "http_500", "cut") and turn % 2 == 1
            self._planned[symbol] = [kind, kind] if twice else [kind]
        self._planned |= {symbol: list(kinds) for symbol, kinds in self.told.items()}

    def expected(self) -> dict[str, list[str]]:
        """Every key or beginning of keys that is hit, with the kinds it meets, attempt by attempt."""
        always = {key: [kind] for key, kind in self.always.items()}
        return {key: list(kinds) for key, kinds in {**self._planned, **always}.items()}

    def fault(self, key: str, attempt: int) -> str | None:
        """What hits the `attempt`-th data request (from 1) for a key."""
        if (name := _named(key, self.always)) is not None:
            return self.always[name]
        if (name := _named(key, self._planned)) is None:
            return None
        kinds = [kind for kind in self._planned[name] if kind != REVISION]
        return kinds[attempt - 1] if attempt <= len(kinds) else None

    @property
    def revised_symbols(self) -> list[str]:
        """Symbols with a session whose figures change later."""
        return sorted(symbol for symbol, kinds in self.expected().items() if REVISION in kinds)


def _named(key: str, names: Mapping[str, object]) -> str | None:
    """The entry for a key: its own, else the longest beginning that ends in `*`."""
    if key in names:
        return key
    open_ended = [name for name in names if name.endswith("*") and key.startswith(name[:-1])]
    return max(open_ended, key=len, default=None)
