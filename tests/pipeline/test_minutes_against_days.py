"""Minutes are laid beside daily bars whichever came first, and what is found is what a rebuild finds."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from gym_keep import published_tree

from marketkeep.calendars import XNYS
from marketkeep.errors import CorruptFile
from marketkeep.files import Folder
from marketkeep.pipeline.publishing.absorb import absorb, clear_published
from marketkeep.stores.lake import layout
from marketkeep.stores.lake.minute_days import load_days
from minute_keep import MinuteKeep
from minute_rows import Row, delivered, minute

DAYS = XNYS.sessions(date(2024, 1, 22), date(2024, 3, 10))
CLOCKS = ("09:30", "12:00", "15:59")
AGAINST = ["minutes_differ", "minutes_incomplete"]


def session(day: date, close: float = 10.0, symbol: str = "AAPL", **told: Any) -> list[Row]:
    """Some minutes of one session that trade 300 shares around one price."""
    return [minute(day, clock, close, symbol=symbol, **told) for clock in CLOCKS]


def bars(*days: date, close: float = 10.0, symbol: str = "AAPL", **told: Any) -> pl.DataFrame:
    """Daily bars that sound minutes at `close` come to."""
    prices = {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close, "volume": 330.0}
    rows = [{"symbol": symbol, "date": day, "basis": "as_traded", **prices, **told} for day in days]
    return delivered(rows, "daily_bars")


def against(keep: MinuteKeep) -> list[tuple[Any, ...]]:
    """What is found of sessions: check, symbol, date, and the batch that cured it."""
    found = keep.open().findings().filter(pl.col("check").is_in(AGAINST)).sort("symbol", "first", "check")
    return found.select("check", "symbol", "first", "resolved_by").rows()


def same_after_rebuild(keep: MinuteKeep) -> None:
    """The published files are those of a rebuild."""
    before = published_tree(keep.root)
    clear_published(keep.work)
    absorb(keep.work)
    assert published_tree(keep.root) == before


@pytest.mark.parametrize("minutes_first", [True, False])
def test_whichever_comes_first(tmp_path: Path, minutes_first: bool) -> None:
    """
    Minutes that are off the daily bar, or hold too little of its volume, are found once both are there.
    """
    keep = MinuteKeep(tmp_path / "keep")
    rows = [*session(DAYS[0]), *session(DAYS[1], 12.0), *session(DAYS[2], volume=1.0)]
    if minutes_first:
        keep.take(*rows)
        assert against(keep) == []
    keep.receive(bars(*DAYS[:3]), dataset="daily_bars")
    absorb(keep.work)
    if not minutes_first:
        keep.take(*rows)
    assert against(keep) == [
        ("minutes_differ", "AAPL", DAYS[1], None),
        ("minutes_incomplete", "AAPL", DAYS[2], None),
    ]
    same_after_rebuild(keep)


def test_minutes_told_right_cure_it(tmp_path: Path) -> None:
    """
    The session told again without the flaw resolves the finding, and names the batch that did.
    """
    keep = MinuteKeep(tmp_path / "keep")
    keep.receive(bars(*DAYS[:2]), dataset="daily_bars")
    keep.take(*session(DAYS[0], 12.0), *session(DAYS[1]))
    assert against(keep) == [("minutes_differ", "AAPL", DAYS[0], None)]
    keep.take(*session(DAYS[0]))
    batches = keep.work.lake.catalog().batches.sort("batch_id")["batch_id"]
    assert against(keep) == [("minutes_differ", "AAPL", DAYS[0], batches[-1])]
    same_after_rebuild(keep)


def test_daily_bar_put_right_takes_it_away(tmp_path: Path) -> None:
    """
    Where the daily bar was wrong, the minutes were not: once it is revised there is nothing to say of them.
    """
    keep = MinuteKeep(tmp_path / "keep")
    keep.take(*session(DAYS[0]))
    keep.receive(bars(DAYS[0], close=12.0), dataset="daily_bars")
    absorb(keep.work)
    assert against(keep) == [("minutes_differ", "AAPL", DAYS[0], None)]
    keep.receive(bars(DAYS[0]), dataset="daily_bars")
    absorb(keep.work)
    assert against(keep) == []
    same_after_rebuild(keep)


def test_trap_1_minutes_of_an_ex_date_on_another_basis_are_found(tmp_path: Path) -> None:
    """
    Yahoo's minutes tell of a split only where they reach its ex-date; scaled by one that they do not tell of, they are
    found to be off the daily bar, and told again with it they are right.
    """
    keep = MinuteKeep(tmp_path / "keep")
    ex_date = DAYS[5]
    yahoo = {"feed": "yahoo", "basis": "split_adjusted"}
    keep.receive(bars(*DAYS[:5], close=40.0), dataset="daily_bars")
    keep.receive(bars(ex_date, close=10.0), dataset="daily_bars")
    keep.split(ex_date, 4)
    # On the morning of the ex-date Yahoo had divided the week before by four, and its answer did not say so.
    keep.take(*session(DAYS[4], 10.0, volume=400.0, basis_date=DAYS[4], **yahoo))
    assert against(keep) == [("minutes_differ", "AAPL", DAYS[4], None)]
    keep.take(*session(DAYS[4], 10.0, volume=400.0, basis_date=ex_date, **yahoo))
    [(check, _, day, cured)] = against(keep)
    assert (check, day) == ("minutes_differ", DAYS[4])
    assert cured is not None
    same_after_rebuild(keep)


def test_trap_12_another_feed_is_not_compared(tmp_path: Path) -> None:
    """
    Minutes of one exchange are kept without a word; the consolidated ones that take their place are compared.
    """
    keep = MinuteKeep(tmp_path / "keep")
    keep.receive(bars(*DAYS[:2]), dataset="daily_bars")
    keep.take(*session(DAYS[0], 12.0, feed="iex"), *session(DAYS[1], volume=1.0, feed="iex"))
    assert against(keep) == []
    keep.take(*session(DAYS[0], 12.0))
    assert against(keep) == [("minutes_differ", "AAPL", DAYS[0], None)]


def test_session_that_is_gone_has_no_finding(tmp_path: Path) -> None:
    """
    Totals and findings of a session go with its bars, when the batch they came from is gone.
    """
    keep = MinuteKeep(tmp_path / "keep")
    keep.receive(bars(DAYS[0]), dataset="daily_bars", source="b")
    keep.take(*session(DAYS[0], 12.0))
    [path] = [path for path in keep.work.batches.paths() if "minute_bars" in path]
    (keep.root / path).unlink()
    keep.work = type(keep)(keep.root, now=keep.now).work
    keep.take(*session(DAYS[0], volume=-1.0))
    assert against(keep) == []
    assert load_days(Folder(keep.root), DAYS[0].replace(day=1)).is_empty()


def test_totals_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """
    A damaged file of totals is named, and a rebuild makes it again.
    """
    keep = MinuteKeep(tmp_path / "keep")
    keep.take(*session(DAYS[0]))
    path = keep.root / layout.minute_days(DAYS[0])
    sound = path.read_bytes()
    path.write_bytes(b"PAR1")
    keep.receive(delivered(session(DAYS[1])))
    with pytest.raises(CorruptFile, match="2024-01"):
        absorb(keep.work)
    clear_published(keep.work)
    absorb(keep.work)
    assert path.read_bytes() != sound
    assert load_days(Folder(keep.root), DAYS[0])["date"].to_list() == DAYS[:2]


def test_rename_takes_minutes_along(tmp_path: Path) -> None:
    """
    Traps 11, 30: once a rename is known, files, totals and findings of the old ticker's sessions are the new one's, and
    what a source tells under the old ticker afterwards joins them.
    """
    keep = MinuteKeep(tmp_path / "keep")
    keep.receive(bars(*DAYS[:3], symbol="FB"), dataset="daily_bars")
    keep.take(*session(DAYS[0], 12.0, "FB"), *session(DAYS[1], symbol="FB", volume=None))
    assert against(keep) == [("minutes_differ", "FB", DAYS[0], None)]
    told = {"symbol": "META", "old_symbol": "FB", "new_symbol": "META", "effective_date": date(2024, 6, 3)}
    keep.receive(delivered([told], "ticker_history"), dataset="ticker_history")
    absorb(keep.work)
    keep.take(*session(DAYS[2], symbol="FB"))
    assert against(keep) == [("minutes_differ", "META", DAYS[0], None)]
    assert set(keep.open().findings()["symbol"]) == {"META"}
    assert set(load_days(Folder(keep.root), DAYS[0].replace(day=1))["symbol"]) == {"META"}
    assert keep.open().minute_bars("META").polars()["date"].unique().sort().to_list() == DAYS[:3]
    assert not (keep.root / "ticks/minute/FB").exists() or not list((keep.root / "ticks/minute/FB").rglob("*.parquet"))
    same_after_rebuild(keep)
    now = keep.open().minute_bars("META", recorded_by=keep.now).polars()
    assert now.equals(keep.open().minute_bars("META").polars())


@pytest.mark.parametrize("seed", range(10))
def test_random_batches_find_what_a_rebuild_finds(tmp_path: Path, seed: int) -> None:
    """
    Minutes and daily bars of several sources, feeds, symbols and flaws, splits between them, in any order: totals and
    findings are those of a rebuild.
    """
    chance = random.Random(seed)
    keep = MinuteKeep(tmp_path / "keep")
    for _ in range(chance.randrange(4, 9)):
        source, symbol = chance.choice(("a", "b", "x")), chance.choice(("AAPL", "NA"))
        some = sorted(chance.sample(DAYS, chance.randrange(1, 12)))
        kind = chance.random()
        if kind < 0.2:
            keep.split(chance.choice(DAYS[5:]), chance.choice((2, 4)), source=source, symbol=symbol)
        elif kind < 0.6:
            close, told = chance.choice((10.0, 10.0, 12.0)), {"symbol": symbol, "volume": chance.choice((330.0, 3e3))}
            keep.receive(bars(*some, close=close, **told), source=source, dataset="daily_bars")
            absorb(keep.work)
        else:
            told = {"feed": chance.choice(("sip", "iex")), "basis": chance.choice(("as_traded", "split_adjusted"))}
            told |= {"basis_date": DAYS[-1]} if told["basis"] == "split_adjusted" else {}
            rows = [row for day in some for row in session(day, chance.choice((10.0, 12.0)), symbol, **told)]
            keep.take(*(row | {"volume": chance.choice((100.0, 1.0, None, -1.0))} for row in rows), source=source)
    same_after_rebuild(keep)
