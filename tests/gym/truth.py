"""
The truth that the gym's vendors serve: securities, as-traded daily bars and corporate actions, made from a seed.

A symbol's truth depends on the seed and its own number only. Prices are whole cents between 2 and 3,000 dollars;
volumes are multiples of 100, so that adjusting them for any split here and back loses nothing.

A dividend's amount is per share as of its ex-date: where a split has the same ex-date, per share after that split.
"""

from __future__ import annotations

import string
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import polars as pl

from gym.profiles import Profile, profile_of
from gym.sessions import Sessions, xnys

SPECIAL = ("BRK.B", "NA", "TRUE", "BF.A", "NULL", "NAN", "ON", "INF", "HEI.A", "CON")
RATIOS = ((2, 1), (3, 1), (7, 1), (3, 2), (4, 1), (1, 5), (1, 10))
REUSED = "REUS"
_LOWEST, _HIGHEST = 2.0, 3000.0
# Numbers far from any symbol's, of securities that are never listed late, delisted, renamed, split or ETFs.
_HOLDERS = (90_003, 90_006)


@dataclass(frozen=True)
class Security:
    """
    Who a symbol is. `first` and `last` are its first and last session; `delisted` says that the last one was final.

    `formerly` traded under another ticker before `renamed_on`.
    """

    symbol: str
    number: int
    first: date
    last: date
    delisted: bool
    halts: tuple[date, ...]
    formerly: str | None = None
    renamed_on: date | None = None


@dataclass(frozen=True)
class Action:
    """A split (`ratio` new shares for one old), cash (`amount` in dollars as paid) or a spin-off (neither)."""

    ex_date: date
    kind: str
    ratio: Fraction | None = None
    amount: float | None = None


@dataclass(frozen=True, eq=False)
class History:
    """One symbol's whole truth, by session: as traded, prices in cents. Dates are datetime64[D]."""

    security: Security
    sessions: Sessions
    open: Any
    high: Any
    low: Any
    close: Any
    volume: Any
    actions: tuple[Action, ...]
    seed: int = 0

    def frame(self) -> pl.DataFrame:
        """As-traded bars: date, open, high, low, close, volume."""
        prices = {name: getattr(self, name) / 100 for name in ("open", "high", "low", "close")}
        return pl.DataFrame({"date": self.sessions.dates, **prices, "volume": self.volume.astype(np.float64)})

    def told_minutes(self, session: date, minutes: pl.DataFrame) -> pl.DataFrame:
        """The minutes of a session as they are told: as they were, but for a history that is spoilt on purpose."""
        return minutes

    def ratio_after(self, on: date) -> Any:
        """Per session, new shares per old of all splits with a later ex-date, up to `on`."""
        product = np.ones(len(self.sessions.dates))
        for action in self.actions:
            if action.ratio is not None and action.ex_date <= on:
                before = self.sessions.dates < np.datetime64(action.ex_date, "D")
                product[before] *= action.ratio.numerator
                product[before] /= action.ratio.denominator
        return product

    def dividend_factor(self, on: date) -> Any:
        """Per session, the product of 1 - D / previous close over cash with a later ex-date, up to `on`."""
        factor = np.ones(len(self.sessions.dates))
        for action in self.actions:
            if action.amount is not None and action.ex_date <= on:
                at = int(np.searchsorted(self.sessions.dates, np.datetime64(action.ex_date, "D")))
                if at:
                    factor[:at] *= 1 - action.amount / (self.close[at - 1] / 100 / self._split_on(action.ex_date))
        return factor

    def _split_on(self, day: date) -> float:
        return float(next((a.ratio for a in self.actions if a.ratio is not None and a.ex_date == day), 1))


