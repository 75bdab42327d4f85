"""
Where defects are put: drawn from a seed, far enough from each other and from what the truth itself does.

Checks look up to 120 days back, so two defects of a symbol lie further apart than that; what is listed late, halted,
split or paid is kept away from, but for kinds that are about just that.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

import numpy as np

from gym import defects_actions as actions
from gym import defects_bars as bars
from gym.defects import Defect, Kind
from gym.minutes import traded_share
from gym.truth import Action, History, Truth

APART, AWAY, EARLIEST, LATEST = 100, 15, 70, 40
"""Sessions between two defects of a symbol, from an action or halt, from the first and to the last session."""

BY_NAME = {kind.name: kind for kind in (*bars.KINDS, *bars.APART, *actions.SPLITS, *actions.CASH)}
ADJUSTED, JUMP = BY_NAME["step in the adjusted close"], BY_NAME["lasting jump"]
HOLE, OVER, OFF = (
    BY_NAME["session missing for many"],
    BY_NAME["no bars any more"],
    BY_NAME["price off by 1.2 %"],
)
SATURDAY = BY_NAME["row on a Saturday"]
HALTED, DELISTED, PARTIAL = BY_NAME["halted"], BY_NAME["delisted"], BY_NAME["session under way"]
TAKEN_AWAY = (OVER, DELISTED)
"""After these a symbol has no sessions any more."""

ONE_SOURCE = tuple(kind for kind in bars.KINDS if kind not in (HOLE, OVER, OFF, ADJUSTED, bars.TWO_HUNDREDS))
MANY_SOURCES = tuple(
    BY_NAME[name]
    for name in (
        *("price of zero or below", "high below low", "volume below zero", "price times 100"),
        *("price off by 1.2 %", "spike for a session"),
    )
)
VENDORS = ("yahoo", "polygon", "alpaca")


@dataclass
class Slots:
    """Free places in a truth, symbol by symbol, in an order drawn from a seed; each is given once."""

    truth: Truth
    seed: int
    closed: frozenset[date] = frozenset()
    apart: int = APART
    free: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng = random.Random(f"{self.seed}/slots")
        for symbol in self.truth.symbols:
            self.free[symbol] = list(self._places(self.truth.history(symbol), rng))

    def _places(self, history: History, rng: random.Random) -> Iterator[int]:
        dates = history.sessions.dates
        busy = [one.ex_date for one in history.actions if one.amount is None]
        busy += [*history.security.halts, *self.closed]
        at_busy = np.searchsorted(dates, np.array(busy, dtype="datetime64[D]"))
        cash = [one.ex_date for one in history.actions if one.amount is not None]
        at_cash = np.searchsorted(dates, np.array(cash, dtype="datetime64[D]"))
        at = EARLIEST + rng.randrange(20)
        while at < len(dates) - LATEST:
            near = len(at_busy) and np.abs(at_busy - at).min() < AWAY + bars.STALE
            # Cash comes every 63 sessions: ten away from it is as far as one gets.
            paid = len(at_cash) and np.abs(at_cash - at).min() < 10
            if near or paid:
                at += 3
                continue
            yield at
            at += self.apart + rng.randrange(12)

    def day(self, symbol: str, at: int) -> date:
        """The session at a position."""
        day: date = self.truth.history(symbol).sessions.dates[at].item()
        return day

    def friday(self, symbol: str, at: int) -> int:
        """The first position from one on that is the last session of its week."""
        dates = self.truth.history(symbol).sessions.dates.tolist()
        while dates[at].isocalendar().week == dates[at + 1].isocalendar().week:
            at += 1
        return at

    def take(self, symbols: Sequence[str]) -> list[tuple[str, int]]:
        """All places of these symbols, mixed."""
        found = [(symbol, at) for symbol in symbols for at in self.free.pop(symbol, [])]
        random.Random(f"{self.seed}/mixed").shuffle(found)
        return found


def plan_bars(slots: Slots, symbols: Sequence[str], kinds: Sequence[Kind], vendors: Sequence[str]) -> list[Defect]:
    """A defect at each place of these symbols, kinds in turn; a lasting jump and an odd step once a symbol at most."""
    planned, jumped = [], set()
    for turn, (symbol, at) in enumerate(slots.take(symbols)):
        kind = kinds[turn % len(kinds)]
        if kind is JUMP and symbol in jumped:
            kind = kinds[(turn + 1) % len(kinds)]
        jumped |= {symbol} if kind is JUMP else set()
        round_ = turn // len(kinds)
        vendor = vendors[round_ % len(vendors)]
        place = slots.friday(symbol, at) if kind is SATURDAY else at
        planned.append(Defect(kind, vendor, symbol, slots.day(symbol, place), round_ // len(vendors)))
    return planned


def plan_steps(slots: Slots, vendor: str, most: int) -> list[Defect]:
    """Odd steps in the adjusted close of symbols that have neither cash nor splits."""
    plain = [symbol for symbol in slots.free if not slots.truth.history(symbol).actions and len(slots.free[symbol]) > 1]
    return [
        Defect(ADJUSTED, vendor, symbol, slots.day(symbol, slots.free.pop(symbol)[1]), turn)
        for turn, symbol in enumerate(plain[:most])
    ]


def plan_holes(truth: Truth, seed: int, vendor: str, holes: Iterable[date], share: float) -> list[Defect]:
    """Sessions that a share of all symbols lack."""
    planned = []
    for day in holes:
        some = list(truth.symbols)
        random.Random(f"{seed}/{day}").shuffle(some)
        without = some[: round(len(some) * share)]
        planned += [Defect(HOLE, vendor, one, day) for one in without if _trades_around(truth.history(one), day)]
    return planned


def plan_ends(truth: Truth, vendor: str, symbols: Iterable[str], sessions: int) -> list[Defect]:
    """Symbols whose last sessions no vendor tells, though they are listed."""
    day = truth.sessions.dates[-sessions].item()
    quiet = [one for one in symbols if all(action.ex_date < day for action in truth.history(one).actions)]
    return [Defect(OVER, vendor, symbol, day) for symbol in quiet]


def plan_untold(truth: Truth, vendor: str, symbols: Iterable[str]) -> list[Defect]:
    """The splits of these symbols, told by nobody."""
    return [
        Defect(actions.UNTOLD_SPLIT, vendor, symbol, one.ex_date, turn)
        for turn, symbol in enumerate(symbols)
        for one in truth.history(symbol).actions
        if one.ratio is not None
    ]


def plan_told(slots: Slots, kind: Kind, vendor: str, symbols: Iterable[str]) -> list[Defect]:
    """Something told that never was, once a symbol, in the middle of its free places."""
    planned = []
    for turn, symbol in enumerate(symbols):
        places = slots.free.pop(symbol, [])
        if places:
            planned.append(Defect(kind, vendor, symbol, slots.day(symbol, places[len(places) // 2]), turn))
    return planned


def plan_twice(slots: Slots, symbols: Iterable[str]) -> list[Defect]:
    """The same wrong price at two vendors of three, once a symbol."""
    planned = []
    for turn, symbol in enumerate(symbols):
        day = slots.day(symbol, _middle(slots, symbol))
        pair = [one for one in VENDORS if one != VENDORS[turn % len(VENDORS)]]
        planned += [Defect(bars.TWO_HUNDREDS, vendor, symbol, day, turn) for vendor in pair]
        slots.free.pop(symbol)
    return planned


def plan_rare_cash(slots: Slots, symbols: Iterable[str]) -> dict[str, list[Action]]:
    """Cash that a truth does not make itself: a special dividend, or a fund's dividend and capital gain of one day."""
    rare: dict[str, list[Action]] = {}
    for turn, symbol in enumerate(symbols):
        at = _middle(slots, symbol)
        day, close = slots.day(symbol, at), float(slots.truth.history(symbol).close[at - 1]) / 100
        parts = [("dividend", 0.01), ("capital_gain", 0.04)] if turn % 2 else [("special_dividend", 0.08)]
        rare[symbol] = [Action(day, kind, amount=round(close * share, 2)) for kind, share in parts]
        slots.free.pop(symbol)
    return rare


