"""
Files that several sources might hand in about the same few securities, drawn at random: right or flawed bars in every
basis, actions told rightly, wrongly, twice or late, and renames. Drawn by hypothesis, so that what fails is made small.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from math import prod
from pathlib import Path

from hypothesis import strategies as st

from marketkeep.model import Policy
from small_keep import SmallKeep, sessions

DAYS = sessions("2019-08-01", 280)
"""Over the turn of a year, and longer than twice any check's window."""

SPLITS = {60: (4, 1), 150: (1, 10), 230: (3, 2)}
CASH = {20: 0.4, 60: 0.1, 105: 0.5, 106: 0.25, 190: 1.1, 260: 0.3}
RENAMED = 125
"""The session from which OLD is called NEW."""

TICKERS = ("NEW", "OLD", "NA")
SOURCES = ("a", "b", "csv")
POLICY = Policy(priority=SOURCES, tickers_of_the_day=("a",))
_BARS = "Symbol,Date,Open,High,Low,Close,Volume,Dividends,Stock Splits"
_ACTIONS = "Symbol,Ex-Date,Kind,Ratio,Amount"
Cells = list[object]


@cache
def true_bars(seed: int) -> list[tuple[float, float, float, float, float]]:
    """What was traded: open, high, low, close, volume of each of `DAYS`, over the splits."""
    chance = random.Random(seed)
    made, price = [], 80.0
    for at in range(len(DAYS)):
        new, old = SPLITS.get(at, (1, 1))
        before = price * old / new
        close = round(max(1.0, before * (1 + chance.gauss(0, 0.02))), 2)
        high, low = round(max(before, close) * 1.01, 2), round(min(before, close) * 0.99, 2)
        made.append((round(before, 2), high, low, close, float(chance.randrange(50_000, 150_000))))
        price = close
    return made


def _hundredfold(row: Cells) -> None:
    row[2:6] = [round(float(str(price)) * 100, 2) for price in row[2:6]]


def _spike(row: Cells) -> None:
    row[2:6] = [round(float(str(price)) * 1.6, 2) for price in row[2:6]]


def _off(row: Cells) -> None:
    row[2:6] = [round(float(str(price)) * 1.02, 2) for price in row[2:6]]


def _set(place: int, value: object) -> Callable[[Cells], None]:
    def spoil(row: Cells) -> None:
        row[place] = value

    return spoil


FLAWS: dict[str, Callable[[Cells], None]] = {
    "hundredfold": _hundredfold,
    "spike": _spike,
    "off": _off,
    "volume": _set(6, 90_000_000),
    "no volume": _set(6, ""),
    "volume zero": _set(6, 0),
    "volume negative": _set(6, -5),
    "close missing": _set(5, ""),
    "close zero": _set(5, 0),
    "high below low": _set(3, 0.01),
    "close outside": _set(5, 1.0),
    "cash above close": _set(7, 5_000),
    "phantom split": _set(8, 2),
    "phantom dividend": _set(7, 0.77),
}
"""What may be wrong with a row of a file of bars."""