class Truth:
    """`symbols` securities with up to `years` of sessions ending at `last`."""

    def __init__(self, seed: int = 7, symbols: int = 200, years: int = 10, last: date = date(2024, 12, 31)) -> None:
        self.seed, self.count, self.years, self.last = seed, symbols, years, last
        self.first = date(last.year - years, last.month, min(last.day, 28))
        self.sessions = xnys(self.first, last)
        self.symbols = tuple(name_of(number) for number in range(symbols))
        self._number = {symbol: number for number, symbol in enumerate(self.symbols)}
        self._histories: dict[str, History] = {}

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._number

    def history(self, symbol: str) -> History:
        """One symbol's truth as arrays."""
        if symbol not in self._histories:
            self._histories[symbol] = make_history(self.seed, self._number[symbol], self.sessions)
        return self._histories[symbol]

    def security(self, symbol: str) -> Security:
        """Who a symbol is."""
        return self.history(symbol).security

    def bars(self, symbol: str) -> pl.DataFrame:
        """As-traded bars: date, open, high, low, close, volume (float64), one row per session it traded on."""
        return self.history(symbol).frame()

    def actions(self, symbol: str) -> pl.DataFrame:
        """Its actions: ex_date, kind, numerator, denominator, amount (as paid), by ex-date with splits first."""
        rows = [
            (a.ex_date, a.kind, a.ratio and a.ratio.numerator, a.ratio and a.ratio.denominator, a.amount)
            for a in self.history(symbol).actions
        ]
        schema = {
            "ex_date": pl.Date,
            "kind": pl.String,
            "numerator": pl.Int64,
            "denominator": pl.Int64,
            "amount": pl.Float64,
        }
        return pl.DataFrame(rows, schema=schema, orient="row")

    def adjusted(self, symbol: str, on: date | None = None) -> pl.DataFrame:
        """`bars` with split_factor, dividend_factor and adj_close as of `on` (default: all actions)."""
        history, on = self.history(symbol), on or self.last
        frame = self.bars(symbol).with_columns(
            split_factor=pl.Series(1 / history.ratio_after(on)),
            dividend_factor=pl.Series(history.dividend_factor(on)),
        )
        return frame.with_columns(adj_close=pl.col("close") * pl.col("split_factor") * pl.col("dividend_factor"))

    def profile(self, symbol: str) -> Profile:
        """What directories tell of a symbol."""
        return profile_of(self.security(symbol))

    @cached_property
    def reused(self) -> dict[str, tuple[Security, Security]]:
        """
        A ticker that two companies had, one after the other: the first is delisted before the second is listed.

        It is none of `symbols`: a vendor serves it only where it means to. `reused_history` has the bars.
        """
        first, second = self.reused_history
        return {REUSED: (first.security, second.security)}

    @cached_property
    def reused_history(self) -> tuple[History, History]:
        """Bars and actions of the first and of the second holder of the reused ticker."""
        dates = self.sessions.dates
        gone, back = dates[len(dates) * 3 // 10].item(), dates[len(dates) * 6 // 10].item()
        first = make_reused(self.seed, _HOLDERS[0], self.sessions.between(self.first, gone), final=True)
        return first, make_reused(self.seed, _HOLDERS[1], self.sessions.between(back, self.last), final=False)

    @cached_property
    def renames(self) -> dict[str, Security]:
        """Former ticker to the security that now trades under another."""
        securities = (self.security(symbol) for symbol in self.symbols if is_renamed(self._number[symbol]))
        return {s.formerly: s for s in securities if s.formerly}


def is_renamed(number: int) -> bool:
    """Whether the symbol of this number had another ticker before."""
    return number % 17 == 9


@lru_cache(maxsize=100_000)
def name_of(number: int) -> str:
    """The ticker of a number: odd ones first, then three letters and more, none twice."""
    if number < len(SPECIAL):
        return SPECIAL[number]
    rest, letters = number - len(SPECIAL), string.ascii_uppercase
    stem = letters[rest // 676 % 26] + letters[rest // 26 % 26] + letters[rest % 26]
    return f"Q{stem}" if rest < 17_576 else f"V{stem}"


def make_reused(seed: int, number: int, sessions: Sessions, *, final: bool) -> History:
    """A holder of the reused ticker over some sessions, `final` when its last one was a delisting."""
    history = make_history(seed, number, sessions)
    return replace(history, security=replace(history.security, symbol=REUSED, delisted=final))


def make_history(seed: int, number: int, sessions: Sessions) -> History:
    """Everything about one symbol."""
    rng = np.random.default_rng([seed, number])
    chosen = _listed(rng, number, sessions)
    splits = _splits(rng, number, chosen)
    multiple = np.ones(len(chosen.dates))
    for at, (new, old) in splits.items():
        multiple[at:] *= old / new
    opens, highs, lows, closes = _prices(rng, multiple)
    volume = np.maximum(1, rng.lognormal(9.0, 0.5, len(multiple)) / np.sqrt(multiple)).astype(np.int64) * 100
    dividends = _dividends(rng, number, sorted(splits), closes, splits)
    halts = _halts(rng, number, len(chosen.dates), {*splits, *dividends})
    keep = np.ones(len(chosen.dates), dtype=bool)
    keep[halts] = False
    kept = Sessions(chosen.dates[keep], chosen.opens[keep], chosen.closes[keep])
    return History(
        _security(rng, number, sessions, chosen, halts),
        kept,
        opens[keep],
        highs[keep],
        lows[keep],
        closes[keep],
        volume[keep],
        _actions(chosen, splits, dividends),
        seed,
    )


def _listed(rng: Any, number: int, sessions: Sessions) -> Sessions:
    """Cut to the sessions from listing to delisting."""
    count = len(sessions.dates)
    lo = int(rng.integers(count // 20, count * 6 // 10)) if number % 7 == 3 else 0
    hi = int(rng.integers(count * 7 // 10, count - 10)) if number % 11 == 5 else count
    return Sessions(sessions.dates[lo:hi], sessions.opens[lo:hi], sessions.closes[lo:hi])


def _splits(rng: Any, number: int, sessions: Sessions) -> dict[int, tuple[int, int]]:
    """Position of each ex-date to (new, old): one split for every fourth symbol, two for every eighth."""
    if number % 4:
        return {}
    count, kind = len(sessions.dates), number // 4 % len(RATIOS)
    at = int(rng.integers(count // 10, count // 2))
    found = {at: RATIOS[kind]}
    if number % 8 == 0:
        found[int(rng.integers(count * 6 // 10, count * 9 // 10))] = RATIOS[(kind + 3) % len(RATIOS)]
    return found


def _prices(rng: Any, multiple: Any) -> tuple[Any, Any, Any, Any]:
    """Open, high, low and close in cents: a mean-reverting walk times `multiple`, which holds the splits."""
    count = len(multiple)
    shocks = rng.normal(0.0, 0.015, count)
    walk, level = np.empty(count), 0.0
    for at, shock in enumerate(shocks.tolist()):
        level = 0.995 * level + shock
        walk[at] = level
    room_low = np.log(_LOWEST * 2.2) - np.log(multiple.min())
    room_high = np.log(_HIGHEST / 2.2) - np.log(multiple.max())
    base = float(rng.uniform(room_low, min(room_high, room_low + 4.0)))
    close = np.clip(np.exp(base + walk) * multiple, _LOWEST, _HIGHEST)
    before = np.concatenate(([close[0] / multiple[0]], (close / multiple)[:-1])) * multiple
    open_ = np.clip(before * np.exp(rng.normal(0.0, 0.004, count)), _LOWEST, _HIGHEST)
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0.0, 0.006, count)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0.0, 0.006, count)))
    cents = [np.round(values * 100).astype(np.int64) for values in (open_, high, low, close)]
    return cents[0], np.maximum.reduce(cents), np.minimum.reduce(cents), cents[3]


def _dividends(rng: Any, number: int, at_splits: list[int], closes: Any, splits: Any) -> dict[int, float]:
    """Position of each ex-date to the amount as paid: quarterly for two symbols in three."""
    found: dict[int, float] = {}
    if number % 3 == 2:
        return {5 + len(closes) // 2: 0.001} if number % 20 == 14 else found
    digits = 2 if number % 3 == 0 else 4
    positions = list(range(int(rng.integers(5, 60)), len(closes), 63))
    if number % 8 == 0:
        positions += at_splits[:1]
    for at in sorted(set(positions)):
        new, old = splits.get(at, (1, 1))
        worth = closes[at - 1] / 100 * old / new
        found[at] = max(round(worth * float(rng.uniform(0.002, 0.01)), digits), 10**-digits)
    return found


def _halts(rng: Any, number: int, count: int, busy: set[int]) -> list[int]:
    """Positions without a bar: one to three for every fifth symbol, never a first, last or ex-date session."""
    if number % 5 != 1:
        return []
    start, length = int(rng.integers(count // 5, count * 4 // 5)), int(rng.integers(1, 4))
    return [at for at in range(start, start + length) if at not in busy and 0 < at < count - 1]


def _security(rng: Any, number: int, sessions: Sessions, chosen: Sessions, halts: list[int]) -> Security:
    renamed = None
    if is_renamed(number):
        count = len(chosen.dates)
        renamed = chosen.dates[int(rng.integers(count // 4, count * 3 // 4))].item()
    return Security(
        symbol=name_of(number),
        number=number,
        first=chosen.dates[0].item(),
        last=chosen.dates[-1].item(),
        delisted=bool(chosen.dates[-1] < sessions.dates[-1]),
        halts=tuple(chosen.dates[at].item() for at in halts),
        formerly=f"{name_of(number)}O" if renamed else None,
        renamed_on=renamed,
    )


def _actions(sessions: Sessions, splits: dict[int, tuple[int, int]], dividends: dict[int, float]) -> tuple[Action, ...]:
    found = [Action(sessions.dates[at].item(), "split", ratio=Fraction(*ratio)) for at, ratio in splits.items()]
    found += [Action(sessions.dates[at].item(), "dividend", amount=amount) for at, amount in dividends.items()]
    return tuple(sorted(found, key=lambda a: (a.ex_date, a.kind != "split")))
