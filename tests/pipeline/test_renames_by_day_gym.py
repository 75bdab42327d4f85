"""
Prices from Polygon alone, which keeps them by the ticker of the day, over real sockets: a renamed security is asked for
under each of its tickers in its time, a former holder of a ticker under that ticker, each span once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from gym_keep import BAR_COLUMNS, after_close
from test_renames_gym import RENAMED, TRUTH, held, same_rebuilt, sessions, true_bars
from vendors_keep import VendorsKeep

import marketkeep
from gym import Gym, serve, some_vendors
from gym.truth import REUSED, History, Security
from marketkeep.pipeline.collecting.update import backfill

FAST = {"calls": 1000, "seconds": 1.0}
DIRECTORIES = ("nasdaq_trader", "sec_tickers")
SOURCES = dict.fromkeys(("polygon", *DIRECTORIES), FAST)
PRICES = ("daily_bars", "actions")


@pytest.fixture
def gym() -> Iterator[Gym]:
    """Polygon, the exchanges' directory and the SEC's list."""
    with serve(truth=TRUTH, vendors=some_vendors(*SOURCES)) as one:
        yield one


def seen(keep: VendorsKeep, days: list[date]) -> None:
    """What directories show on these evenings, and nothing else."""
    for day in days:
        keep.gym.now = after_close(day)
        keep.collect(names=DIRECTORIES, datasets=("listings",))


def asked(gym: Gym) -> Counter[str]:
    """How often Polygon was asked, by what; what was counted is forgotten."""
    found = Counter(hit.key for hit in gym.log if hit.vendor == "polygon")
    gym.clear()
    return found


def paid(keep: VendorsKeep, symbol: str) -> list[date]:
    """The ex-dates that the keep has of a symbol."""
    return marketkeep.open(keep.root).actions(symbol)["ex_date"].to_list()


def true_paid(history: History, first: date, last: date) -> list[date]:
    """Those there were between two days, both included."""
    return [one.ex_date for one in history.actions if first <= one.ex_date <= last]


@pytest.mark.parametrize("one", RENAMED, ids=lambda one: f"{one.formerly}-{one.symbol}")
def test_trap_11_history_is_asked_for_under_each_ticker(gym: Gym, tmp_path: Path, one: Security) -> None:
    """
    The whole history stands under the present ticker: the days before the rename were asked for under the old one, in
    one call each for bars and for splits and dividends; a second run asks nothing, the next day only the new ticker.
    """
    assert one.formerly
    assert one.renamed_on
    history = TRUTH.history(one.symbol)
    days, start = sessions(one.renamed_on, 3, 5), sessions(one.renamed_on, 60, 0)[0]
    keep = VendorsKeep(tmp_path / "keep", gym, sources=SOURCES)
    gym.now = after_close(days[0])
    keep.follow(start, [one.formerly])
    seen(keep, days[:-1])
    gym.clear()
    outcome = keep.collect(datasets=PRICES)
    # Of the new ticker today's bar is a call of its own.
    assert asked(gym) == {one.formerly: 3, one.symbol: 4}
    assert (outcome.missing_after, outcome.collected.failed) == (0, {})
    for name in (one.formerly, one.symbol):
        assert held(keep, name).equals(true_bars(history, start, days[-2])), name
        assert paid(keep, name) == true_paid(history, start, days[-2])
    keep.collect(datasets=PRICES)
    assert asked(gym) == {}
    gym.now = after_close(days[-1])
    keep.collect(datasets=PRICES)
    assert set(asked(gym)) == {one.symbol}
    assert held(keep, one.symbol).equals(true_bars(history, start, days[-1]))
    assert same_rebuilt(keep)


def test_trap_11_update_through_a_rename_by_day(gym: Gym, tmp_path: Path) -> None:
    """
    Followed evening by evening under its old ticker, a security goes on under the new one as soon as the rename shows,
    an evening late: the session in between is had under the new ticker, and nothing is asked for again.
    """
    one = RENAMED[0]
    assert one.formerly
    assert one.renamed_on
    days, start = sessions(one.renamed_on, 3, 4), sessions(one.renamed_on, 60, 0)[0]
    keep = VendorsKeep(tmp_path / "keep", gym, sources=SOURCES)
    gym.now = after_close(days[0])
    keep.follow(start, [one.formerly])
    for day in days[:4]:
        gym.now = after_close(day)
        keep.collect(datasets=("listings", *PRICES))
    gym.clear()
    for day in days[4:]:
        gym.now = after_close(day)
        keep.collect(datasets=("listings", *PRICES))
    assert set(asked(gym)) == {one.symbol}
    assert held(keep, one.formerly).equals(true_bars(TRUTH.history(one.symbol), start, days[-1]))
    assert marketkeep.open(keep.root).symbols() == [one.symbol]
    assert same_rebuilt(keep)


def test_trap_30_a_former_holder_is_had_from_who_keeps_tickers_by_day(gym: Gym, tmp_path: Path) -> None:
    """
    Long gone and its ticker another's, a company is filled in from Polygon under that ticker for its own days; the
    present holder is asked for its own, each has what it traded, and neither is asked for twice.
    """
    first, second = TRUTH.reused_history
    gone, back = first.security.last, second.security.first
    former, start = f"{REUSED}~{gone.year}", sessions(gone, 30, 0)[0]
    keep = VendorsKeep(tmp_path / "keep", gym, sources=SOURCES)
    gym.now = after_close(sessions(gone, 2, 0)[0])
    keep.follow(start, [REUSED])
    listed = sessions(back, 0, 5)
    seen(keep, [*sessions(gone, 2, 4), *listed])
    keep.follow(start, [REUSED])
    gym.clear()
    keep.collect(datasets=PRICES)
    assert asked(gym) == {REUSED: 4}
    assert held(keep, f"{REUSED}~now").equals(true_bars(second, back, listed[-1]))
    outcome = keep.collect(backfill, start=start, symbols=[former])
    assert asked(gym) == {REUSED: 3}
    assert outcome.missing_after == 0
    assert held(keep, former).equals(true_bars(first, start, gone))
    assert held(keep, f"{REUSED}~now").equals(true_bars(second, back, listed[-1]))
    assert paid(keep, former) == true_paid(first, start, gone)
    keep.collect(backfill, start=start, symbols=[former])
    keep.collect(datasets=PRICES)
    assert asked(gym) == {}
    whole = marketkeep.open(keep.root).bars([former, f"{REUSED}~now"]).polars()
    assert whole.group_by("symbol").len().sort("symbol")["symbol"].to_list() == [REUSED, former]
    assert whole.select(BAR_COLUMNS).filter(pl.col("date").is_between(gone, back, closed="none")).is_empty()
    assert same_rebuilt(keep)
