"""A day of the whole market: 5,000 symbols brought up to date in one command, by calls that answer for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import polars as pl
import pytest
from gym_keep import BAR_COLUMNS, after_close
from vendors_keep import VendorsKeep

import marketkeep
from gym import Gym, serve
from gym.vendors import some_vendors
from marketkeep.calendars import XNYS
from marketkeep.model import Policy
from marketkeep.pipeline.collecting.universe import follow_universe

SYMBOLS = 5_000
START, BEFORE, LAST = date(2024, 12, 9), date(2024, 12, 26), date(2024, 12, 27)
FAST = {"calls": 1000, "seconds": 1.0}


@pytest.fixture(scope="module")
def gym() -> Iterator[Gym]:
    """Directory, prices and actions of a market of 5,000."""
    vendors = some_vendors("yahoo", "polygon", "nasdaq_trader", "wikipedia", "fund_holdings", "treasury")
    with serve(SYMBOLS, 1, last=LAST, now=after_close(BEFORE), vendors=vendors) as one:
        yield one


@pytest.fixture(scope="module")
def keep(gym: Gym, tmp_path_factory: pytest.TempPathFactory) -> VendorsKeep:
    """A keep that follows all that is listed, up to date the evening before."""
    told = dict.fromkeys(("yahoo", "polygon", "nasdaq_trader", "wikipedia", "ishares", "treasury"), FAST)
    made = VendorsKeep(tmp_path_factory.mktemp("market") / "keep", gym, policy=Policy(start=START), sources=told)
    follow_universe(made.work, ["all_us"])
    made.collect()
    gym.clear()
    gym.now = after_close(LAST)
    return made


def true_bars(gym: Gym, day: date) -> pl.DataFrame:
    """What every symbol traded at on a day, by symbol."""
    assert gym.truth is not None
    rows = []
    for symbol in gym.truth.symbols:
        history = gym.truth.history(symbol)
        at = np.flatnonzero(history.sessions.dates == np.datetime64(day, "D"))
        rows += [
            (
                symbol,
                day,
                *(float(getattr(history, name)[n]) / 100 for name in BAR_COLUMNS[1:5]),
                float(history.volume[n]),
            )
            for n in at
        ]
    return pl.DataFrame(rows, schema=["symbol", *BAR_COLUMNS], orient="row").sort("symbol")


def test_daily_update_takes_tens_of_calls(keep: VendorsKeep, gym: Gym) -> None:
    """
    One update brings the day's bars and actions of 5,000 symbols: tens of requests, counted at the vendors, and every
    bar is true.
    """
    outcome = keep.collect()
    counts = {vendor.name: gym.count_of(vendor.name) for vendor in gym.vendors}
    assert gym.truth is not None
    print(f"{SYMBOLS:,} symbols, requests by vendor: {counts}")
    assert sum(counts.values()) < 50
    assert outcome.collected.failed == {}
    symbols = [one for one in gym.truth.symbols if gym.truth.security(one).last >= LAST]
    held = marketkeep.open(keep.root).bars(symbols, LAST, LAST).polars().select("symbol", *BAR_COLUMNS).sort("symbol")
    assert held.height > 4_400
    assert held.equals(true_bars(gym, LAST).cast(held.schema))


def test_trailing_sessions_come_along(keep: VendorsKeep, gym: Gym) -> None:
    """
    The last five sessions were asked for again in one call each, because sources revise them.
    """
    days = [*XNYS.sessions(START, LAST)[-4:], LAST]
    assert {hit.key for hit in gym.log if hit.key.startswith("grouped")} == {f"grouped {day}" for day in days}
