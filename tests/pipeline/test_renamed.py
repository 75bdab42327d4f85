"""
What was answered under an old ticker counts for the security, whatever it is called now, and a source that keeps its
answers by the ticker of the day is asked for each day under the ticker of that day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from bidding import Bidder
from bidding import catalog as known
from bidding import windows as wanted

from gold.tenancy_frames import FACEBOOK, REUSED, Tenancy, tickers_frame
from marketkeep.calendars import XNYS
from marketkeep.gold.symbology import Symbology, spells
from marketkeep.model import ASKED, CATALOG, NOT_FOUND, PLAN_LIMIT, Policy, Request
from marketkeep.pipeline.collecting.planning import Planner
from marketkeep.pipeline.collecting.renamed import Present
from marketkeep.sources.polygon import Polygon
from marketkeep.stores.lake import Catalog

POLICY = Policy()
RENAME = date(2022, 6, 9)
DAY = date(2009, 1, 2), RENAME
NOW = datetime(2026, 1, 5, 23, tzinfo=UTC)
TODAY = date(2026, 1, 6)
YAHOO, BY_DAY = Bidder("yahoo"), Bidder("polygon")


def _asked(*rows: tuple[str, str, str | None, date, date, datetime]) -> pl.DataFrame:
    told = [("daily_bars", *row) for row in rows]
    return pl.DataFrame(told, schema=ASKED.schema, orient="row").sort(*ASKED.key)


def _catalog(
    *rows: tuple[str, str, str | None, date, date, datetime], tickers: Sequence[Tenancy] = FACEBOOK
) -> Catalog:
    return Catalog("", CATALOG.empty(), pl.DataFrame(), _asked(*rows), tickers_frame(tickers))


def _planned(catalog: Catalog, *symbols: str, start: date, end: date = TODAY, source: object = BY_DAY) -> list[Request]:
    """What a source is asked for windows of these symbols."""
    planner = Planner(POLICY, NOW, [source])  # type: ignore[list-item]
    return [one for task in planner.tasks(catalog, wanted(*symbols, start=start, end=end)) for one in task.requests]


def _told(requests: Sequence[Request]) -> list[tuple[str | None, date | None, date | None]]:
    return sorted((one.symbol, one.start, one.end) for one in requests)  # type: ignore[type-var]


def test_answers_go_along_with_a_rename() -> None:
    """What Yahoo answered for FB when that was Facebook is answered for META; Polygon's by the days asked for."""
    then, now = datetime(2022, 6, 8, 22, tzinfo=UTC), datetime(2026, 1, 5, 22, tzinfo=UTC)
    catalog = _catalog(("yahoo", "FB", None, *DAY, then), ("polygon", "FB", None, *DAY, now))
    present = Present.of(catalog, POLICY).catalog
    assert present.answered("daily_bars", "yahoo", "META") == [(None, *DAY, then)]
    assert present.answered("daily_bars", "polygon", "META") == [(None, *DAY, now)]
    assert present.answered("daily_bars", "yahoo", "FB") == []


def test_refusals_stay_with_their_ticker() -> None:
    """A source that does not know the old ticker any more has said nothing of the new one."""
    catalog = _catalog(("yahoo", "FB", NOT_FOUND, *DAY, datetime(2022, 6, 9, 22, tzinfo=UTC)))
    assert Present.of(catalog, POLICY).catalog is catalog


@pytest.mark.parametrize("refused", [NOT_FOUND, PLAN_LIMIT])
def test_refusals_by_day_go_along_with_a_rename(refused: str) -> None:
    """A source that keeps tickers by day and has no FB of then has no META of then: it is not asked for it again."""
    catalog = _catalog(("polygon", "FB", refused, date(2021, 1, 4), RENAME, NOW - timedelta(hours=2)))
    present = Present.of(catalog, POLICY).catalog
    assert [one[0] for one in present.answered("daily_bars", "polygon", "META")] == [refused]
    assert _told(_planned(catalog, "META", start=date(2021, 1, 4))) == [("META", RENAME, TODAY)]


def test_an_answer_under_a_ticker_of_several_is_told_of_each() -> None:
    """Asked for META before its past was known: the fund's days are the fund's, and none of before are Facebook's."""
    now = datetime(2026, 1, 5, 22, tzinfo=UTC)
    whole = date(2021, 7, 1), date(2026, 1, 6)
    present = Present.of(_catalog(("polygon", "META", None, *whole, now)), POLICY).catalog
    assert present.answered("daily_bars", "polygon", "METV") == [(None, whole[0], date(2022, 1, 31), now)]
    assert present.answered("daily_bars", "polygon", "META") == [(None, RENAME, whole[1], now)]


def test_nothing_moved_is_the_same_catalog() -> None:
    """Where no ticker changed hands nothing is made again."""
    catalog = _catalog(("yahoo", "AAPL", None, *DAY, datetime(2022, 6, 9, 22, tzinfo=UTC)))
    assert Present.of(catalog, POLICY).catalog is catalog