@dataclass(frozen=True)
class Bars:
    """
    A file of bars: `count` sessions from `first` on, every `step`-th, with a flaw on `spoiled` rows from `at` on.

    `stale` repeats one bar over them; `tells` says whether the file has the true actions in its columns; an undisclosed
    `scale` is a basis that the file hides.
    """

    source: str
    ticker: str
    first: int
    count: int
    step: int = 1
    basis: str = "as_traded"
    flaw: str | None = None
    at: int = 0
    spoiled: int = 1
    stale: bool = False
    tells: bool = True
    twice: bool = False

    def hand_in(self, keep: SmallKeep) -> None:
        """Let the keep ingest it."""
        keep.take(keep.write(_BARS, self._rows()), source=self.source, basis=self.basis)

    def _rows(self) -> list[Cells]:
        truth = true_bars(TICKERS.index(self.ticker) // 2)
        span = range(self.first, min(self.first + self.count * self.step, len(DAYS)), self.step)
        last = span[-1]
        rows: list[Cells] = []
        for at in span:
            *prices, volume = truth[span[self.at % len(span)]] if self.stale and at >= self.at else truth[at]
            ratio = prod(new / old for day, (new, old) in SPLITS.items() if at < day <= last)
            ratio = 1.0 if self.basis == "as_traded" else ratio
            new, old = SPLITS.get(at, (0, 1)) if self.tells else (0, 1)
            paid = CASH.get(at, 0) / (1 if self.basis == "as_traded" else ratio) if self.tells else 0
            shown = [round(price / ratio, 6) for price in prices]
            rows.append([self.ticker, DAYS[at], *shown, round(volume * ratio), paid, new / old])
        if self.flaw:
            for number in range(self.spoiled):
                FLAWS[self.flaw](rows[(self.at + number) % len(rows)])
        return rows + rows[:1] * self.twice


@dataclass(frozen=True)
class Actions:
    """A file of one action a row: true, late by `moved` sessions, or with another ratio or amount."""

    source: str
    ticker: str
    kind: str
    number: int
    moved: int = 0
    wrong: float = 1.0

    def hand_in(self, keep: SmallKeep) -> None:
        """Let the keep ingest it."""
        table = SPLITS if self.kind in ("split", "spin_off") else CASH
        at = sorted(table)[self.number % len(table)]
        day = DAYS[min(at + self.moved, len(DAYS) - 1)]
        ratio, amount = "", ""
        if self.kind in ("split", "spin_off"):
            new, old = SPLITS[at]
            ratio = f"{new}:{old}" if self.wrong == 1 else f"{old}:{new}"
        else:
            amount = repr(round(CASH[at] * self.wrong, 4))
        row = [self.ticker, day, self.kind, ratio, amount]
        keep.take(keep.write(_ACTIONS, [row]), source=self.source, basis="as_traded")


@dataclass(frozen=True)
class Rename:
    """A map file of LEAN's: OLD until `RENAMED`, NEW from then on."""

    def hand_in(self, keep: SmallKeep) -> None:
        """Let the keep ingest it."""
        folder = keep.root.parent / "map_files"
        folder.mkdir(exist_ok=True)
        path = folder / "new.csv"
        day = DAYS[RENAMED] - timedelta(days=1)
        path.write_text(f"20050103,old,Q\n{day:%Y%m%d},old,Q\n20501231,new,Q\n")
        keep.take(path)


HandIn = Bars | Actions | Rename

BARS = st.builds(
    Bars,
    source=st.sampled_from(SOURCES),
    ticker=st.sampled_from(TICKERS),
    first=st.integers(0, 240),
    count=st.sampled_from((1, 2, 5, 30, 80, 150)),
    step=st.sampled_from((1, 1, 1, 2)),
    basis=st.sampled_from(("as_traded", "as_traded", "split_adjusted", "adjusted")),
    flaw=st.sampled_from((None, None, *FLAWS)),
    at=st.integers(0, 40),
    spoiled=st.sampled_from((1, 1, 3)),
    stale=st.sampled_from((False, False, False, True)),
    tells=st.sampled_from((True, True, False)),
    twice=st.sampled_from((False, False, False, True)),
)
ACTIONS = st.builds(
    Actions,
    source=st.sampled_from(SOURCES),
    ticker=st.sampled_from(TICKERS),
    kind=st.sampled_from(("split", "split", "dividend", "special_dividend", "capital_gain", "spin_off")),
    number=st.integers(0, 5),
    moved=st.sampled_from((0, 0, 0, 1, 30)),
    wrong=st.sampled_from((1.0, 1.0, 1.02, 10.0)),
)
HAND_INS = st.lists(st.one_of(BARS, BARS, BARS, ACTIONS, ACTIONS, st.just(Rename())), min_size=2, max_size=7)
"""Files in the order in which they come."""

LONG = tuple(Bars(source, ticker, 0, len(DAYS)) for source in SOURCES for ticker in TICKERS)
"""Each source's whole and right history of each ticker."""


def some_day(chance: random.Random) -> date:
    """Any of the sessions."""
    return chance.choice(DAYS)


def new_keep(folder: Path) -> SmallKeep:
    """An empty keep that such files are handed to."""
    return SmallKeep(folder / "keep", policy=POLICY)
