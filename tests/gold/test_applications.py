"""How often a source had applied its splits: once, not at all or twice, as its own payload betrays."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from court import DAYS, EX, adjusted, market, plain, traded, verdict

from marketkeep.gold import as_traded
from marketkeep.gold.applications import needs_whole
from raw_rows import Row, actions, bar, bars, cash, split

TRUE = {EX: 4.0}
TOLD = [split(EX, 4, source="yahoo")]
NEXT = date(2020, 9, 1)


def whether(rows: list[Row], told: list[Row], truth: dict[date, float], source: str = "yahoo") -> None:
    """The source's closes come out as they were traded."""
    assert traded(rows, told, source) == pytest.approx(truth, rel=1e-6)


def test_applied_once_is_the_rule() -> None:
    """
    Prices that make no step over a split that their source tells had it applied once.
    """
    whether(adjusted(market(TRUE), TRUE), TOLD, market(TRUE))


def test_split_left_out_is_not_undone() -> None:
    """
    Traps 1 and 10: prices called adjusted that step by the ratio had the split left out; undoing it would double them.
    """
    whether(adjusted(market(TRUE), {}), TOLD, market(TRUE))


@pytest.mark.parametrize("applied", [{}, {EX: 4.0}, {EX: 16.0}])
def test_prices_as_traded_measure_what_was_applied(applied: dict[date, float]) -> None:
    """
    Trap 10: beside as-traded prices of the same sessions, a split left out, applied once or twice is undone so often.
    """
    closes = market(TRUE)
    whether([*adjusted(closes, applied), *plain(closes)], TOLD, closes)


@pytest.mark.parametrize("applied", [{}, {EX: 4.0}])
def test_phantom_is_undone_only_where_it_was_applied(applied: dict[date, float]) -> None:
    """
    Trap 23: a phantom told and not applied is not undone; told and applied, it is.
    """
    closes = market()
    whether([*adjusted(closes, applied), *plain(closes)], TOLD, closes)


def test_phantom_applied_by_a_source_alone_is_undone() -> None:
    """
    Prices that step the other way had a split applied that was none: undone once, they are as traded again.
    """
    whether(adjusted(market(), TRUE), TOLD, market())


@pytest.mark.parametrize(
    "own", [[], [split("2014-06-09", 7, source="yahoo")], [split("2014-06-09", 21, 20, source="yahoo")]]
)
def test_split_applied_and_not_told_is_undone(own: list[Row]) -> None:
    """
    A split that only others tell is undone where prices as traded show that it had been applied.
    """
    closes = market(TRUE)
    whether([*adjusted(closes, TRUE), *plain(closes)], [split(EX, 4, source="alpaca"), *own], closes)


def test_applied_ratio_is_measured_where_sources_differ() -> None:
    """
    A source that tells 3:1 and had applied the 4:1 that others tell is undone by what it applied.
    """
    closes = market(TRUE)
    told = [split(EX, 3, source="yahoo"), split(EX, 4, source="alpaca")]
    whether([*adjusted(closes, TRUE), *plain(closes)], told, closes)


@pytest.mark.parametrize(("applied", "twice"), [({EX: 4.0}, False), ({EX: 4.0, NEXT: 4.0}, True)])
def test_split_told_twice_a_session_apart(applied: dict[date, float], twice: bool) -> None:
    """
    Trap 23: a split that its source tells for two neighbouring sessions is undone twice only where it was applied so.
    """
    closes = market(TRUE)
    told = [*TOLD, split(NEXT, 4, source="yahoo")]
    rows = adjusted(closes, applied)
    assert any(row["close"] < min(closes.values()) / 2 for row in rows) == twice
    whether(rows, told, closes)


def test_prices_called_as_traded_need_company_against_two_sources() -> None:
    """
    A file said to be as traded that was adjusted after all does not overrule two sources that tell the split.
    """
    closes = market(TRUE)
    mistaken = [{**row, "basis": "as_traded", "basis_date": None} for row in adjusted(closes, TRUE, "csv")]
    told = [*TOLD, split(EX, 4, source="alpaca")]
    whether([*adjusted(closes, TRUE), *mistaken], told, closes)


def test_each_payload_is_looked_at_by_itself() -> None:
    """
    A payload of the first evening that had the split left out, and a later one that had it, are both undone rightly.
    """
    closes = market(TRUE)
    early = {day: close for day, close in closes.items() if day <= EX}
    rows = [*adjusted(early, {}, until=EX), *adjusted(closes, TRUE, at=1)]
    made = as_traded(bars(*rows), actions(*TOLD))
    assert made["close"].to_list() == pytest.approx([*early.values(), *closes.values()], rel=1e-6)


