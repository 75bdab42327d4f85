"""Minute bars of 50 symbols over 60 sessions, with two half days and the end of summer time, from paged answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import polars as pl
import pytest
from gym_keep import after_close, published_tree
from vendors_keep import VendorsKeep

import marketkeep
from gym import Gym, serve
from gym.minutes import minutes
from gym.vendors import some_vendors
from marketkeep.calendars import XNYS
from marketkeep.operate import examine
from marketkeep.pipeline.collecting.update import backfill
from marketkeep.pipeline.rebuild import rebuild

SYMBOLS, SESSIONS = 50, 60
LAST = date(2024, 12, 31)
DAYS = XNYS.sessions(date(2024, 9, 1), date(2025, 1, 1))[-SESSIONS:]
COLUMNS = ["symbol", "ts", "open", "high", "low", "close", "volume", "vwap", "trade_count"]
FAST = {"calls": 1000, "seconds": 1.0}


@pytest.fixture(scope="module")
def gym() -> Iterator[Gym]:
    """Minute bars of two vendors over one truth, late in the evening of the last session."""
    now = after_close(LAST).replace(day=1, month=1, year=2025, hour=3)
    with serve(SYMBOLS, 1, last=LAST, now=now, vendors=some_vendors("alpaca", "polygon", "yahoo")) as one:
        yield one


@pytest.fixture(scope="module", params=["alpaca", "polygon"])
def keep(request: pytest.FixtureRequest, gym: Gym, tmp_path_factory: pytest.TempPathFactory) -> VendorsKeep:
    """A keep filled with 60 sessions of minutes from one of them, and with the daily bars and actions they need."""
    name = request.param
    made = VendorsKeep(tmp_path_factory.mktemp(name) / "keep", gym, sources={name: FAST, "yahoo": FAST})
    made.follow(DAYS[0])
    gym.clear()
    made.collect(backfill, names=[name], start=DAYS[0], end=LAST, datasets=["minute_bars"])
    return made


def true_minutes(gym: Gym, symbol: str) -> pl.DataFrame:
    """Every minute in which a symbol traded over the sessions, in the columns that are compared."""
    assert gym.truth is not None
    history = gym.truth.history(symbol)
    traded = set(history.sessions.dates.tolist())
    frames = [minutes(history, day) for day in DAYS if day in traded]
    if not frames:
        return pl.DataFrame()
    return pl.concat(frames).select(
        pl.from_epoch("ts", time_unit="s").dt.replace_time_zone("UTC").cast(pl.Datetime("us", "UTC")),
        *COLUMNS[2:8],
        trade_count=pl.col("trades"),
    )


def test_days_hold_the_hard_cases() -> None:
    """
    The sessions asked for hold two half days and both sides of the end of summer time.
    """
    assert [day for day in DAYS if XNYS.is_half_day(day)] == [date(2024, 11, 29), date(2024, 12, 24)]
    assert {XNYS.session_open(day).hour for day in DAYS} == {13, 14}


def test_every_minute_is_there_and_true(keep: VendorsKeep, gym: Gym) -> None:
    """
    Every minute of every symbol, extended hours included, is what the truth says; answers came in several pages.
    """
    assert gym.truth is not None
    reader, rows = marketkeep.open(keep.root), 0
    for symbol in gym.truth.symbols:
        true = true_minutes(gym, symbol)
        if true.is_empty():
            assert symbol not in reader.coverage("minute_bars")["symbol"]
            continue
        ours = reader.minute_bars([symbol]).polars().select(COLUMNS[1:])
        rows += ours.height
        assert ours.equals(true.cast(dict(ours.schema))), symbol
    [vendor] = {hit.vendor for hit in gym.log}
    pages = [hit for hit in gym.log if "page_token" in hit.params or "cursor" in hit.params]
    print(f"{vendor}: {rows:,} minutes of {SYMBOLS} symbols x {SESSIONS} sessions in {gym.count} requests")
    assert rows > 900_000
    # Polygon's pages hold 50,000 rows, which is more than 60 sessions of one symbol.
    assert pages or vendor == "polygon"


def test_trap_43_half_days_end_at_one(keep: VendorsKeep, gym: Gym) -> None:
    """
    On a half day regular minutes end at 13:00 New York, 210 at most; what trades later is after hours.
    """
    assert gym.truth is not None
    day = date(2024, 11, 29)
    bars = marketkeep.open(keep.root).minute_bars(gym.truth.symbols[:5], day, day).polars()
    regular = bars.filter(pl.col("segment") == "regular")
    assert regular["ts"].max() < XNYS.session_close(day)  # type: ignore[operator]
    assert max(regular.group_by("symbol").len()["len"]) <= 210
    assert bars.filter(pl.col("ts") >= XNYS.session_close(day))["segment"].unique().to_list() == ["post"]


def test_true_minutes_are_no_finding(keep: VendorsKeep) -> None:
    """
    Laid beside the daily bars of another source, half days, the change of the clocks and thin trading among them, no
    session of a million minutes is found to differ or to be incomplete.
    """
    keep.collect(backfill, names=["yahoo"], start=DAYS[0], end=LAST)
    opened = marketkeep.open(keep.root)
    assert opened.coverage()["rows"].sum() > 2_000
    told = pl.col("check").is_in(["minutes_differ", "minutes_incomplete"])
    assert opened.findings().filter(told).is_empty()


def test_nothing_is_asked_twice_and_a_rebuild_agrees(keep: VendorsKeep, gym: Gym) -> None:
    """
    What is held is not asked for again; the doctor finds nothing wrong, and a rebuild gives the same bytes.
    """
    gym.clear()
    [name] = {batch.split("/")[2] for batch in keep.work.batches.paths() if "minute_bars" in batch}
    keep.collect(backfill, names=[name], start=DAYS[0], end=LAST, datasets=["minute_bars"])
    assert gym.truth is not None
    securities = [gym.truth.security(symbol) for symbol in gym.truth.symbols]
    whole = {one.symbol for one in securities if one.first <= DAYS[0] and not one.delisted and not one.halts}
    assert not {hit.key for hit in gym.log} & whole
    assert examine(keep.root).problems == ()
    before = published_tree(keep.root)
    rebuild(keep.work)
    assert published_tree(keep.root) == before