def test_trap_11_each_day_is_asked_for_under_its_ticker() -> None:
    """A source by the ticker of the day is asked for FB up to the rename and for META from then on; others for META."""
    start = date(2021, 1, 4)
    assert _told(_planned(_catalog(), "META", start=start)) == [("FB", start, RENAME), ("META", RENAME, TODAY)]
    assert _told(_planned(_catalog(), "META", start=start, source=YAHOO)) == [("META", start, TODAY)]
    urls = [one.url for one in _planned(_catalog(), "META", start=date(2024, 2, 1), source=Polygon())]
    assert {url.split("/ticker/")[1].split("/")[0] for url in urls} == {"META"}


def test_trap_30_a_former_holder_is_asked_for_under_its_ticker_for_its_own_days() -> None:
    """`REUS~2015` is REUS of until then, and nobody asks for it who would tell of the present REUS."""
    catalog = _catalog(tickers=REUSED)
    span = {"start": date(2014, 1, 2), "end": date(2015, 3, 31)}
    assert _told(_planned(catalog, "REUS~2015", **span)) == [("REUS", span["start"], span["end"])]
    assert _planned(catalog, "REUS~2015", **span, source=YAHOO) == []
    [later] = _planned(catalog, "REUS", start=span["start"])
    assert (later.symbol, later.end) == ("REUS", TODAY)
    assert later.start is not None
    assert date(2015, 3, 31) < later.start < date(2018, 6, 1)


def test_nothing_is_asked_twice_over_a_rename() -> None:
    """What was answered under either ticker is settled, and only the newest sessions come again, under the new one."""
    start, earlier = date(2021, 1, 4), NOW - timedelta(days=1)
    told = ("polygon", "FB", None, start, RENAME, earlier), ("polygon", "META", None, RENAME, TODAY, earlier)
    again = _planned(_catalog(*told), "META", start=start)
    assert [one.symbol for one in again] == ["META"]
    assert again[0].start == XNYS.sessions(date(2025, 12, 1), TODAY)[-POLICY.trailing_sessions]
    held = replace(
        known({"META": XNYS.sessions(date(2022, 1, 3), date(2022, 12, 31))}), tickers=tickers_frame(FACEBOOK)
    )
    assert _planned(held, "META", start=date(2022, 1, 3), end=date(2022, 12, 31)) == []


def test_what_was_given_up_is_one_ticker() -> None:
    """That FB was given up in this run says nothing of META."""
    planner = Planner(POLICY, NOW, [BY_DAY], given_up={("polygon", "daily_bars", "FB")})
    made = planner.tasks(_catalog(), wanted("META", start=date(2021, 1, 4), end=TODAY))
    assert [one.symbol for task in made for one in task.requests] == ["META"]


def test_one_call_a_session_serves_renamed_ones_too() -> None:
    """A market that is asked for by session has a renamed security in the same calls, under the ticker of the day."""
    grouped = Bidder("polygon", "grouped")
    start, end = date(2022, 6, 6), date(2022, 6, 14)
    plain = _planned(_catalog(), "AAPL", "IBM", start=start, end=end, source=grouped)
    with_renamed = _planned(_catalog(), "AAPL", "IBM", "META", start=start, end=end, source=grouped)
    assert len(plain) == len(XNYS.sessions(start, end))
    by_day = {one.start: set(one.symbols) for one in with_renamed if one.start}
    assert {day: "FB" in symbols for day, symbols in by_day.items()} == {day: day < RENAME for day in by_day}
    assert {day: "META" in symbols for day, symbols in by_day.items()} == {day: day >= RENAME for day in by_day}


@pytest.mark.parametrize("tenancies", [FACEBOOK, REUSED], ids=["FACEBOOK", "REUSED"])
def test_rows_come_back_to_whom_they_were_asked_for(tenancies: Sequence[Tenancy]) -> None:
    """On every day of a spell a row of its ticker is published under its symbol, and no day is asked for twice."""
    frame = tickers_frame(tenancies)
    told = spells(frame)
    for ticker, symbol, start, end in told.select("ticker", "symbol", "start", "end").iter_rows():
        first, last = max(start, date(2000, 1, 3)), min(end, date(2026, 1, 1)) - timedelta(days=1)
        days = [first, first + (last - first) / 2, last]
        rows = pl.DataFrame(
            {"symbol": [ticker] * 3, "source": ["polygon"] * 3, "fetched_at": [NOW] * 3, "date": days},
            schema_overrides={"fetched_at": pl.Datetime("us", "UTC")},
        )
        assert Symbology.of(frame).named(rows, "date", POLICY)["symbol"].to_list() == [symbol] * 3
    behind = told.with_columns(before=pl.col("end").shift().over("symbol"))
    assert (behind["start"] >= behind["before"]).drop_nulls().all()


def test_a_ticker_left_and_taken_again() -> None:
    """Who went from AA to BB and back is asked for under each in its time."""
    rows = (
        ("AA", None, date(2020, 1, 2), "AA", "AA"),
        ("BB", date(2020, 1, 2), date(2021, 1, 4), "AA", "AA"),
        ("AA", date(2021, 1, 4), None, "AA", "AA"),
    )
    told = spells(tickers_frame(rows)).filter(pl.col("symbol") == "AA")
    assert told.select("ticker", "start", "end").rows() == [
        ("AA", date.min, date(2020, 1, 2)),
        ("BB", date(2020, 1, 2), date(2021, 1, 4)),
        ("AA", date(2021, 1, 4), date.max),
    ]
