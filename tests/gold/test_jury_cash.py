"""The jury on payments: one event under several names, and vendors' adjusted closes as witnesses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from court import DAYS, EX, market, plain, verdict, verdicts

from marketkeep.gold import with_factors
from raw_rows import Row, bars, cash, split

SCALED = {"basis": "split_adjusted"}
FLAT = dict.fromkeys(DAYS, 100.0)


def showing(paid: Mapping[date, float], source: str = "yahoo", closes: Mapping[date, float] = FLAT) -> list[Row]:
    """Bars of a vendor whose adjusted closes show these payments."""
    rows, factor = [], 1.0
    days = list(closes)
    for index in reversed(range(len(days))):
        close = closes[days[index]]
        rows.append(bar_of(days[index], close, source, close * factor))
        if index and days[index] in paid:
            factor *= 1 - paid[days[index]] / closes[days[index - 1]]
    return rows[::-1]


def bar_of(day: date, close: float, source: str, adj_close: float) -> Row:
    """One bar with the vendor's adjusted close."""
    (row,) = plain({day: close}, source, adj_close=adj_close, basis="split_adjusted", basis_date=DAYS[-1])
    return row


def test_adjusted_closes_of_another_confirm() -> None:
    """
    Trap 3: a vendor's adjusted close is a witness only: its step of 1 - D / close confirms what another source told.
    """
    found = verdict(showing({EX: 0.82}), [cash(EX, 0.82, source="polygon")])
    assert (found["status"], found["amount"]) == ("confirmed", 0.82)
    assert found["witnesses"] == "yahoo adjusted closes 0.9918 agree"
    assert found["adjustment_factor"] is None


def test_a_source_is_no_witness_for_itself() -> None:
    """
    Adjusted closes follow from what their vendor tells, so they do not make its own word two voices.
    """
    found = verdict(showing({EX: 0.82}), [cash(EX, 0.82, source="yahoo")])
    assert (found["status"], found["witnesses"]) == ("single", "yahoo adjusted closes 0.9918 agree")


@pytest.mark.parametrize(("told", "status"), [(0.82, "confirmed"), (1.64, "disputed"), (0.76, "disputed")])
def test_step_must_be_that_of_the_amount(told: float, status: str) -> None:
    """
    A step that another amount made contradicts the only source.
    """
    assert verdict(showing({EX: 0.82}), [cash(EX, told, source="polygon")])["status"] == status


def test_vendor_that_shows_none_contradicts() -> None:
    """
    Adjusted closes that make no step at all contradict the only source; an amount below their rounding they cannot see.
    """
    assert verdict(showing({}), [cash(EX, 0.82, source="polygon")])["status"] == "disputed"
    tiny = verdict(showing({}), [cash(EX, 0.02, source="polygon")])
    assert (tiny["status"], tiny["witnesses"]) == ("single", "yahoo adjusted closes 1 cannot tell")


def test_adjusted_closes_decide_among_amounts() -> None:
    """
    Two sources that differ are decided by the adjusted closes of a third.
    """
    told = [cash(EX, 8.2, source="polygon"), cash(EX, 0.82, source="alpaca")]
    assert (verdict([], told)["status"], verdict([], told)["amount"]) == ("disputed", 8.2)
    found = verdict(showing({EX: 0.82}), told)
    assert (found["status"], found["amount"]) == ("confirmed", 0.82)


def test_payloads_are_not_mixed() -> None:
    """
    Trap 3: adjusted closes are restated at every payment, so a step is taken within one payload, the newest that has
    both sides.
    """
    old = [{**row, "adj_close": 50.0} for row in showing({})]
    new = [{**row, "batch_id": "later"} for row in showing({EX: 0.82}) if row["date"] >= EX - timedelta(5)]
    whole = [{**row, "batch_id": "latest"} for row in showing({EX: 0.82}) if row["date"] >= EX]
    found = verdict([*old, *new, *whole], [cash(EX, 0.82, source="polygon")])
    assert found["witnesses"] == "yahoo adjusted closes 0.9918 agree"


