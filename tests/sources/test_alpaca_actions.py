"""Alpaca's corporate actions: ratios are exact, only the ex-date counts, and nothing unreadable is passed over."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from alpaca_pages import action, actions, parse, planned, refusal

ACTIONS = planned("actions", "AAPL", "MSFT", "MSBC", "JUPW")


@pytest.mark.parametrize(
    ("new", "old", "ratio", "text"),
    [
        (2, 1, (2, 1), "2:1"),
        (1, 50, (1, 50), "1:50"),
        (1.5, 1, (3, 2), "1.5:1"),
        (1, 0.142857, (7, 1), "1:0.142857"),
        (1046, 1000, (523, 500), "1046:1000"),
        (1.046, 1, (523, 500), "1.046:1"),
        (1, 19.35, (20, 387), "1:19.35"),
    ],
)
def test_split_ratios_are_exact(new: float, old: float, ratio: tuple[int, int], text: str) -> None:
    """
    Traps 34 and 66: rates become whole numbers, and their text is kept.
    """
    frame = parse(actions(forward_splits=[action(new_rate=new, old_rate=old)]), ACTIONS)
    row = frame.select("kind", "numerator", "denominator", "text", "amount", "basis").row(0)
    assert row == ("split", *ratio, text, None, "as_traded")


def test_ex_date_alone_moves_prices() -> None:
    """
    Trap 18: a forward split may be paid before its ex-date; all three dates are kept.
    """
    frame = parse(actions(forward_splits=[action(new_rate=2, old_rate=1, payable_date="2024-03-14")]), ACTIONS)
    row = frame.select("ex_date", "record_date", "pay_date").row(0)
    assert row == (date(2024, 3, 15), date(2024, 3, 14), date(2024, 3, 14))


def test_kinds_of_action() -> None:
    """
    Traps 33 and 36: specials are their own kind, a stock dividend is a split, a spin-off is none.
    """
    told = actions(
        cash_dividends=[action(rate=0.25, special=False), action(rate=3, special=True, payable_date=None)],
        stock_dividends=[action("MSBC", rate=0.05)],
        spin_offs=[action(source_symbol="JUPW", symbol=None, new_symbol="SRM", new_rate=1, source_rate=19.35)],
        name_changes=[{"id": "x", "old_symbol": "AAPL", "new_symbol": "PEAR", "process_date": "2024-03-15"}],
        rights_distributions=[action(source_symbol="AAPL")],
        something_new=[{"symbol": "AAPL"}],
    )
    frame = parse(told, ACTIONS)
    columns = ("symbol", "kind", "numerator", "denominator", "amount", "currency", "text")
    assert frame.select(columns).rows() == [
        ("AAPL", "dividend", None, None, 0.25, "USD", "0.25"),
        ("AAPL", "special_dividend", None, None, 3.0, "USD", "3"),
        ("JUPW", "spin_off", None, None, None, None, "1 SRM for 19.35"),
        ("MSBC", "split", 21, 20, None, None, "stock dividend 0.05"),
    ]


def test_actions_of_others_and_other_days_are_left_out() -> None:
    """
    An answer of the whole market is read for the symbols asked; tickers that are none are passed over.
    """
    rows = [action("AAPL"), action("TSLA"), action("123"), action(None), action(ex_date="2024-04-01")]
    frame = parse(actions(cash_dividends=[row | {"rate": 1} for row in rows]), ACTIONS)
    assert frame["symbol"].to_list() == ["AAPL"]


@pytest.mark.parametrize("body", [{}, {"corporate_actions": {}}, {"corporate_actions": None}])
def test_no_actions_is_an_answer(body: dict[str, Any]) -> None:
    """
    Where nothing happened there is nothing to tell, and that settles the window.
    """
    assert parse(body, ACTIONS).is_empty()


def test_an_action_under_two_ids_is_one_and_one_without_amount_is_none() -> None:
    """
    The same payment told twice counts once; a rate of nothing is an announcement, no payment.
    """
    told = actions(cash_dividends=[action(rate=0.5), action(rate=0.5, id="b"), action("MSFT", rate=0)])
    assert parse(told, ACTIONS).select("symbol", "amount").rows() == [("AAPL", 0.5)]


@pytest.mark.parametrize(
    "groups",
    [
        {"forward_splits": [action(new_rate=0, old_rate=1)]},
        {"forward_splits": [action(new_rate=2, old_rate=0)]},
        {"forward_splits": [action(new_rate="2", old_rate=1)]},
        {"forward_splits": [action(new_rate=1e300, old_rate=1)]},
        {"forward_splits": [action(old_rate=1)]},
        {"cash_dividends": [action(rate=1, ex_date="soon")]},
        {"cash_dividends": [action(rate=True)]},
        {"cash_dividends": {"AAPL": 1}},
        {"cash_dividends": [7]},
    ],
)
def test_actions_not_built_as_such_are_refused(groups: dict[str, Any]) -> None:
    """
    One unreadable action of a symbol makes the page unusable: a split must not be lost silently.
    """
    told = refusal(actions(**groups), ACTIONS)
    assert (told.fault, told.retry) == ("malformed", True)
