"""Actions: amounts brought back to what was paid, and what several sources say weighed into one verdict."""

from __future__ import annotations

from datetime import date
from itertools import permutations
from typing import Any

import pytest

from marketkeep.gold import newest_actions
from marketkeep.model import ACTIONS, Policy
from raw_rows import Row, actions, cash, resolve_actions, split

POLICY = Policy(priority=("a", "b", "c"))
DAY = date(2012, 8, 9)
SCALED = {"basis": "split_adjusted"}


def verdict(*rows: Row, policy: Policy = POLICY) -> dict[str, Any]:
    """The one verdict on dividends that these rows come to."""
    told = resolve_actions(actions(*rows), policy).filter(kind="dividend").rows(named=True)
    assert len(told) == 1
    return told[0]


@pytest.mark.parametrize(
    ("amount", "ratios", "paid"),
    [
        (0.094643, ((7, 1), (4, 1)), 2.65),
        (0.205, ((4, 1),), 0.82),
        (0.2053, ((4, 1),), 0.8212),
        (0.117857, ((7, 1), (4, 1)), 3.30),
        (0.435714, ((7, 1),), 3.05),
        (0.5, ((3, 2),), 0.75),
        (0.075, ((1, 10),), 0.0075),
        (1.2, ((1, 8),), 0.15),
        (0.33, (), 0.33),
        (0.001225, ((2, 1),), 0.00245),
        (1e-05, ((2, 1),), 2e-05),
        (0.123456, ((2, 1),), 0.246912),
    ],
)
def test_scaled_amount_comes_back_as_paid(amount: float, ratios: tuple[tuple[int, int], ...], paid: float) -> None:
    """
    Trap 2: an amount scaled by later splits is told per share of then, in the digits that were paid (AAPL 2.65).
    """
    splits = [split(date(2014 + i, 6, 9), *ratio) for i, ratio in enumerate(ratios)]
    assert verdict(cash(DAY, amount, **SCALED), *splits)["amount"] == paid


def test_only_later_splits_that_were_applied_scale() -> None:
    """
    A split on or before the ex-date, one behind the basis date, and one of another source or symbol scale nothing.
    """
    rows = (
        split("2012-08-01", 2),
        split(DAY, 3),
        split("2020-08-31", 4),
        split("2014-06-09", 7, source="b"),
        split("2014-06-09", 7, symbol="MSFT"),
    )
    assert verdict(cash(DAY, 1.0, basis_date=date(2020, 8, 30), **SCALED), *rows)["amount"] == 1.0
    assert verdict(cash(DAY, 1.0, basis_date=date(2020, 8, 31), **SCALED), *rows)["amount"] == 4.0


def test_amount_as_traded_is_taken_as_told() -> None:
    """
    An amount told as paid then is not scaled, whatever splits came.
    """
    assert verdict(cash(DAY, 2.65), split("2014-06-09", 7))["amount"] == 2.65


@pytest.mark.parametrize(
    ("told", "status", "amount"),
    [
        ([("a", 1.0)], "single", 1.0),
        ([("a", 1.0), ("b", 1.0)], "confirmed", 1.0),
        ([("a", 1.0), ("b", 1.004)], "confirmed", 1.0),
        ([("a", 1.0), ("b", 1.006)], "disputed", 1.0),
        ([("b", 2.0), ("a", 1.0)], "disputed", 1.0),
        ([("a", 9.0), ("b", 1.0), ("c", 1.0)], "confirmed", 1.0),
        ([("a", 1.0), ("b", 9.0), ("c", 1.0)], "confirmed", 1.0),
        ([("a", 1.0), ("b", 2.0), ("c", 3.0)], "disputed", 1.0),
        ([("z", 1.0), ("y", 1.0)], "confirmed", 1.0),
    ],
)
def test_verdict_among_sources(told: list[tuple[str, float]], status: str, amount: float) -> None:
    """
    Two sources that agree outvote the best ranked alone; else priority decides and the action is disputed.
    """
    for order in permutations(told):
        made = verdict(*(cash(DAY, value, source=source) for source, value in order))
        assert (made["status"], made["amount"]) == (status, amount)