def plan_spun(slots: Slots, symbols: Iterable[str]) -> tuple[dict[str, tuple[date, Fraction]], list[Defect]]:
    """Spin-offs, one a symbol, and who takes each for a split: Yahoo, which adjusts by it, or Polygon."""
    spun: dict[str, tuple[date, Fraction]] = {}
    planned = []
    for turn, symbol in enumerate(symbols):
        day = slots.day(symbol, _middle(slots, symbol))
        spun[symbol] = day, actions.SPUN_RATIOS[turn % len(actions.SPUN_RATIOS)]
        planned.append(Defect(actions.SPUN, VENDORS[turn % 2], symbol, day, turn))
        slots.free.pop(symbol)
    return spun, planned


def plan_jury(truth: Truth, slots: Slots) -> list[Defect]:
    """
    What one vendor of three says otherwise of an action, or what only one says: a symbol each, kinds and vendors in
    turn. Symbols with splits have their last one disputed, others their cash or a split that never was.
    """
    split = [symbol for symbol in truth.symbols if any(one.ratio is not None for one in truth.history(symbol).actions)]
    paid = [s for s in truth.symbols if s not in split and any(one.amount for one in _settled(truth, s))]
    planned: list[Defect] = []
    about = _turns({kind: _tellers(kind) for kind in actions.SPLITS if not _invents(kind) and kind is not actions.SPUN})
    for (turn, kind, vendors), symbol in zip(about, split[: len(split) * 4 // 5], strict=False):
        day = [one.ex_date for one in truth.history(symbol).actions if one.ratio is not None][-1]
        planned += [Defect(kind, vendor, symbol, day, turn) for vendor in vendors]
        slots.free.pop(symbol, None)
    about = _turns({kind: _tellers(kind) for kind in actions.CASH if not _invents(kind)})
    for (turn, kind, vendors), symbol in zip(about, paid[: len(paid) // 2], strict=False):
        cash = _settled(truth, symbol)
        day = cash[len(cash) // 2].ex_date
        planned += [Defect(kind, vendor, symbol, day, turn) for vendor in vendors]
        slots.free.pop(symbol, None)
    invented = [kind for kind in (*actions.SPLITS, *actions.CASH) if _invents(kind)]
    about = _turns({kind: _tellers(kind) for kind in invented})
    rest = [symbol for symbol in slots.free if len(slots.free[symbol]) > 1 and symbol not in split]
    for (turn, kind, vendors), symbol in zip(about, rest[: len(rest) // 2], strict=False):
        planned += [
            one
            for vendor in vendors
            for one in [Defect(kind, vendor, symbol, slots.day(symbol, _middle(slots, symbol)), turn)]
        ]
        slots.free.pop(symbol)
    return planned


def plan_minutes(truth: Truth, seed: int, vendor: str, days: Sequence[date], kinds: Sequence[Kind]) -> list[Defect]:
    """Minutes spoilt on every third of these days, of the symbols that trade in most minutes, kinds in turn."""
    liquid = [one for one in truth.symbols if traded_share(truth.security(one).number) > 0.9]
    free = [(symbol, day) for symbol in liquid for day in days[1::3] if _trades(truth.history(symbol), day)]
    random.Random(f"{seed}/minutes").shuffle(free)
    return [
        Defect(kinds[turn % len(kinds)], vendor, symbol, day, turn // len(kinds))
        for turn, (symbol, day) in enumerate(free[: len(free) // 2])
    ]


def plan_everywhere(truth: Truth, kind: Kind, vendor: str, day: date) -> list[Defect]:
    """A session spoilt for every symbol."""
    return [Defect(kind, vendor, symbol, day) for symbol in truth.symbols if _trades(truth.history(symbol), day)]


def natural(truth: Truth, vendor: str, start: date) -> list[Defect]:
    """What the truth itself lacks from a day on: sessions on which a symbol was halted, and all after its delisting."""
    found = []
    for symbol in truth.symbols:
        security = truth.security(symbol)
        found += [Defect(HALTED, vendor, symbol, day) for day in security.halts if start < day < security.last]
        if security.delisted and security.last > start:
            found.append(Defect(DELISTED, vendor, symbol, security.last))
    return found


def partial(truth: Truth, vendor: str, but: Collection[str]) -> list[Defect]:
    """The session under way, of every symbol that trades in it and is told."""
    last = truth.sessions.dates[-1].item()
    return [
        Defect(PARTIAL, vendor, symbol, last)
        for symbol in truth.symbols
        if symbol not in but and truth.security(symbol).last == last
    ]


def _middle(slots: Slots, symbol: str) -> int:
    return slots.free[symbol][len(slots.free[symbol]) // 2]


def _invents(kind: Kind) -> bool:
    return "was none" in kind.name or kind is actions.CASH_ABOVE


def _settled(truth: Truth, symbol: str) -> list[Action]:
    """Cash of a symbol from its second year to a quarter before its end: Alpaca files it when it has been paid."""
    history = truth.history(symbol)
    dates = history.sessions.dates
    if len(dates) < 400:
        return []
    lo, hi = dates[EARLIEST].item(), dates[-70].item()
    return [one for one in history.actions if one.amount is not None and lo < one.ex_date < hi]


def _tellers(kind: Kind) -> list[tuple[str, ...]]:
    """By whom a kind can be told, one turn after the other."""
    if kind.name == "split told by the others only":
        return [*((one,) for one in VENDORS), ("yahoo", "polygon"), ("polygon", "alpaca"), ("yahoo", "alpaca")]
    if kind is actions.UNTOLD_SPLIT:
        return [VENDORS]
    if kind.name == "split told twice":
        return [("polygon",), ("alpaca",)]
    if kind.name in ("split applied twice", actions.PHANTOM_APPLIED.name):
        return [("yahoo",)]
    return [(one,) for one in VENDORS]


def _turns(kinds: Mapping[Kind, Sequence[tuple[str, ...]]]) -> Iterator[tuple[int, Kind, tuple[str, ...]]]:
    """Kinds in turn without end, each with its vendors in turn."""
    turn = 0
    while True:
        for kind, vendors in kinds.items():
            yield turn, kind, vendors[turn % len(vendors)]
        turn += 1


def _trades(history: History, day: date) -> bool:
    at = int(np.searchsorted(history.sessions.dates, np.datetime64(day, "D")))
    return at < len(history.sessions.dates) and bool(history.sessions.dates[at].item() == day)


def _trades_around(history: History, day: date) -> bool:
    """Whether a day is a session of a symbol with neither listing, delisting, halt nor action near it."""
    dates = history.sessions.dates
    at = int(np.searchsorted(dates, np.datetime64(day, "D")))
    if not EARLIEST < at < len(dates) - LATEST or dates[at].item() != day:
        return False
    busy = [*(one.ex_date for one in history.actions), *history.security.halts]
    return all(abs(int(np.searchsorted(dates, np.datetime64(one, "D"))) - at) > 5 for one in busy)
