"""Whom a keep follows because of what they are, from the command that says so to the bars."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from gym_keep import after_close
from vendors_keep import VendorsKeep

import marketkeep
from gym import Gym, Truth, serve
from gym.indices import Indices
from gym.nasdaq_trader import Directory
from gym.vendors import some_vendors
from marketkeep.calendars import XNYS
from marketkeep.cli import main
from marketkeep.model import Policy

TRUTH = Truth(symbols=40, years=1)
FAST = {"calls": 1000, "seconds": 1.0}
SOURCES = dict.fromkeys(("nasdaq_trader", "wikipedia", "coinbase", "binance"), FAST)
REFERENCE = ("listings", "index_members")
DAY = date(2024, 6, 3)


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[VendorsKeep]:
    """An empty keep over a gym of reference data and crypto exchanges."""
    vendors = some_vendors("nasdaq_trader", "wikipedia", "coinbase", "binance")
    with serve(truth=TRUTH, vendors=vendors, now=after_close(DAY)) as gym:
        yield VendorsKeep(tmp_path / "keep", gym, policy=Policy(start=date(2024, 5, 1)), sources=SOURCES)


def add(keep: VendorsKeep, *arguments: str) -> None:
    """`marketkeep add-symbol` with these."""
    with pytest.raises(SystemExit) as ended:
        main(["add-symbol", *arguments, "--data", str(keep.root)])
    assert ended.value.code == 0


def followed(keep: VendorsKeep) -> dict[str, str]:
    """The symbols followed, with their priority."""
    return dict(marketkeep.open(keep.root).securities(followed=True).select("symbol", "priority").iter_rows())


def members(gym: Gym, day: date) -> set[str]:
    """The members that the truth of the S&P 500 has on a day, and those announced."""
    indices = Indices(TRUTH)
    coming = {one.added.symbol for one in indices.changes("sp500", day) if one.added and one.effective > day}
    return {one.symbol for one in indices.members("sp500", day)} | coming


def test_index_is_followed_and_who_joins_it(keep: VendorsKeep) -> None:
    """
    The members are followed, all with priority; one that joins later from the next update on; one that left stays.
    """
    add(keep, "--index", "sp500")
    keep.collect(datasets=REFERENCE)
    first = followed(keep)
    # Who leaves within the notice given is a member still, but nobody begins to follow it.
    assert set(first) <= members(keep.gym, DAY)
    assert len(members(keep.gym, DAY) - set(first)) <= 1
    assert set(first.values()) == {"high"}
    change = next(one for one in reversed(Indices(TRUTH).changes("sp500", TRUTH.last)) if one.announced > DAY)
    assert change.added
    assert change.removed
    assert change.added.symbol not in first
    keep.gym.now = after_close(XNYS.next_session(change.effective))
    keep.collect(datasets=REFERENCE)
    later = followed(keep)
    assert later[change.added.symbol] == "high"
    assert set(first) <= set(later)
    assert change.removed.symbol in later


def test_all_that_is_listed_is_followed(keep: VendorsKeep) -> None:
    """
    `--all-us` follows every line of the directory but test issues, members of an index before the others.
    """
    add(keep, "--all-us")
    keep.collect(datasets=REFERENCE)
    told = followed(keep)
    listed = {one.ticker for one in Directory(TRUTH).lines(DAY) if not one.test}
    assert set(told) == listed
    assert {told[symbol] for symbol in set(told) & members(keep.gym, DAY)} == {"high"}
    funds = set(marketkeep.open(keep.root).securities().filter(pl.col("asset_class") == "etf")["symbol"])
    assert {told[symbol] for symbol in funds} == {"medium"}


def test_crypto_is_collected_from_its_exchanges(keep: VendorsKeep) -> None:
    """
    `--crypto` follows pairs, low in priority; each comes from an exchange that trades it, every day of the week.
    """
    add(keep, "--crypto", "BTC-USD", "--crypto", "BTC-USDT", "--start", "2024-05-20")
    keep.collect(datasets=["daily_bars"])
    assert followed(keep) == {"BTC-USD": "low", "BTC-USDT": "low"}
    bars = marketkeep.open(keep.root).bars(["BTC-USD", "BTC-USDT"]).polars()
    sources = dict(bars.group_by("symbol").agg(pl.col("source").first()).iter_rows())
    assert sources == {"BTC-USD": "coinbase", "BTC-USDT": "binance"}
    assert set(bars["date"].dt.weekday()) == set(range(1, 8))
    assert bars["date"].min() == date(2024, 5, 20)
