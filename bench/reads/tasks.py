"""
The tasks of the reading benchmark: what is asked, of which symbols and days, and which ratios must hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from reads.market import LAST, MINUTE_YEAR, Market

Call = dict[str, Any]
METRICS = ["revenue", "net_income", "operating_income", "assets", "equity"]
FACTOR_SYMBOLS = 800


@dataclass(frozen=True)
class Goal:
    """Somebody must need at least `ratio` times as long as marketkeep; of his ways the fastest, or the one named."""

    peer: str
    ratio: float
    way: str = ""


@dataclass(frozen=True)
class Task:
    """One question. `calls` are variants of it, taken in turn, so that nobody answers from having just been asked."""

    name: str
    title: str
    calls: Callable[[Market], list[Call]]
    goals: tuple[Goal, ...] = ()
    grows: bool = False
    """Whether it is asked at several sizes of the data."""


def _some(market: Market, count: int, seed: int) -> list[str]:
    chosen = np.random.default_rng(seed).choice(market.symbols, min(count, market.symbols), replace=False)
    return sorted(f"S{number:05d}" for number in chosen)


def _one(market: Market) -> list[Call]:
    return [{"symbol": name} for name in _some(market, 40, 1)]


def _years(market: Market) -> list[int]:
    return list(range(market.days()[0].year + 1, LAST.year + 1))[-8:]


def _year(year: int) -> Call:
    return {"start": f"{year}-01-01", "end": f"{year}-12-31"}


def _fifty(market: Market) -> list[Call]:
    return [{"symbols": _some(market, 50, year), **_year(year)} for year in _years(market)]


def _sessions(market: Market) -> list[Call]:
    days = market.days()
    return [{"start": str(day), "end": str(day)} for day in days[len(days) // 2 :: len(days) // 20]]


def _minutes(count: int) -> Callable[[Market], list[Call]]:
    def calls(market: Market) -> list[Call]:
        if count == 1:
            return [
                {"symbols": [name], "start": f"{MINUTE_YEAR}-01-01", "end": f"{MINUTE_YEAR}-12-31"}
                for name in market.names()[: min(8, market.minute_year)]
            ]
        names = market.names()[: market.minute_month]
        return [{"symbols": names, "start": f"{MINUTE_YEAR}-03-01", "end": f"{MINUTE_YEAR}-03-31"}] if names else []

    return calls


def _figures(market: Market) -> list[Call]:
    names = market.names()[: market.companies]
    days = [date(year, 6, 30) for year in _years(market)]
    return [{"symbols": names, "metrics": METRICS, "as_of": str(day)} for day in days] if names else []


TASKS = (
    Task("one", "One symbol, all years", _one, (Goal("arctic", 1.3),), grows=True),
    Task("some", "50 symbols, one year", _fifty, (Goal("arctic", 8.0),), grows=True),
    Task(
        "field",
        "One field of all, all years, as a dense matrix",
        lambda _: [{"field": "close"}],
        (Goal("arctic", 1.5, "wide"),),
        grows=True,
    ),
    Task("session", "One session of all", _sessions, (Goal("arctic", 15.0),), grows=True),
    Task("session_closes", "The closes of one session of all", _sessions, (Goal("arctic", 15.0),)),
    Task(
        "year",
        "One year of all",
        lambda market: [_year(one) for one in _years(market)],
        (Goal("arctic", 200.0),),
        grows=True,
    ),
    Task("minute_one", "Minutes of one symbol, one year", _minutes(1)),
    Task("minute_some", "Minutes of 500 symbols, one month", _minutes(500)),
    Task(
        "factors",
        "14 factors of 800 symbols, all years",
        lambda market: [{"symbols": market.names()[:FACTOR_SYMBOLS]}],
        (Goal("with_qlib", 10.0),),
    ),
    Task("figures", "Fundamentals of 300 companies as known on a day", _figures),
)
BY_NAME = {task.name: task for task in TASKS}


def agree(ours: dict[str, float], theirs: dict[str, float]) -> bool:
    """
    Whether two answers have as many rows and the same sums, to one part in ten thousand.

    A sum of signed values is measured against the sum of their magnitudes, where ours tells it.
    """
    if ours["rows"] != theirs["rows"]:
        return False
    for name, value in theirs.items():
        size = abs(ours.get(name.replace("sum of", "size of"), ours[name]))
        if abs(value - ours[name]) > 1e-4 * max(size, 1e-9):
            return False
    return True
