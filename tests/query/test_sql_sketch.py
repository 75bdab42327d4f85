"""What a query asks of each table, found before any is opened; what is not surely left out is asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from marketkeep.query.sql_sketch import Asked, sketch
from marketkeep.query.sql_tables import TABLES

FROM = date(2024, 1, 2)
UNTIL = date(2024, 3, 1)


def asked(query: str, parameters: list[object] | dict[str, object] | None = None, table: str = "daily_bars") -> Asked:
    """What a query asks of one table."""
    return sketch(query, parameters, TABLES)[table]


@pytest.mark.parametrize(
    ("where", "parameters", "first", "last", "symbols"),
    [
        ("date >= '2024-01-02'", None, FROM, None, None),
        ("date between ? and ?", [FROM, "2024-03-01"], FROM, UNTIL, None),
        ("date > $first and date < $last and symbol = $s", {"first": FROM, "last": UNTIL, "s": "AAPL"},
         FROM, UNTIL, {"AAPL"}),
        ("date = '2024-01-02'", None, FROM, FROM, None),
        ("symbol in ('AAPL', 'BRK.B')", None, None, None, {"AAPL", "BRK.B"}),
        ("symbol = 'AAPL' or date > '2024-01-02'", None, None, None, None),
        ("year(date) = 2024", None, None, None, None),
        ("date <> '2024-01-02' and source = 'x'' AND date>=''2024-01-02''::DATE'", None, None, None, None),
        ("symbol like 'A%'", None, None, None, None),
        ("date >= '2024-01-02' and close > 5 and volume is not null", None, FROM, None, None),
        ("true", None, None, None, None),
    ],
)  # fmt: skip
def test_bounds_are_those_of_the_filter(
    where: str, parameters: object, first: date | None, last: date | None, symbols: set[str] | None
) -> None:
    """
    Days and symbols that a filter leaves are told, parameters bound; of anything else nothing is left out.
    """
    query = f"select close from daily_bars where {where}"  # noqa: S608
    found = asked(query, parameters)  # type: ignore[arg-type]
    assert (found.first, found.last) == (first, last)
    assert found.symbols == (None if symbols is None else frozenset(symbols))


def test_columns_are_those_that_are_read() -> None:
    """
    What is neither shown nor compared is not asked for, what is compared alone is; a star asks for all.
    """
    found = asked("select symbol, max(close) from daily_bars where volume > 0 group by symbol")
    assert found.needs("close")
    assert not found.needs("adj_close", "split_factor", "dividend_factor")
    for where in ("adj_close < 5", "adj_close is null", "adj_close < 5 or adj_close > 9", "adj_close + open > 1"):
        assert asked(f"select count(*) from daily_bars where {where}").needs("adj_close")  # noqa: S608
    assert asked("select * from daily_bars").needs("adj_close")
    assert asked("select columns('^adj') from daily_bars").needs("adj_close")


def test_two_looks_at_a_table_are_one_need() -> None:
    """
    A table looked at twice is needed as far as either look goes.
    """
    found = asked(
        "select a.close, b.open from daily_bars a join daily_bars b on a.symbol = b.symbol "
        "where a.date = '2024-01-02' and b.date = '2024-03-01' and a.symbol = 'AAPL'"
    )
    assert (found.first, found.last) == (FROM, UNTIL)
    assert found.needs("open")
    assert found.needs("close")


def test_an_instant_may_be_of_the_session_before() -> None:
    """
    Of minutes from an instant on, the session of the day before is needed too: its evening lies behind midnight.
    """
    found = asked("select * from minute_bars where ts >= ?", [datetime(2024, 1, 3, 0, 30, tzinfo=UTC)], "minute_bars")
    assert found.first == FROM


def test_only_tables_that_are_named_are_asked() -> None:
    """
    A table that is not named is not opened, nor is any to show what there is.
    """
    assert set(sketch("select a.symbol from actions a semi join securities using (symbol)", None, TABLES)) == {
        "actions",
        "securities",
    }
    assert sketch("show tables", None, TABLES) == {}
    assert sketch("describe daily_bars", None, TABLES) == {}
    assert set(sketch("explain select close from daily_bars", None, TABLES)) == {"daily_bars"}