def test_split_of_the_same_day_is_taken_into_account() -> None:
    """
    A payment on a split's ex-date is per new share: the step is that of the close before in new shares.
    """
    closes = market({EX: 4.0}, start=400.0)
    before = closes[date(2020, 8, 28)]
    told = [split(EX, 4, source="polygon"), cash(EX, 0.82, source="polygon")]
    rows = []
    for day, close in closes.items():
        factor = (1 - 0.82 / (before / 4)) if day < EX else 1.0
        # As traded, with an adjusted close that holds split and payment, as Alpha Vantage delivers it.
        rows += plain({day: close}, "alpha_vantage", adj_close=close * factor / (4 if day < EX else 1))
    found = verdicts(rows, told).filter(kind="dividend").row(0, named=True)
    assert found["status"] == "confirmed"


def test_trap_36_special_dividend_under_two_names() -> None:
    """
    Trap 36: one amount on one day, a dividend to one source and a special one to another, is one special dividend.
    """
    told = [cash(EX, 3.0, source="yahoo"), cash(EX, 3.0, kind="special_dividend", source="polygon")]
    found = verdict([], told)
    assert (found["kind"], found["status"], found["amount"]) == ("special_dividend", "confirmed", 3.0)
    assert found["told"] == "polygon=3.0 (as_traded), yahoo=3.0 (as_traded; dividend)"


def test_trap_36_two_payments_stay_two() -> None:
    """
    Trap 36: what one source tells apart are two actions, though another tells one of them under another name.
    """
    told = [
        cash(EX, 0.5, source="polygon"),
        cash(EX, 3.0, kind="special_dividend", source="polygon"),
        cash(EX, 3.0, source="yahoo"),
    ]
    found = verdicts([], told)
    assert found.select("kind", "amount", "status").rows() == [
        ("dividend", 0.5, "single"),
        ("special_dividend", 3.0, "confirmed"),
    ]


def test_trap_4_sum_beside_its_parts_counts_once() -> None:
    """
    Trap 4: a fund's dividend that holds its capital gain speaks for both parts another source tells, and adds nothing.
    """
    told = [
        cash(EX, 0.5, source="polygon"),
        cash(EX, 3.0, kind="capital_gain", source="polygon"),
        cash(EX, 3.5, source="yahoo"),
    ]
    found = verdicts([], told)
    assert found.select("kind", "amount", "status").rows() == [
        ("capital_gain", 3.0, "confirmed"),
        ("dividend", 0.5, "confirmed"),
    ]
    assert found["told"].to_list() == [
        "polygon=3.0 (as_traded), yahoo=3.5 (as_traded; all of that day)",
        "polygon=0.5 (as_traded), yahoo=3.5 (as_traded; all of that day)",
    ]


def test_step_is_that_of_all_payments_of_the_day() -> None:
    """
    Trap 4: each of a day's payments is measured by the step that they make together.
    """
    told = [cash(EX, 0.5, source="polygon"), cash(EX, 3.0, kind="capital_gain", source="polygon")]
    assert verdicts(showing({EX: 3.5}), told)["status"].to_list() == ["confirmed", "confirmed"]
    # A vendor that shows the dividend alone contradicts the sum, and which part is wrong it cannot tell.
    assert verdicts(showing({EX: 0.5}), told)["status"].to_list() == ["disputed", "disputed"]


@pytest.mark.parametrize("apart", [1, 3])
def test_trap_38_record_date_told_as_ex_date(apart: int) -> None:
    """
    Trap 38: the same amount told for a neighbouring session by another source is one payment, on the day most tell; an
    adjusted close of a third decides.
    """
    later = EX + timedelta(apart)
    told = [cash(EX, 0.82, source="polygon"), cash(later, 0.82, source="alpaca")]
    found = verdict([], told)
    assert (found["ex_date"], found["status"]) == (EX, "confirmed")
    assert found["told"] == f"alpaca=0.82 (as_traded; on {later}), polygon=0.82 (as_traded)"
    moved = verdict(showing({later: 0.82}), told)
    assert (moved["ex_date"], moved["status"]) == (later, "confirmed")