def test_small_ratios_are_taken_as_applied() -> None:
    """
    Trap 34: no step betrays 1046:1000, so it is undone as told.
    """
    closes = market({EX: 1.046})
    whether(adjusted(closes, {EX: 1.046}), [split(EX, 1046, 1000, source="yahoo")], closes)


def test_a_span_is_enough_unless_its_symbol_is_named() -> None:
    """
    Rows of a span come out as they do among all rows, unless `needs_whole` names their symbol.
    """
    closes = market(TRUE)
    rows = [*adjusted(closes, {}), *plain(closes)]
    told = actions(*TOLD)
    whole = {(row["source"], row["date"]): row["close"] for row in as_traded(bars(*rows), told).to_dicts()}
    days = list(closes)
    named, enough = 0, 0
    for start in range(0, len(days), 3):
        for end in range(start + 1, len(days), 4):
            part = bars(*(row for row in rows if days[start] <= row["date"] <= days[end]))
            if needs_whole(part, told):
                named += 1
                continue
            enough += 1
            made = {(row["source"], row["date"]): row["close"] for row in as_traded(part, told).to_dicts()}
            assert made == {key: whole[key] for key in made}
    assert named
    assert enough


LONG = [bar(day, 10.0, basis="split_adjusted", basis_date=DAYS[-1]) for day in DAYS]


@pytest.mark.parametrize(
    ("rows", "told", "whole"),
    [
        ([bar("2020-08-03", basis="split_adjusted", basis_date=EX)], TOLD, True),
        ([bar("2020-08-03", basis="split_adjusted")], TOLD, True),
        ([bar("2020-08-03", basis="split_adjusted", basis_date=EX - timedelta(1))], TOLD, False),
        ([bar(EX + timedelta(11), basis="split_adjusted", basis_date=EX)], TOLD, False),
        ([bar("2020-08-03")], TOLD, False),
        ([bar("2020-08-03", basis="split_adjusted")], [split(EX, 21, 20)], False),
        ([bar("2020-08-03", basis="adjusted")], [cash(EX, 1.0)], True),
        (LONG, TOLD, True),
        ([row for row in LONG if row["date"] >= EX + timedelta(10)], TOLD, True),
        ([row for row in LONG if row["date"] > EX + timedelta(10)], TOLD, False),
        ([bar("2020-09-02"), bar("2020-09-02", basis="split_adjusted", basis_date=EX)], TOLD, True),
    ],
)
def test_when_whole_symbols_are_needed(rows: list[Row], told: list[Row], whole: bool) -> None:
    """
    All rows are needed where a split that may have been applied lies ten days before the span or later, and where
    dividends were applied.
    """
    assert needs_whole(bars(*rows), actions(*told)) == (["AAPL"] if whole else [])


@pytest.mark.parametrize("bad", [date(2020, 8, 28), EX])
@pytest.mark.parametrize("times", [4.0, 0.25])
def test_trap_10_bad_row_at_the_ex_date_is_no_split_left_out(bad: date, times: float) -> None:
    """
    Trap 10: one row beside the ex-date that is off by the ratio (Yahoo does this) is not taken for a split left out
    of all prices before it.
    """
    closes = market(TRUE)
    rows = [
        {**row, **({"close": row["close"] * times} if row["date"] == bad else {})} for row in adjusted(closes, TRUE)
    ]
    rows = [{**row, "open": row["close"]} for row in rows]
    made = traded(rows, TOLD, "yahoo")
    assert {day: made[day] for day in closes if day != bad} == pytest.approx(
        {day: close for day, close in closes.items() if day != bad}, rel=1e-6
    )


@pytest.mark.parametrize("close", [0.0, -1.0, None, float("nan"), float("inf"), 1e308, 5e-324])
@pytest.mark.parametrize("bad", [date(2020, 8, 28), EX])
def test_what_is_no_price_betrays_nothing(close: float | None, bad: date) -> None:
    """
    A row beside the ex-date that holds no price, or an impossible one, leaves all others as they are usually undone.
    """
    closes = market(TRUE)
    rows = [
        {**row, **({"close": close, "open": close} if row["date"] == bad else {})} for row in adjusted(closes, TRUE)
    ]
    told = {**traded([*rows, *plain(closes)], TOLD, "yahoo"), bad: 0.0}
    assert told == pytest.approx({**closes, bad: 0.0}, rel=1e-6)
    assert verdict(rows, TOLD)["status"] == "single"