def test_tolerance_is_met_at_its_edge() -> None:
    """
    Amounts agree when they differ by the tolerance of the larger, and not by more.
    """
    policy = Policy(priority=("a", "b"), action_tolerance=0.25)
    assert verdict(cash(DAY, 3.0, source="a"), cash(DAY, 4.0, source="b"), policy=policy)["status"] == "confirmed"
    assert verdict(cash(DAY, 2.99, source="a"), cash(DAY, 4.0, source="b"), policy=policy)["status"] == "disputed"


def test_unknown_basis_is_never_guessed() -> None:
    """
    Trap 2: an amount whose basis is unknown is disputed and has no amount; beside a source that knows, it is passed
    over and named.
    """
    unknown = cash(DAY, 0.5, source="a", basis="unknown")
    alone = verdict(unknown)
    assert (alone["status"], alone["amount"], alone["adjustment_factor"]) == ("disputed", None, None)
    beside = verdict(unknown, cash(DAY, 2.0, source="b"))
    assert (beside["status"], beside["amount"]) == ("single", 2.0)
    assert beside["told"] == "a=0.5 (unknown), b=2.0 (as_traded)"


def test_claims_are_named_by_source() -> None:
    """
    Every source that told the action is named, with its own words and basis, and what was paid where that differs.
    """
    made = verdict(cash(DAY, 1.0, source="b"), cash(DAY, 1.0, source="a", **SCALED))
    assert made["told"] == "a=1.0 (split_adjusted), b=1.0 (as_traded)"
    scaled = verdict(cash(DAY, 0.25, source="a", **SCALED), split("2020-08-31", 4, source="a"))
    assert scaled["told"] == "a=0.25 (split_adjusted; 1 as paid)"
    assert scaled["witnesses"] == ""


def test_newest_version_of_each_source_stands() -> None:
    """
    A source that corrects itself is believed last, in whatever order its rows come.
    """
    rows = [cash(DAY, 1.0), cash(DAY, 3.0, at=9), cash(DAY, 2.0, at=5), cash(DAY, 4.0, source="b")]
    for order in permutations(rows):
        assert newest_actions(actions(*order)).select("source", "amount").rows() == [("b", 4.0), ("csv", 3.0)]


def test_kinds_are_kept_apart() -> None:
    """
    Trap 36: a dividend, a special one and a capital gain of one day are three actions.
    """
    rows = [cash(DAY, 1.0, kind=kind) for kind in ("special_dividend", "dividend", "capital_gain")]
    made = resolve_actions(actions(*rows), POLICY)
    assert made["kind"].to_list() == ["capital_gain", "dividend", "special_dividend"]
    assert made.schema == ACTIONS.empty().schema
    assert resolve_actions(actions(), POLICY).equals(ACTIONS.empty())


@pytest.mark.parametrize("kind", ["split", "spin_off"])
def test_ratios_are_compared_exactly(kind: str) -> None:
    """
    Trap 34: 1046:1000 and 523:500 are one ratio, 1046:1000 and 1045:1000 are two; a spin-off's ratio likewise.
    """

    def status(new: int, old: int) -> str:
        rows = [split(DAY, 1046, 1000, source="a", kind=kind), split(DAY, new, old, source="b", kind=kind)]
        return str(resolve_actions(actions(*rows), POLICY)["status"].item())

    assert status(523, 500) == "confirmed"
    assert status(1045, 1000) == "disputed"


def test_factor_of_a_step_goes_along() -> None:
    """
    Where a step of the adjusted close is all a source tells, its factor is the verdict's.
    """
    assert verdict(cash(DAY, 2.65, factor=0.995))["adjustment_factor"] == 0.995
    assert verdict(cash(DAY, 2.65, factor=0.995), cash(DAY, 2.65, source="a"))["adjustment_factor"] is None


def test_payments_told_apart_in_one_payload_add_up() -> None:
    """
    Two payments of one ex-date in one payload are one action of their sum; one told twice counts once.
    """
    rows = (cash(DAY, 0.5), cash(DAY, 1.25), cash(DAY, 0.5))
    assert verdict(*rows)["amount"] == 1.75
    assert verdict(cash(DAY, 0.5), cash(DAY, 0.5))["amount"] == 0.5


def test_later_payload_replaces_the_sum() -> None:
    """
    What a source tells later stands alone, however many payments it had told before.
    """
    assert verdict(cash(DAY, 0.5), cash(DAY, 1.25), cash(DAY, 1.0, at=1))["amount"] == 1.0
