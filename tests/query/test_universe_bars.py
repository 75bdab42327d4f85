"""Bars of an index through time: each member while it was one, whoever has left since included."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from going_keep import GoingKeep, Row
from marketkeep.calendars import XNYS
from marketkeep.errors import BadInput, NotFound
from marketkeep.model import INDEX_MEMBERS, TICKERS
from marketkeep.query.universe import published, stretches, within

DAYS = XNYS.sessions(date(2024, 1, 2), date(2024, 1, 20))


def change(symbol: str, event: str, day: date, index: str = "sp500") -> Row:
    """A change of an index."""
    return {"index": index, "symbol": symbol, "date": day, "event": event}


@pytest.fixture
def keep(tmp_path: Path) -> GoingKeep:
    """
    Four securities with bars of every day: STAY was a member all the time, LEFT until the fifth session, CAME from it
    on, NONE never. GHOST was a member, and nothing is held of it.
    """
    made = GoingKeep(tmp_path / "keep")
    for symbol, close in (("STAY", 10.0), ("LEFT", 20.0), ("CAME", 30.0), ("NONE", 40.0)):
        made.small.bars(*((day, close) for day in DAYS), symbol=symbol)
    first = [change(symbol, "added", DAYS[0]) for symbol in ("STAY", "LEFT", "GHOST")]
    made.receive("index_members", "csv", [*first, change("LEFT", "removed", DAYS[4]), change("CAME", "added", DAYS[4])])
    made.publish()
    return made


def seen(frame: pl.DataFrame) -> dict[str, list[date]]:
    """The sessions of each symbol."""
    return {
        str(symbol): mine["date"].to_list() for (symbol,), mine in frame.partition_by("symbol", as_dict=True).items()
    }


def test_universe_follows_membership(keep: GoingKeep) -> None:
    """
    Each member is there from its first session as one up to the one before it left, in the order of all bars.
    """
    bars = keep.open().bars(universe="sp500").polars()
    assert seen(bars) == {"STAY": DAYS, "LEFT": DAYS[:4], "CAME": DAYS[4:]}
    assert bars.equals(bars.sort("symbol", "date"))
    assert bars.columns == keep.open().bars("STAY").polars().columns


def test_universe_within_a_range_and_for_some(keep: GoingKeep) -> None:
    """
    A range bounds it, and named symbols are shown only while they were members.
    """
    reader = keep.open()
    assert seen(reader.bars(universe="sp500", start=DAYS[3], end=DAYS[4]).polars()) == {
        "STAY": DAYS[3:5],
        "LEFT": [DAYS[3]],
        "CAME": [DAYS[4]],
    }
    assert seen(reader.bars(["CAME", "NONE"], universe="sp500").polars()) == {"CAME": DAYS[4:]}


def test_universe_is_adjusted_as_its_bars_are(keep: GoingKeep) -> None:
    """
    A dividend behind the end of a membership still adjusts the bars of before it.
    """
    dividend = {
        "symbol": "LEFT",
        "ex_date": DAYS[6],
        "kind": "dividend",
        "amount": 2.0,
        "text": "2",
        "basis": "as_traded",
    }
    keep.receive("actions", "csv", [dividend])
    keep.publish()
    reader = keep.open()
    mine = reader.bars(universe="sp500", adjust="all").polars().filter(symbol="LEFT")
    alone = reader.bars("LEFT", end=DAYS[3], adjust="all").polars()
    assert mine.equals(alone)
    assert mine["close"].to_list() == pytest.approx([18.0] * 4)


def test_universe_by_both_clocks(keep: GoingKeep) -> None:
    """
    As of a day a later change is not known, and by an instant neither is one told later.
    """
    told = keep.now
    keep.small.now += timedelta(days=1)
    keep.receive("index_members", "csv", [change("STAY", "removed", DAYS[2])])
    keep.publish()
    reader = keep.open()
    assert seen(reader.bars(universe="sp500").polars())["STAY"] == DAYS[:2]
    assert seen(reader.bars(universe="sp500", recorded_by=told).polars())["STAY"] == DAYS
    assert seen(reader.bars(universe="sp500", as_of=DAYS[1]).polars()) == {"STAY": DAYS[:2], "LEFT": DAYS[:2]}


def test_no_universe_is_said_plainly(keep: GoingKeep) -> None:
    """
    An index that is not known, nobody in the range, and members of whom nothing is held are told apart.
    """
    reader = keep.open()
    with pytest.raises(NotFound, match="no members of the index nasdaq100; it has those of: sp500"):
        reader.bars(universe="nasdaq100").polars()
    with pytest.raises(NotFound, match=f"nobody was a member through 2023-06-30; sources tell of it from {DAYS[0]} on"):
        reader.bars(universe="sp500", end="2023-06-30").polars()
    with pytest.raises(NotFound, match="NONE was a member then"):
        reader.bars("NONE", universe="sp500").polars()
    with pytest.raises(NotFound, match="no bar of any of them is held"):
        reader.bars("GHOST", universe="sp500").polars()
    with pytest.raises(BadInput, match="no symbol was given"):
        reader.bars()


def test_members_of_today_are_not_taken_for_those_of_then(tmp_path: Path) -> None:
    """
    Where a list is all that is known, nobody was a member before its day: that would be survivors only.
    """
    keep = GoingKeep(tmp_path / "keep")
    keep.small.bars(*((day, 10.0) for day in DAYS), symbol="STAY")
    keep.receive("index_members", "csv", [change("STAY", "member", DAYS[5])])
    keep.publish()
    assert seen(keep.open().bars(universe="sp500").polars()) == {"STAY": DAYS[5:]}
    with pytest.raises(NotFound, match=f"sources tell of it from {DAYS[5]} on"):
        keep.open().bars(universe="sp500", end=DAYS[4]).polars()


def test_renamed_member_is_followed(tmp_path: Path) -> None:
    """
    A member whose ticker changed while it was one is there under one symbol, all the time.
    """
    keep = GoingKeep(tmp_path / "keep")
    keep.small.now = datetime(2024, 1, 25, 22, tzinfo=UTC)
    keep.receive(
        "ticker_history",
        "csv",
        [{"symbol": "NEW", "old_symbol": "OLD", "new_symbol": "NEW", "effective_date": DAYS[6]}],
    )
    keep.small.bars(*((day, 10.0) for day in DAYS), symbol="NEW")
    keep.receive("index_members", "csv", [change("OLD", "added", DAYS[1])])
    keep.publish()
    assert seen(keep.open().bars(universe="sp500").polars()) == {"NEW": DAYS[1:]}
    assert seen(keep.open().bars("OLD", universe="sp500").polars()) == {"NEW": DAYS[1:]}


# --- the parts -------------------------------------------------------------------------------------------------------


def spells(*told: tuple[str, date | None, date | None]) -> pl.DataFrame:
    """Intervals of an index."""
    rows = [("sp500", symbol, start, end, None, None, None) for symbol, start, end in told]
    return pl.DataFrame(rows, schema=INDEX_MEMBERS.schema, orient="row")


def test_stretches_are_apart() -> None:
    """
    Intervals that meet or overlap are one stretch, so that no bar is told twice; empty ones are none.
    """
    table = spells(
        ("A", None, DAYS[2]),
        ("A", DAYS[1], DAYS[4]),
        ("A", DAYS[5], None),
        ("B", DAYS[3], DAYS[3]),
        ("C", None, DAYS[0]),
    )
    far = date(9999, 12, 31)
    assert stretches(table, DAYS[0]).rows() == [("A", DAYS[0], DAYS[4]), ("A", DAYS[5], far)]


def test_bars_within_are_each_told_once() -> None:
    """
    A bar on the first day of a stretch is in, one on its end is not; the order of the bars stays.
    """
    bars = pl.DataFrame(
        {"symbol": ["B", "A", "A", "A"], "date": [DAYS[0], DAYS[0], DAYS[1], DAYS[2]], "n": [1, 2, 3, 4]}
    )
    told = stretches(spells(("A", DAYS[1], DAYS[2]), ("B", DAYS[0], None)), DAYS[0])
    assert within(bars, told)["n"].to_list() == [1, 3]


def test_trap_30_member_is_the_security_of_its_time() -> None:
    """
    A ticker that two securities had last, one after the other, means the one that lived while it was a member.
    """
    columns = ["ticker", "from", "to", "security_id", "symbol"]
    rows = [
        ("REUS", None, date(2015, 6, 1), "REUS", "REUS~2015"),
        ("REUS", date(2016, 1, 4), None, "REUS#2", "REUS"),
        ("SOLO", date(2010, 1, 4), None, "SOLO", "SOLO"),
    ]
    tickers = TICKERS.conform(pl.DataFrame(rows, schema=columns, orient="row"))
    table = spells(
        ("REUS", date(2010, 1, 4), date(2014, 1, 6)), ("REUS", date(2018, 1, 2), None), ("SOLO", date(2012, 1, 3), None)
    )
    told = published(stretches(table, date(2000, 1, 3)), tickers)
    assert told.sort("since")["symbol"].to_list() == ["REUS~2015", "SOLO", "REUS"]