def test_payments_of_one_source_on_two_days_stay_two() -> None:
    """
    What one source tells for two days, or two sources for days a week apart, are two payments.
    """
    assert verdicts([], [cash(EX, 0.1), cash(EX + timedelta(1), 0.1)]).height == 2
    weekly = [cash(EX, 0.1, source="polygon"), cash(EX + timedelta(7), 0.1, source="yahoo")]
    assert verdicts([], weekly).height == 2


def test_trap_2_unknown_basis_beside_adjusted_closes() -> None:
    """
    Trap 2: an amount of unknown basis is not guessed, whatever steps there are; who knows stands, and is confirmed by
    the adjusted closes of the one who does not.
    """
    unknown = cash(EX, 3.28, source="yahoo", basis="unknown")
    alone = verdict(showing({EX: 0.82}), [unknown])
    assert (alone["status"], alone["amount"]) == ("disputed", None)
    beside = verdict(showing({EX: 0.82}), [unknown, cash(EX, 0.82, source="polygon")])
    assert (beside["status"], beside["amount"]) == ("confirmed", 0.82)


def test_trap_66_scaled_and_paid_amounts_agree() -> None:
    """
    Trap 66: 2.65 on as-traded rows and 0.0946 on split-adjusted ones are the same payment (AAPL, 2012).
    """
    day = date(2012, 8, 9)
    splits = [split("2014-06-09", 7, source="yahoo"), split("2020-08-31", 4, source="yahoo")]
    told = [cash(day, 0.094643, source="yahoo", **SCALED), cash(day, 2.65, source="alpha_vantage"), *splits]
    found = verdicts([], told).filter(kind="dividend").row(0, named=True)
    assert (found["status"], found["amount"]) == ("confirmed", 2.65)
    assert found["told"] == "alpha_vantage=2.65 (as_traded), yahoo=0.094643 (split_adjusted; 2.65 as paid)"


def test_trap_39_cash_above_the_close_is_refused_after_the_verdict() -> None:
    """
    Trap 39: two sources that agree on an impossible payment do not make it possible.
    """
    told = [cash(EX, 120.0, source="yahoo"), cash(EX, 120.0, source="polygon")]
    found = with_factors(verdicts(plain(FLAT), told), bars(*plain(FLAT))).row(0, named=True)
    assert (found["status"], found["adjustment_factor"]) == ("disputed", None)
    assert found["witnesses"] == "refused: not below the close before the ex-date"


@pytest.mark.parametrize("told", [{"pay_date": date(2020, 9, 15), "record_date": date(2020, 9, 1)}, {}])
def test_other_days_are_kept_from_who_tells_them(told: dict[str, Any]) -> None:
    """
    Record and pay dates come from the best ranked source that tells them; only the ex-date moves prices.
    """
    found = verdict([], [cash(EX, 1.0, source="yahoo"), cash(EX, 1.0, source="alpaca", currency="USD", **told)])
    assert (found["pay_date"], found["record_date"]) == (told.get("pay_date"), told.get("record_date"))
    assert (found["ex_date"], found["currency"]) == (EX, "USD")


def test_several_that_tell_the_others_outnumber_one() -> None:
    """
    A payment that one source tells amid those that two others tell as well is in dispute; amid those of one other, or
    at the end of what they tell, it is single.
    """
    regular = [EX - timedelta(91), EX + timedelta(91)]
    others = {source: [cash(day, 0.5, source=source) for day in regular] for source in ("polygon", "alpaca")}
    told = [cash(EX, 1.44, source="yahoo")]

    def status(*rows: Row) -> tuple[str, str]:
        row = verdicts([], [*told, *rows]).filter(ex_date=EX).row(0, named=True)
        return row["status"], row["witnesses"]

    said = "alpaca, polygon told others and not this"
    assert status(*others["polygon"], *others["alpaca"]) == ("disputed", said)
    assert status(*others["polygon"]) == ("single", "polygon told others and not this")
    assert status(others["polygon"][0], others["alpaca"][0]) == ("single", "")
    assert status(*others["polygon"], *others["alpaca"], cash(EX, 1.44, source="csv"))[0] == "confirmed"
