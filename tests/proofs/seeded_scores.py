"""
What the checks of a keep said, against what was planted: found or not, right or a false alarm; and gold against truth.

A finding is right where it speaks of a row that a defect touches, whatever it says there, and a false alarm on any
other. Recall is stricter: a defect counts as found only when its own check speaks of it, or one that its kind names.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import polars as pl
from seeded_worlds import World

import marketkeep
from gym.defects import Defect, Kind
from gym.defects_bars import TWO_HUNDREDS
from gym.defects_plan import JUMP, TAKEN_AWAY
from marketkeep.errors import NotFound

BARS = ["open", "high", "low", "close", "volume"]
WIRE_CODES = {
    "http_429": {"http_429"},
    "http_500": {"http_500"},
    "hang": {"timeout"},
    "cut": {"cut"},
    "truncated": {"malformed"},
    "malformed": {"malformed"},
    "empty": {"empty"},
    "wrong_symbol": {"wrong_symbol"},
    "duplicates": {"duplicate_row"},
    "revision": {"revised"},
}
"""What must be found of each fault of the wire."""

COUNTED_TOGETHER = ("gap",)
"""Checks that speak once a symbol of all the sessions it lacks: they are right when their count is."""

COUNTED_ONCE = ("market_hole", "not_fresh")
"""Checks whose count is of something else than rows: symbols, or sessions since."""

_A_YEAR = 375
_TOLD = ["check", "severity", "dataset", "symbol", "source", "first", "last", "count"]


@dataclass
class KindScore:
    """How often a kind was planted, how often found, and how often by its own check."""

    kind: Kind
    planted: int = 0
    found: int = 0
    by_its_own: int = 0
    missed: list[Defect] = field(default_factory=list)


@dataclass
class CheckScore:
    """How many rows a check spoke of, how many of them a defect touches, and examples of the others."""

    severity: str
    spoke: int = 0
    right: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def false(self) -> int:
        """Rows that nothing is wrong with."""
        return self.spoke - self.right


@dataclass(frozen=True)
class GoldScore:
    """
    Gold against truth, in rows: `equal`, `lacking` those that no source told rightly, `flawed` those a soft defect is
    in, and what must not be: `wrong`, `lost`, `made_up`.
    """

    equal: int = 0
    lacking: int = 0
    flawed: int = 0
    wrong: int = 0
    lost: int = 0
    made_up: int = 0
    examples: tuple[str, ...] = ()

    @property
    def counts(self) -> tuple[int, ...]:
        """All counts, in the order above."""
        return self.equal, self.lacking, self.flawed, self.wrong, self.lost, self.made_up


class Score:
    """One world's score. Findings are read once, through the keep's public face."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.keep = marketkeep.open(world.root)
        self.dates = world.truth.sessions.dates
        self.kinds: dict[Kind, KindScore] = {}
        self.checks: dict[tuple[str, str], CheckScore] = {}
        self.wires: dict[str, tuple[int, int]] = {}
        self._score()

    @cached_property
    def told(self) -> pl.DataFrame:
        """Findings, and issues of what is worked out when it is asked for."""
        findings = self.keep.findings().select(_TOLD)
        issues = self.keep.issues(info=True, now=self.world.now).select(_TOLD)
        return pl.concat([findings, issues.join(findings, on=["check", "dataset"], how="anti")])

    @cached_property
    def touched(self) -> dict[str, list[tuple[date, date]]]:
        """By symbol the spans that defects touch."""
        spans = defaultdict(list)
        for one in self.world.defects:
            spans[one.symbol].append(self.span(one))
        for symbol in self.world.truth.symbols:
            security = self.world.truth.security(symbol)
            if security.delisted:
                spans[symbol].append((security.last, date.max))
        for symbol, kind in self.world.faults.items():
            if kind in ("revision", "duplicates"):
                spans[symbol].append((date.min, date.max))
        return spans

    def span(self, one: Defect) -> tuple[date, date]:
        """First and last date that a defect touches."""
        if one.kind.dataset in ("securities", "index_members"):
            # What is wrong with who somebody is touches all days.
            return date.min, date.max
        if one.kind.dataset == "fundamentals":
            # What is told to date is told on for the rest of the year, and quarters are differences of it.
            return one.day, one.day + timedelta(days=_A_YEAR)
        at = int(np.searchsorted(self.dates, np.datetime64(one.day, "D")))
        last = self.dates[min(at + one.kind.sessions - 1 + one.kind.after, len(self.dates) - 1)].item()
        if one.kind in TAKEN_AWAY:
            # The last bar there is may be spoken of.
            return self.dates[max(0, at - 1)].item(), date.max
        return date.min if one.kind.before else one.day, last

    @cached_property
    def rows(self) -> int:
        """Rows held of the world's dataset."""
        if self.world.dataset == "securities":
            return self.keep.securities().height
        if not self.world.has_bars:
            return sum(self._figures(symbol) for symbol in self.world.truth.symbols)
        return int(self.keep.coverage(self.world.dataset)["rows"].sum())

    @cached_property
    def clean(self) -> dict[str, int]:
        """Rows that no defect touches, by dataset; of minutes as many as their sessions have in the mean."""
        if self.world.dataset == "securities":
            members = self.keep.index_members().height
            wrong = Counter(one.kind.dataset for one in self.world.defects)
            return {"securities": self.rows - wrong["securities"], "index_members": members - wrong["index_members"]}
        if not self.world.has_bars:
            return {self.world.dataset: self.rows}
        days = sum(self._untouched(symbol) for symbol in self.world.truth.symbols)
        if self.world.dataset == "daily_bars":
            return {"daily_bars": days}
        held = int(self.keep.coverage("daily_bars")["rows"].sum())
        return {"daily_bars": days, "minute_bars": self.rows * days // max(1, held)}

    def _figures(self, symbol: str) -> int:
        try:
            return int(self.keep.fundamentals(symbol).polars().height)
        except NotFound:
            return 0

    def _untouched(self, symbol: str) -> int:
        dates = self.world.truth.history(symbol).sessions.dates
        clean = dates >= np.datetime64(self.world.start, "D")
        for first, last in self.touched.get(symbol, ()):
            lo, hi = (
                np.datetime64(max(min(day, self.world.truth.last), self.world.start), "D") for day in (first, last)
            )
            clean &= (dates < lo) | (dates > hi)
        return int(clean.sum())

    def _score(self) -> None:
        spoken: defaultdict[tuple[str, str | None], list[tuple[date, date]]] = defaultdict(list)
        for check, severity, dataset, symbol, _, first, last, told in self.told.iter_rows():
            spoken[check, symbol].append((first or date.min, last or date.max))
            if check in {code for codes in WIRE_CODES.values() for code in codes} and symbol in self.world.faults:
                continue
            line = self.checks.setdefault((check, dataset), CheckScore(severity))
            count = 1 if check in COUNTED_ONCE else told
            line.spoke += count
            right = self._right(check, symbol, first or date.min, last or date.max, count)
            line.right += right
            if right < count and len(line.examples) < 5:
                line.examples.append(f"{symbol} {first}..{last} ({count - right})")
        for one in self.world.defects:
            self._found(one, spoken)
        for kind in set(self.world.faults.values()):
            hit = [symbol for symbol, met in self.world.faults.items() if met == kind]
            found = [symbol for symbol in hit if any((code, symbol) in spoken for code in WIRE_CODES[kind])]
            self.wires[kind] = len(hit), len(found)

    def _right(self, check: str, symbol: str | None, first: date, last: date, count: int) -> int:
        """How many of the rows that a finding speaks of are touched."""
        if symbol is None:
            return (
                count if any(one.kind.code == check and first <= one.day <= last for one in self.world.defects) else 0
            )
        if check in COUNTED_TOGETHER:
            return min(count, self._lacking(symbol))
        return count if any(first <= hi and last >= lo for lo, hi in self.touched.get(symbol, ())) else 0

    def _lacking(self, symbol: str) -> int:
        """Sessions that a symbol must lack."""
        mine = {one.day for one in self.world.defects if one.symbol == symbol and _leaves_a_hole(one.kind)}
        return len(mine)

    def _found(self, one: Defect, spoken: dict[tuple[str, str | None], list[tuple[date, date]]]) -> None:
        kind = one.kind
        line = self.kinds.setdefault(kind, KindScore(kind))
        if not kind.code:
            return
        first, last = self.span(one)
        first = first if kind in TAKEN_AWAY else one.day

        def told(code: str) -> bool:
            return any(
                lo <= last and hi >= first for name in (one.symbol, None) for lo, hi in spoken.get((code, name), ())
            )

        own = told(kind.code)
        line.planted += 1
        line.by_its_own += own
        found = own or any(told(code) for code in kind.also)
        line.found += found
        if not found:
            line.missed.append(one)

    @cached_property
    def gold(self) -> GoldScore:
        """Daily gold against the truth, every cell."""
        counts: defaultdict[str, int] = defaultdict(int)
        examples: list[str] = []
        held = set(self.keep.symbols())
        for symbol in self.world.truth.symbols:
            true = self.world.truth.bars(symbol).filter(pl.col("date") >= self.world.start)
            if symbol not in held:
                counts["lost"] += true.height
                continue
            ours = self.keep.bars(symbol).polars().select("date", *BARS)
            both = true.join(ours, on="date", how="full", suffix="_ours", coalesce=True).with_columns(
                held=pl.col("date").is_in(ours["date"].implode()), real=pl.col("date").is_in(true["date"].implode())
            )
            same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_ours")) for name in BARS)
            may_lack, may_differ = self._excused(symbol)
            for day, here, real, equal in both.select("date", "held", "real", same=same).iter_rows():
                what = _verdict(day, (here, real, equal), may_lack, may_differ)
                counts[what] += 1
                if what in ("wrong", "lost", "made_up") and len(examples) < 8:
                    examples.append(f"{what} {symbol} {day}")
        return GoldScore(**counts, examples=tuple(examples))

    def _excused(self, symbol: str) -> tuple[set[date], set[date]]:
        """Dates that a symbol may lack, and those on which a soft defect may be in gold; none with several sources."""
        if len(self.world.vendors) > 1:
            twice = {one.day for one in self.world.defects if one.symbol == symbol and one.kind is TWO_HUNDREDS}
            return set(), twice
        lack: set[date] = set()
        differ: set[date] = set()
        for one in self.world.defects:
            if one.symbol != symbol or one.kind.dataset != "daily_bars":
                continue
            at = int(np.searchsorted(self.dates, np.datetime64(one.day, "D")))
            if one.kind in TAKEN_AWAY:
                lack.update(self.dates[at:].tolist())
            elif _leaves_a_hole(one.kind):
                lack.add(one.day)
            else:
                until = None if one.kind is JUMP else at + one.kind.sessions
                differ.update(self.dates[at:until].tolist())
        return lack, differ


def _leaves_a_hole(kind: Kind) -> bool:
    """Whether a session is without a bar where no other source has one."""
    return (kind.hard and kind.name not in ("row on a Saturday", "session under way")) or "gap" in (
        kind.code,
        *kind.also,
    )


def _verdict(day: date, state: tuple[bool, bool, bool], may_lack: set[date], may_differ: set[date]) -> str:
    here, real, equal = state
    if not real:
        return "made_up"
    if not here:
        return "lacking" if day in may_lack else "lost"
    if equal:
        return "equal"
    return "flawed" if day in may_differ else "wrong"
