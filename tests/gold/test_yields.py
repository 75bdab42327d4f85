"""The yield curve: the Treasury's own and newest word of each point; its points as securities."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import polars as pl

from marketkeep.gold.yields import resolve_yields, treasury_securities, treasury_symbol
from marketkeep.model import RAW_TABLES, SECURITIES, TREASURY_YIELDS, Symbol
from marketkeep.sources.treasury import TENORS
from member_rows import LINEAGE, lineage

FIRST = datetime(2025, 1, 2, 23, tzinfo=UTC)
Point = tuple[str, str, float, str, int]


def curve(*points: Point) -> pl.DataFrame:
    """Raw points: day, tenor, yield, source, and days after the first that they were received."""
    rows = [
        {
            "date": date.fromisoformat(day),
            "tenor": tenor,
            "yield": value,
            "payload": 0,
            **lineage(source, FIRST + timedelta(days=at)),
        }
        for day, tenor, value, source, at in points
    ]
    return pl.DataFrame(rows, schema={**RAW_TABLES["treasury_yields"].schema, **LINEAGE})


def test_newest_word_of_the_treasury_counts() -> None:
    """
    Of a point told twice the last counts, of two sources the Treasury; in any order of arrival.
    """
    points: list[Point] = [
        ("2025-01-02", "3M", 4.30, "treasury", 0),
        ("2025-01-02", "3M", 4.31, "treasury", 1),
        ("2025-01-02", "3M", 9.99, "csv", 2),
        ("2025-01-02", "10Y", 4.57, "csv", 2),
    ]
    for order in permutations(points):
        assert resolve_yields(curve(*order)).rows() == [
            (date(2025, 1, 2), "3M", 4.31, "treasury"),
            (date(2025, 1, 2), "10Y", 4.57, "csv"),
        ]
    assert resolve_yields(curve()).equals(TREASURY_YIELDS.empty())


def test_points_in_the_order_of_the_curve() -> None:
    """
    By day, then from the shortest tenor to the longest.
    """
    points: list[Point] = [
        (day, tenor, 4.0, "treasury", 0) for tenor in sorted(TENORS) for day in ("2025-01-03", "2025-01-02")
    ]
    table = resolve_yields(curve(*points))
    assert table["tenor"].to_list() == [*TENORS, *TENORS]
    assert table["date"].is_sorted()


def test_points_as_securities() -> None:
    """
    Each tenor that is held is a security of class bond with a symbol of its own, which the symbol rules accept.
    """
    symbols = [treasury_symbol(tenor) for tenor in TENORS]
    assert [str(Symbol.parse(symbol)) for symbol in symbols] == symbols
    assert len(set(symbols)) == len(TENORS)
    held = resolve_yields(curve(("2025-01-02", "3M", 4.3, "treasury", 0), ("2025-01-03", "3M", 4.3, "treasury", 0)))
    table = treasury_securities(held)
    assert table.schema == SECURITIES.schema
    assert table.select("symbol", "name", "asset_class", "first_session", "last_session").rows() == [
        ("^UST3M", "US Treasury 3-month bill, par yield", "bond", date(2025, 1, 2), date(2025, 1, 3))
    ]
    assert treasury_securities(TREASURY_YIELDS.empty()).equals(SECURITIES.empty())
