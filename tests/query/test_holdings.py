"""What is held, cut at a day: as if later bars had never come."""

from __future__ import annotations

from datetime import date

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkeep.calendars import XNYS
from marketkeep.model import CATALOG
from marketkeep.query.holdings import by_symbol, cut, entries_of, spans

DAYS = XNYS.sessions(date(2023, 12, 11), date(2024, 2, 3))


def bars(days: set[date], symbol: str = "A") -> pl.DataFrame:
    """Bars of some days."""
    held = sorted(days)
    return pl.DataFrame(
        {"symbol": [symbol] * len(held), "date": held, "score": [100] * len(held)},
        schema={"symbol": pl.String, "date": pl.Date, "score": pl.Int16},
    )


@settings(deadline=None)
@given(st.sets(st.sampled_from(DAYS), min_size=1), st.dates(date(2023, 12, 1), date(2024, 2, 10)))
def test_cut_is_what_would_be_held(days: set[date], day: date) -> None:
    """Rows, first, last and missing sessions follow from the catalog alone, wherever it is cut."""
    whole = bars(days)
    told = cut(entries_of(whole, "daily_bars"), day).drop("score")
    assert told.equals(entries_of(whole.filter(pl.col("date") <= day), "daily_bars").drop("score"))


def test_entries_are_the_catalogs() -> None:
    """A year or a month is an entry; sessions missing count within it; minutes of a session are one session."""
    held = bars({DAYS[0], DAYS[2], date(2024, 1, 3)})
    daily = entries_of(held, "daily_bars")
    assert dict(daily.schema) == CATALOG.schema
    assert daily.select("period", "rows", "missing").rows() == [(2023, 2, [DAYS[1]]), (2024, 1, [])]
    minutes = entries_of(pl.concat([held, held]), "minute_bars")
    assert minutes.select("period", "rows", "missing").rows() == [(202312, 4, [DAYS[1]]), (202401, 2, [])]
    assert by_symbol(daily).rows() == [("A", 3, DAYS[0], date(2024, 1, 3), 1, 100.0)]
    assert spans(pl.concat([daily, minutes])).rows() == [("A", DAYS[0], date(2024, 1, 3))]


def test_cut_minutes_lose_what_only_their_bars_tell() -> None:
    """Of a month cut within, rows and score are null until they are read; one that is whole keeps them."""
    entries = entries_of(bars({DAYS[0], DAYS[1], date(2024, 1, 3)}), "minute_bars")
    assert cut(entries, DAYS[0]).select("rows", "score", "last").rows() == [(None, None, DAYS[0])]
    assert cut(entries, date(2023, 12, 31)).select("rows", "score").rows() == [(2, 100.0)]
    assert cut(entries, None).equals(entries)
