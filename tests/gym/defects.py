"""
Defects told in advance: what is wrong with which vendor's view of the truth, on which session, and what must find it.

A `Doctored` truth is one vendor's view: the truth itself but for the defects planted in it. The vendor's wire code
stays as it is. How a defect alters a view is in `defects_bars`, `defects_actions` and `defects_minutes`, where it is
put in `defects_plan`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl

from gym.sessions import Sessions
from gym.truth import Action, History, Truth

FIELDS = ("open", "high", "low", "close", "volume")
_DAY = 86_400

Minutes = Callable[[pl.DataFrame], pl.DataFrame]
"""Spoils the minutes of one session."""


@dataclass(frozen=True)
class Kind:
    """
    One kind of defect and the check that must speak of it.

    `code` is the check, `also` others that say the same of it and are right where they speak. A `hard` one must never
    become gold. It spoils `sessions` in a row. `after` sessions behind those are touched by it as well: a price that
    is off for a day makes two odd returns. `before` says that all earlier rows are touched too.
    """

    name: str
    code: str
    dataset: str = "daily_bars"
    hard: bool = False
    also: tuple[str, ...] = ()
    sessions: int = 1
    after: int = 1
    before: bool = False


@dataclass(frozen=True)
class Defect:
    """A kind of defect in a vendor's view of a symbol, from a session on; `turn` varies it (up, down, how much)."""

    kind: Kind
    vendor: str
    symbol: str
    day: date
    turn: int = 0


@dataclass(frozen=True, eq=False)
class DoctoredHistory(History):
    """
    A history as one vendor sees it: prices in cents and volume may be fractions or not known (NaN), dates may repeat.

    `actions` are those that it tells, `applied` the splits in its adjusted prices, `steps` what its adjusted close has
    for no reason. Cash of `untold_cash` is told and not in the adjusted close.
    """

    applied: tuple[Action, ...] = ()
    steps: tuple[tuple[date, float], ...] = ()
    untold_cash: frozenset[date] = frozenset()
    minutes: Mapping[date, Minutes] = field(default_factory=dict)

    def told_minutes(self, session: date, minutes: pl.DataFrame) -> pl.DataFrame:
        """The minutes of a session, spoilt where that is planned."""
        return self.minutes[session](minutes) if session in self.minutes else minutes

    def ratio_after(self, on: date) -> Any:
        """Per session, new shares per old of the splits that this vendor applied, up to `on`."""
        return History.ratio_after(replace(self, actions=self.applied), on)

    def dividend_factor(self, on: date) -> Any:
        """As the history's, by the cash that this vendor tells and its own closes, and the steps it made up."""
        told = tuple(one for one in self.actions if one.ex_date not in self.untold_cash)
        factor = History.dividend_factor(replace(self, actions=told), on)
        for day, step in self.steps:
            factor[self.sessions.dates < np.datetime64(day, "D")] *= step
        return factor


