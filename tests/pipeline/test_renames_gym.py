"""
Renamed, delisted and reused tickers collected day by day over real sockets: history is stitched, the folder moves, old
tickers answer, holders of one ticker stay apart, and a rebuild comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from gym_keep import BAR_COLUMNS, after_close, published_tree
from vendors_keep import VendorsKeep

import marketkeep
from gold.told import of
from gym import Gym, Truth, serve, some_vendors
from gym.truth import REUSED, History, Security
from marketkeep.calendars import XNYS
from marketkeep.errors import AmbiguousSymbol
from marketkeep.pipeline.rebuild import rebuild
from marketkeep.stores.lake import layout

TRUTH = Truth(symbols=40, years=2)
FAST = {"calls": 1000, "seconds": 1.0}
SOURCES = dict.fromkeys(("yahoo", "nasdaq_trader", "sec_tickers"), FAST)
DATASETS = ("listings", "daily_bars", "actions")
RENAMED = [one for one in TRUTH.renames.values() if one.renamed_on]


@pytest.fixture
def gym() -> Iterator[Gym]:
    """Yahoo, the exchanges' directory and the SEC's list."""
    with serve(truth=TRUTH, vendors=some_vendors(*SOURCES)) as one:
        yield one


def sessions(day: date, before: int, behind: int) -> list[date]:
    """So many sessions before a day, the day, and so many behind it."""
    all_ = XNYS.sessions(TRUTH.first, TRUTH.last + timedelta(days=1))
    at = all_.index(day)
    return all_[max(0, at - before) : at + behind + 1]


def collected(keep: VendorsKeep, days: list[date]) -> None:
    """The updates of these evenings."""
    for day in days:
        keep.gym.now = after_close(day)
        keep.collect(datasets=DATASETS)


def true_bars(history: History, first: date, last: date) -> pl.DataFrame:
    """What was traded between two sessions, both included."""
    return history.frame().filter(pl.col("date").is_between(first, last)).select(BAR_COLUMNS)


def held(keep: VendorsKeep, symbol: str, *days: date) -> pl.DataFrame:
    """What the keep answers for a name."""
    return marketkeep.open(keep.root).bars(symbol, *days).polars().select(BAR_COLUMNS)


def folders(keep: VendorsKeep, symbol: str) -> list[str]:
    """The published folders of a symbol that are there."""
    paths = (Path(layout.ticks(symbol, 2000)).parents[1], Path(layout.actions(symbol)).parent)
    return [path.as_posix() for path in paths if any((keep.root / path).rglob("*.json"))]


def same_rebuilt(keep: VendorsKeep) -> bool:
    """Whether a rebuild publishes what was published."""
    before = published_tree(keep.root)
    rebuild(keep.work)
    return published_tree(keep.root) == before


@pytest.mark.parametrize("one", RENAMED, ids=lambda one: f"{one.formerly}-{one.symbol}")
def test_trap_11_update_through_a_rename(gym: Gym, tmp_path: Path, one: Security) -> None:
    """
    Followed under its old ticker, a security goes on under the new one: what was held moves there and is not asked for
    again, and both tickers answer with all of it.
    """
    assert one.formerly
    assert one.renamed_on
    days = sessions(one.renamed_on, 3, 4)
    start = sessions(one.renamed_on, 60, 0)[0]
    keep = VendorsKeep(tmp_path / "keep", gym, sources=SOURCES)
    gym.now = after_close(days[0])
    keep.follow(start, [one.formerly])
    collected(keep, days[:3])
    assert folders(keep, one.formerly)
    assert held(keep, one.formerly).equals(true_bars(TRUTH.history(one.symbol), start, days[2]))
    gym.clear()
    collected(keep, days[3:])
    truth = true_bars(TRUTH.history(one.symbol), start, days[-1])
    for name in (one.formerly, one.symbol):
        assert held(keep, name).equals(truth), name
    assert folders(keep, one.formerly) == []
    assert folders(keep, one.symbol)
    row = of(keep.work.lake.securities(), one.symbol)
    assert (row["security_id"], row["followed"], row["active"]) == (one.formerly, True, True)
    assert one.formerly not in keep.work.lake.securities()["symbol"]
    earliest = min(int(hit.params["period1"]) for hit in gym.log if hit.key == one.symbol)
    assert earliest >= after_close(days[3] - timedelta(days=15)).timestamp()
    assert same_rebuilt(keep)


def test_trap_11_new_ticker_asked_for_before_the_rename_was_known(gym: Gym, tmp_path: Path) -> None:
    """
    Who follows both tickers has one security when the rename shows, with what was told under either.
    """
    one = RENAMED[0]
    assert one.formerly
    assert one.renamed_on
    days = sessions(one.renamed_on, 3, 4)
    keep = VendorsKeep(tmp_path / "keep", gym, sources=SOURCES)
    gym.now = after_close(days[0])
    keep.follow(days[0], [one.formerly, one.symbol])
    collected(keep, days)
    assert held(keep, one.formerly).equals(true_bars(TRUTH.history(one.symbol), days[0], days[-1]))
    assert marketkeep.open(keep.root).symbols() == [one.symbol]
    assert same_rebuilt(keep)


def test_trap_30_holders_of_a_reused_ticker_stay_apart(gym: Gym, tmp_path: Path) -> None:
    """
    Traps 30 and 40: a delisted company keeps its bars, its end and its name when another takes its ticker, and is never
    asked for again; the other's bars are its own, and a question that could mean both is told so.
    """
    first, second = TRUTH.reused_history
    gone, back = first.security.last, second.security.first
    former = f"{REUSED}~{gone.year}"
    keep = VendorsKeep(tmp_path / "keep", gym, sources=SOURCES)
    start = sessions(gone, 30, 0)[0]
    gym.now = after_close(sessions(gone, 2, 0)[0])
    keep.follow(start, [REUSED])
    collected(keep, sessions(gone, 2, 4))
    between = of(keep.work.lake.securities(), REUSED)
    assert (between["active"], between["delisting_date"]) == (False, XNYS.next_session(gone))
    assert held(keep, REUSED).equals(true_bars(first, start, gone))
    gym.clear()
    listed = sessions(back, 0, 5)
    collected(keep, listed[:1])
    assert [hit for hit in gym.log if hit.vendor == "yahoo"] == []
    keep.follow(start, [REUSED])
    collected(keep, listed[1:])
    assert held(keep, former).equals(true_bars(first, start, gone))
    assert held(keep, REUSED, back).equals(true_bars(second, back, listed[-1]))
    assert held(keep, f"{REUSED}~now").equals(true_bars(second, back, listed[-1]))
    assert held(keep, REUSED, start, gone).equals(true_bars(first, start, gone))
    with pytest.raises(AmbiguousSymbol, match=former):
        held(keep, REUSED)
    then, now = (of(keep.work.lake.securities(), symbol) for symbol in (former, REUSED))
    assert (then["active"], then["delisting_date"], then["last_session"]) == (False, XNYS.next_session(gone), gone)
    assert (now["active"], now["first_session"], now["security_id"]) == (True, back, f"{REUSED}#2")
    assert folders(keep, former)
    assert same_rebuilt(keep)


def test_what_was_said_before_a_rename_is_said_again(gym: Gym, tmp_path: Path) -> None:
    """
    As recorded by an evening before the rename, the keep answers with what it held then, under either name.
    """
    one = RENAMED[0]
    assert one.formerly
    assert one.renamed_on
    days = sessions(one.renamed_on, 3, 4)
    keep = VendorsKeep(tmp_path / "keep", gym, sources=SOURCES)
    gym.now = after_close(days[0])
    keep.follow(days[0], [one.formerly])
    collected(keep, days[:3])
    reader = marketkeep.open(keep.root)
    said = reader.bars(one.formerly).polars()
    moment = keep.clock()
    collected(keep, days[3:])
    for name in (one.formerly, one.symbol):
        again = marketkeep.open(keep.root).bars(name, recorded_by=moment).polars()
        assert again.equals(said), name
