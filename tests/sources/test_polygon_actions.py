"""Polygon's splits and dividends: exact ratios, amounts as paid, each of its kind and counted once."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from polygon_answers import dividend, dividends, listed, parse, refusal, split, splits

DAY = date(2024, 3, 8)


@pytest.mark.parametrize(
    ("new", "old", "ratio", "text"),
    [
        (4, 1, (4, 1), "4:1"),
        (1, 50, (1, 50), "1:50"),
        (1046, 1000, (523, 500), "1046:1000"),
        (1.5, 1, (3, 2), "1.5:1"),
        (0.3333, 1, (1, 3), "0.3333:1"),
        (1, 0.142857, (7, 1), "1:0.142857"),
        (1.0056, 1, (1257, 1250), "1.0056:1"),
        (20.0, 1.0, (20, 1), "20.0:1.0"),
    ],
)
def test_ratios_are_exact(new: float, old: float, ratio: tuple[int, int], text: str) -> None:
    """
    Traps 34 and 66: a side may be a rounded decimal; the ratio is exact and the figures are kept as they were told.
    """
    actions = parse(splits(), listed([split("AAPL", "2024-03-08", new, old)]))
    assert actions.select("ex_date", "kind", "numerator", "denominator", "text", "amount").rows() == [
        (DAY, "split", *ratio, text, None)
    ]


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("CD", "dividend"),
        ("SC", "special_dividend"),
        ("LT", "capital_gain"),
        ("ST", "capital_gain"),
        (None, "dividend"),
        ("XX", "dividend"),
    ],
)
def test_kinds_of_cash(told: object, kind: str) -> None:
    """
    Trap 36: special payments and capital gains are their own kinds; what has no kind that is known is a dividend.
    """
    actions = parse(dividends(), listed([dividend("AAPL", "2024-03-08", 0.24, dividend_type=told)]))
    assert actions.select("kind", "amount", "currency", "text", "numerator").row(0) == (kind, 0.24, "USD", "0.24", None)


def test_days_and_currency() -> None:
    """
    Trap 38: the ex-date moves prices, the other days are kept; a day or currency that is not told is unknown.
    """
    rows = [
        dividend("AAPL", "2024-03-08", 1, currency="CAD"),
        dividend("AAPL", "2024-03-11", 0.5, declaration_date=None, pay_date="", currency=None),
    ]
    del rows[1]["record_date"]
    names = ("ex_date", "amount", "currency", "declared_date", "record_date", "pay_date")
    assert parse(dividends(), listed(rows)).select(names).rows() == [
        (DAY, 1.0, "CAD", date(2024, 2, 1), DAY, date(2024, 5, 16)),
        (date(2024, 3, 11), 0.5, None, None, None, None),
    ]


def test_rows_told_twice_count_once() -> None:
    """
    Trap 23: wholly equal rows are one; rows that differ, in a day or in their id only, are both delivered.
    """
    row = split("SHOP", "2024-03-08", 10, 1)
    told = [row, dict(reversed(row.items())), row | {"execution_date": "2024-03-01"}, row | {"id": "E9"}]
    assert parse(splits("SHOP"), listed(told))["ex_date"].to_list() == [DAY, date(2024, 3, 1), DAY]


def test_none_is_a_good_answer() -> None:
    """
    No action in a window is an answer like any other, and settles it.
    """
    for request in (splits(), dividends(), splits("A", "B", "C")):
        assert parse(request, listed([])).is_empty()
        assert parse(request, {"results": None, "status": "OK"}).is_empty()


def test_of_the_whole_market_what_was_asked_for() -> None:
    """
    Of all rows those of our symbols, under our names; tickers that are none of ours may be anything.
    """
    rows = [split(ticker, "2024-03-08", 2, 1) for ticker in ("ABRpD", "BRK.B", "O:X1", "vseax", "NA", "ZERO")]
    assert parse(splits("NA", "BRK.B", "ABR.PRD", "GONE"), listed(rows))["symbol"].to_list() == [
        "ABR.PRD",
        "BRK.B",
        "NA",
    ]
    paid = [dividend("ON", "2024-03-08", 1), dividend("OFF", "2024-03-08", "much", pay_date="soon")]
    assert parse(dividends("ON", "NULL", "TRUE"), listed(paid))["symbol"].to_list() == ["ON"]


def test_only_the_days_asked_for() -> None:
    """
    A row before the window or from its end on is left out.
    """
    rows = [split("AAPL", day, 2, 1) for day in ("2023-12-29", "2024-01-01", "2024-03-31", "2024-04-01")]
    assert parse(splits(), listed(rows))["ex_date"].to_list() == [date(2024, 1, 1), date(2024, 3, 31)]


def test_another_ticker_is_refused() -> None:
    """
    Rows of another ticker than the one asked for are not an answer.
    """
    assert refusal(splits(), listed([split("MSFT", "2024-03-08", 2, 1)])).fault == "wrong_symbol"
    assert refusal(dividends(), listed([dividend("MSFT", "2024-03-08", 1)])).fault == "wrong_symbol"


def test_a_row_that_says_nothing_is_left_out() -> None:
    """
    The vendor has splits into nothing and payments of nothing: they move no price.
    """
    rows = [split("AAPL", "2024-03-08", 0, 1), split("AAPL", "2024-03-11", 1, 0), split("AAPL", "2024-03-12", 2, 1)]
    assert parse(splits(), listed(rows))["ex_date"].to_list() == [date(2024, 3, 12)]
    assert parse(dividends(), listed([dividend("AAPL", "2024-03-08", 0)])).is_empty()


@pytest.mark.parametrize(
    "told",
    [
        *({name: value} for name in ("split_to", "split_from") for value in (-1, None, "two", True, [], 10**30)),
        *({"execution_date": value} for value in ("soon", "2024-13-01", "", None, 5)),
        *({"ticker": value} for value in (None, 5, [])),
    ],
)
def test_a_split_of_other_things(told: dict[str, Any]) -> None:
    """
    What is no ratio, day or ticker makes the answer malformed.
    """
    assert refusal(splits(), listed([split("AAPL", "2024-03-08", 2, 1) | told])).fault == "malformed"


@pytest.mark.parametrize(
    "told",
    [
        *({"cash_amount": value} for value in (-1, None, "two", True, [], 10**400)),
        *({name: "soon"} for name in ("ex_dividend_date", "pay_date", "record_date", "declaration_date")),
        {"pay_date": 5},
        {"pay_date": ["2024-03-08"]},
    ],
)
def test_a_dividend_of_other_things(told: dict[str, Any]) -> None:
    """
    What is no amount or day makes the answer malformed.
    """
    assert refusal(dividends(), listed([dividend("AAPL", "2024-03-08", 1) | told])).fault == "malformed"


@pytest.mark.parametrize("rows", [[None], ["x"], [[]], [{}], {"ticker": "AAPL"}, "rows"])
def test_other_lists_are_refused(rows: Any) -> None:
    """
    A list of other things than splits or dividends is not parsed into wrong rows.
    """
    assert refusal(splits(), listed(rows)).fault == "malformed"
    assert refusal(dividends(), listed([split("AAPL", "2024-03-08", 2, 1)])).fault == "malformed"
    assert refusal(splits(), listed([dividend("AAPL", "2024-03-08", 2)])).fault == "malformed"
    assert refusal(splits(), {"status": "OK"}).fault == "malformed"