@dataclass
class Draft:
    """
    A history while it is being spoilt. Positions are those of the true history.

    `values` are its columns (cents and shares, as float64), to be altered in place; `gone` positions are left out;
    `more` are rows beside the true ones: a date and the values of its columns.
    """

    true: History
    values: dict[str, Any] = field(init=False)
    gone: set[int] = field(default_factory=set)
    more: list[tuple[date, dict[str, float]]] = field(default_factory=list)
    told: list[Action] = field(init=False)
    applied: list[Action] = field(init=False)
    steps: list[tuple[date, float]] = field(default_factory=list)
    untold_cash: set[date] = field(default_factory=set)
    minutes: dict[date, Minutes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values = {name: getattr(self.true, name).astype(np.float64) for name in FIELDS}
        self.told = list(self.true.actions)
        self.applied = [one for one in self.true.actions if one.ratio is not None]

    def at(self, day: date) -> int:
        """The position of a session."""
        return int(np.searchsorted(self.true.sessions.dates, np.datetime64(day, "D")))

    def row(self, at: int) -> dict[str, float]:
        """The values at a position."""
        return {name: float(self.values[name][at]) for name in FIELDS}

    def scale(self, at: int, until: int, by: float) -> None:
        """Multiply prices of [at, until), to whole cents and one at least."""
        for name in FIELDS[:4]:
            column = self.values[name]
            column[at:until] = np.maximum(np.round(column[at:until] * by), 1.0)

    def history(self) -> DoctoredHistory:
        """What the vendor sees."""
        true, keep = self.true, np.ones(len(self.true.sessions.dates), dtype=bool)
        keep[sorted(self.gone)] = False
        days = np.array([day for day, _ in self.more], dtype="datetime64[D]")
        near = np.minimum(np.searchsorted(true.sessions.dates, days), len(keep) - 1)
        apart = (days - true.sessions.dates[near]).astype(np.int64) * _DAY
        dates = np.concatenate((true.sessions.dates[keep], days))
        opens = np.concatenate((true.sessions.opens[keep], true.sessions.opens[near] + apart))
        closes = np.concatenate((true.sessions.closes[keep], true.sessions.closes[near] + apart))
        order = np.argsort(dates, kind="stable")
        columns = {
            name: np.concatenate((values[keep], [row[name] for _, row in self.more]))[order]
            for name, values in self.values.items()
        }
        return DoctoredHistory(
            security=true.security,
            sessions=Sessions(dates[order], opens[order], closes[order]),
            actions=tuple(sorted(self.told, key=lambda one: (one.ex_date, one.kind != "split"))),
            seed=true.seed,
            applied=tuple(self.applied),
            steps=tuple(self.steps),
            untold_cash=frozenset(self.untold_cash),
            minutes=self.minutes,
            **columns,
        )


Spoil = Callable[[Draft, int, int], None]
"""Spoils a draft at a position; the last number is the defect's turn."""


class Doctored(Truth):
    """One vendor's view of a truth: the same symbols, with the defects that are this vendor's."""

    def __init__(self, truth: Truth, vendor: str, defects: Iterable[Defect], how: dict[str, Spoil]) -> None:
        self.seed, self.count, self.years, self.last = truth.seed, truth.count, truth.years, truth.last
        self.first, self.sessions, self.symbols = truth.first, truth.sessions, truth.symbols
        self._number = {symbol: number for number, symbol in enumerate(truth.symbols)}
        self._histories: dict[str, History] = {}
        self._truth, self._how = truth, how
        self._mine: defaultdict[str, list[Defect]] = defaultdict(list)
        for one in defects:
            if one.vendor == vendor and one.kind.name in how:
                self._mine[one.symbol].append(one)

    def history(self, symbol: str) -> History:
        """One symbol as this vendor sees it."""
        if symbol not in self._mine:
            return self._truth.history(symbol)
        if symbol not in self._histories:
            draft = Draft(self._truth.history(symbol))
            for one in sorted(self._mine[symbol], key=lambda one: one.day):
                self._how[one.kind.name](draft, draft.at(one.day), one.turn)
            self._histories[symbol] = draft.history()
        return self._histories[symbol]


class Enriched(Truth):
    """
    A truth with more actions than it would make itself, and prices that step by them: cash of kinds that are rare, all
    of a symbol on one day, and spin-offs (`spun` has day and old price by new, by symbol).
    """

    def __init__(
        self, truth: Truth, more: dict[str, list[Action]], spun: Mapping[str, tuple[date, Fraction]] | None = None
    ) -> None:
        self.__dict__.update(truth.__dict__)
        self._histories = dict(truth._histories)
        for symbol, actions in more.items():
            history, day = truth.history(symbol), actions[0].ex_date
            at = int(np.searchsorted(history.sessions.dates, np.datetime64(day, "D")))
            left = 1 - 100 * sum(one.amount or 0 for one in actions) / float(history.close[at - 1])
            self._histories[symbol] = _stepped(history, left, actions)
        for symbol, (day, ratio) in (spun or {}).items():
            self._histories[symbol] = _stepped(self.history(symbol), 1 / float(ratio), [Action(day, "spin_off")])


def _stepped(history: History, left: float, more: Sequence[Action]) -> History:
    """More actions of one day, and prices from it on, of which so much is left."""
    behind = history.sessions.dates >= np.datetime64(more[0].ex_date, "D")
    cents = {
        name: np.where(behind, np.maximum(np.round(getattr(history, name) * left), 1), getattr(history, name))
        for name in FIELDS[:4]
    }
    actions = sorted([*history.actions, *more], key=lambda one: (one.ex_date, one.kind != "split"))
    return replace(history, actions=tuple(actions), **{name: values.astype(np.int64) for name, values in cents.items()})
