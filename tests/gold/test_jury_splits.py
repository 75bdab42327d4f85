"""The jury on splits: sources, prices and share counts, agreeing and contradicting in every way that was met."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from court import DAYS, EX, adjusted, market, plain, verdict, verdicts

from marketkeep.gold import adjust, with_factors
from marketkeep.gold.jury.steps import says
from raw_rows import Row, bars, cash, split

BEFORE = date(2020, 8, 28)
NEXT = date(2020, 9, 1)
TRUE = {EX: 4.0}
COUNTS = {date(2020, 7, 17): 4_275e6}


def outcome(found: dict[str, Any]) -> tuple[str, int, int]:
    """Status and ratio of a verdict."""
    return found["status"], found["numerator"], found["denominator"]


@pytest.mark.parametrize(
    ("step", "ratio", "said"),
    [
        (4.02, 4.0, "agree"),
        (1.01, 4.0, "do not step"),
        (2.0, 4.0, "differ"),
        (0.1, 0.1, "agree"),
        (0.14, 0.1, "agree"),
        (1.3, 0.1, "do not step"),
        (1.25, 1.25, "agree"),
        (1.0, 1.25, "do not step"),
        (0.8, 0.8, "agree"),
        (1.2, 1.2, "cannot tell"),
        (1.0, 1.046, "cannot tell"),
    ],
)
def test_what_a_step_says(step: float, ratio: float, said: str) -> None:
    """
    Prices are heard on ratios of 5:4 and more, or 4:5 and less; a day's own move does not change what they say.
    """
    assert says(step, ratio) == said


def test_two_sources_confirm_without_bars() -> None:
    """
    Two sources that agree are two voices; one alone, with no bars around it, is single.
    """
    one, other = split(EX, 4, source="yahoo"), split(EX, 4, source="alpaca")
    assert outcome(verdict([], [one, other])) == ("confirmed", 4, 1)
    assert outcome(verdict([], [one])) == ("single", 4, 1)


def test_prices_as_traded_confirm_a_single_source() -> None:
    """
    A source and the prices as traded of another are two voices, and the witness is named with what it measured.
    """
    found = verdict(plain(market(TRUE)), [split(EX, 4, source="yahoo")])
    assert outcome(found) == ("confirmed", 4, 1)
    assert found["witnesses"] == "polygon prices 3.96 agree"


def test_bars_far_away_say_nothing() -> None:
    """
    Bars that end before the ex-date, or lie more than ten days from it, are no evidence: a split to come is single.
    """
    closes = market(TRUE)
    for rows in (
        {day: close for day, close in closes.items() if day < EX},
        {day: close for day, close in closes.items() if abs((day - EX).days) > 10},
    ):
        found = verdict(plain(rows), [split(EX, 4, source="yahoo")])
        assert (found["status"], found["witnesses"]) == ("single", "")


def test_phantom_told_and_not_applied() -> None:
    """
    Trap 23: a split that prices as traded do not follow and nobody else tells is a phantom; nothing is applied.
    """
    closes = market()
    rows = [*plain(closes), *adjusted(closes, {})]
    told = [split(EX, 4, source="yahoo")]
    found = verdict(rows, told)
    assert found["status"] == "phantom"
    assert "polygon prices 0.99 do not step" in found["witnesses"]
    gold = bars(*plain(closes))
    made = with_factors(verdicts(rows, told), gold)
    assert made["adjustment_factor"].to_list() == [None]
    assert (adjust(gold, made)["split_factor"] == 1.0).all()


def test_phantom_told_and_applied() -> None:
    """
    A source that tells a phantom and divided its prices by it is undone by its own claim: no step is left.
    """
    told = [split(EX, 4, source="yahoo")]
    found = verdict(adjusted(market(), TRUE), told)
    assert found["status"] == "phantom"
    assert found["witnesses"] == "yahoo prices 0.99 do not step (once its own split is undone)"


def test_applied_once_is_no_witness_for_itself() -> None:
    """
    A source alone whose prices had its split applied cannot confirm itself by undoing it.
    """
    found = verdict(adjusted(market(TRUE), TRUE), [split(EX, 4, source="yahoo")])
    assert (found["status"], found["witnesses"]) == ("single", "yahoo prices had it applied")


def test_told_and_not_applied_is_a_witness() -> None:
    """
    Prices called adjusted that step by the ratio all the same had not been adjusted: they speak for the split.
    """
    found = verdict(adjusted(market(TRUE), {}), [split(EX, 4, source="yahoo")])
    assert (found["status"], found["witnesses"]) == ("confirmed", "yahoo prices 3.96 agree (it had not applied it)")


def test_applied_and_not_told() -> None:
    """
    A source that tells of other splits, not of this one, and had it applied says nothing against it.
    """
    rows = adjusted(market(TRUE), TRUE)
    told = [split(EX, 4, source="alpaca"), split("2014-06-09", 7, source="yahoo")]
    found = verdicts(rows, told).filter(ex_date=EX).row(0, named=True)
    assert (found["status"], found["witnesses"]) == ("single", "yahoo prices 0.99 cannot tell (adjusted by it)")
    both = verdicts([*rows, *plain(market(TRUE))], told).filter(ex_date=EX).row(0, named=True)
    assert both["status"] == "confirmed"


def test_received_before_the_split() -> None:
    """
    Rows received before a split had nothing of it: beside later ones they show the step as it was traded.
    """
    closes = market(TRUE)
    old = {day: close for day, close in closes.items() if day < EX}
    new = {day: close for day, close in closes.items() if day >= EX}
    rows = [*adjusted(old, {}, until=BEFORE), *adjusted(new, {}, at=1)]
    found = verdict(rows, [split(EX, 4, source="yahoo")])
    assert (found["status"], found["witnesses"]) == ("confirmed", "yahoo prices 3.96 agree")


def test_doubled_application_is_told_apart() -> None:
    """
    Trap 10: prices divided by a split twice step the other way; beside prices as traded the split is confirmed.
    """
    closes = market(TRUE)
    rows = [*plain(closes), *adjusted(closes, {EX: 16.0})]
    found = verdict(rows, [split(EX, 4, source="yahoo")])
    assert outcome(found) == ("confirmed", 4, 1)


@pytest.mark.parametrize("wrong", [(2, 1), (40, 1), (1, 4)])
def test_witnesses_decide_among_ratios(wrong: tuple[int, int]) -> None:
    """
    Where sources differ in ratio, the one that prices follow wins over the better ranked source.
    """
    told = [split(EX, *wrong, source="yahoo"), split(EX, 4, source="alpaca")]
    found = verdict(plain(market(TRUE)), told)
    assert outcome(found) == ("confirmed", 4, 1)
    assert found["told"] == f"alpaca=4:1, yahoo={wrong[0]}:{wrong[1]}"


def test_sources_differ_and_nobody_knows() -> None:
    """
    Without a witness two ratios are disputed, and the better ranked stands.
    """
    found = verdict([], [split(EX, 2, source="alpaca"), split(EX, 4, source="yahoo")])
    assert outcome(found) == ("disputed", 4, 1)


def test_wrong_ratio_of_a_single_source() -> None:
    """
    Prices that step by another ratio than the only one told leave it disputed.
    """
    found = verdict(plain(market({EX: 2.0})), [split(EX, 4, source="yahoo")])
    assert (found["status"], found["witnesses"]) == ("disputed", "polygon prices 1.98 differ")


def test_two_sources_against_prices() -> None:
    """
    Two sources that agree against one series of prices are in dispute; against two series they told a phantom.
    """
    closes = market()
    told = [split(EX, 4, source="yahoo"), split(EX, 4, source="alpaca")]
    assert verdict(plain(closes), told)["status"] == "disputed"
    assert verdict([*plain(closes), *plain(closes, "alpaca")], told)["status"] == "phantom"


def test_disputed_split_follows_the_bars_chosen() -> None:
    """
    A split in dispute is applied where the bars step, and not where they clearly do not: adjusted prices never jump.
    """
    told = [split(EX, 4, source="yahoo"), split(EX, 4, source="alpaca")]
    found = verdicts(plain(market()), told)
    still = with_factors(found, bars(*plain(market())))
    assert still["adjustment_factor"].to_list() == [None]
    assert still["witnesses"].item().endswith("not applied: the prices chosen make no step")
    assert with_factors(found, bars(*plain(market(TRUE))))["adjustment_factor"].to_list() == [0.25]


@pytest.mark.parametrize(
    ("told", "ex_date"),
    [
        ([split(NEXT, 4, source="yahoo"), split(EX, 4, source="alpaca")], EX),
        ([split(EX, 4, source="yahoo"), split(BEFORE, 4, source="alpaca")], EX),
        ([split(NEXT, 4, source="yahoo"), split(NEXT, 4, source="alpaca"), split(EX, 4, source="csv")], EX),
        ([split(EX, 4, source="yahoo"), split(NEXT, 4, source="yahoo")], EX),
    ],
)
def test_trap_23_one_split_told_for_two_dates(told: list[Row], ex_date: date) -> None:
    """
    Trap 23: dates a session apart are one event; the session where prices step wins, and it counts once.
    """
    found = verdict(plain(market(TRUE)), told)
    assert (found["ex_date"], found["status"]) == (ex_date, "confirmed")


@pytest.mark.parametrize("day", [NEXT, BEFORE])
def test_wrong_date_of_a_single_source(day: date) -> None:
    """
    Trap 38: a split told for the session before or after the one where prices step is moved there, and says so.
    """
    found = verdict(plain(market(TRUE)), [split(day, 4, source="yahoo")])
    assert (found["ex_date"], found["status"]) == (EX, "confirmed")
    assert found["witnesses"] == f"polygon prices 3.96 agree; moved from {day} to where prices step"
    assert found["told"] == f"told as split of {day}: yahoo=4:1"


def test_shares_confirm_a_single_source() -> None:
    """
    Trap 33: a split keeps the market value; share counts around it that grow by its ratio are a witness.
    """
    counts = {**COUNTS, date(2020, 10, 16): 17_001e6}
    found = verdict([], [split(EX, 4, source="yahoo")], counts)
    assert (found["status"], found["witnesses"]) == ("confirmed", "shares 3.98 agree")


def test_shares_that_stay_contradict_a_single_source() -> None:
    """
    Trap 33: shares that stay as they were contradict a split that nothing else supports.
    """
    counts = {**COUNTS, date(2020, 10, 16): 4_250e6}
    found = verdict([], [split(EX, 4, source="yahoo")], counts)
    assert (found["status"], found["kind"]) == ("disputed", "split")
    assert found["witnesses"] == "shares 0.994 stay as they were"


@pytest.mark.parametrize(
    "counts",
    [
        {EX - timedelta(201): 1e6, EX + timedelta(1): 4e6},
        {EX - timedelta(1): 1e6, EX + timedelta(201): 4e6},
        {EX - timedelta(1): 1e6},
    ],
)
def test_share_counts_far_away_are_none(counts: dict[date, float]) -> None:
    """
    A count more than 200 days from the ex-date, or on one side only, is no witness.
    """
    assert verdict([], [split(EX, 4, source="yahoo")], counts)["witnesses"] == ""


def test_share_counts_behind_another_split_are_none() -> None:
    """
    A count on the other side of another split would show both, so it is not heard.
    """
    counts = {**COUNTS, date(2020, 12, 16): 8 * 4_275e6}
    told = [split(EX, 4, source="yahoo"), split("2020-11-02", 2, source="yahoo")]
    assert verdicts([], told, counts)["witnesses"].to_list() == ["", ""]
    assert verdicts([], [told[0]], counts)["witnesses"].to_list() == ["shares 8 differ"]


def test_trap_33_spin_off_coded_as_split() -> None:
    """
    Trap 33: GOOG's class C shares of 2014, told as 1998:1000: prices halve, shares stay. It is a spin-off, adjusts
    prices by the exact ratio and leaves volume alone.
    """
    closes = market({EX: 1.998})
    counts = {**COUNTS, date(2020, 10, 16): 4_280e6}
    found = verdicts(plain(closes), [split(EX, 1998, 1000, source="yahoo")], counts)
    assert found.select("kind", "status").row(0) == ("spin_off", "confirmed")
    assert found["told"].item() == f"told as split of {EX}: yahoo=1998:1000"
    gold = bars(*plain(closes))
    made = adjust(gold, with_factors(found, gold))
    assert made["dividend_factor"][0] == 1000 / 1998
    assert (made["split_factor"] == 1.0).all()


def test_split_and_spin_off_of_one_day_count_once() -> None:
    """
    Trap 33: a step told as a split by one source and as a spin-off by another is one event, a spin-off.
    """
    told = [split(EX, 1281, 1000, source="yahoo"), split(EX, 1, 3, kind="spin_off", source="alpaca")]
    closes = market({EX: 1.281})
    (found,) = verdicts(plain(closes), told).to_dicts()
    assert (found["kind"], found["status"]) == ("spin_off", "confirmed")
    assert (found["numerator"], found["denominator"], found["adjustment_factor"]) == (1281, 1000, 1000 / 1281)


def test_reverse_split_beside_a_spin_off_stays() -> None:
    """
    A spin-off lowers prices: a reverse split of the same day, and what one source tells apart, are two events.
    """
    spun = split(EX, 1, 3, kind="spin_off", source="alpaca")
    for told in ([split(EX, 1, 3, source="yahoo"), spun], [split(EX, 3, source="alpaca"), spun]):
        assert verdicts([], told)["kind"].to_list() == ["spin_off", "split"]


@pytest.mark.parametrize("ratio", [(1046, 1000), (523, 500), (21, 20)])
def test_trap_34_odd_ratios_are_beyond_prices(ratio: tuple[int, int]) -> None:
    """
    Trap 34: a ratio within a day's own move cannot be told by prices; it stands as told, exactly.
    """
    found = verdict(plain(market()), [split(EX, *ratio, source="yahoo")])
    assert outcome(found) == ("single", *ratio)
    assert found["witnesses"].endswith("cannot tell")


def test_trap_35_chain_of_reverse_splits() -> None:
    """
    Trap 35: reverse splits on many days, at prices of 10^8, are each confirmed by their own step.
    """
    chain = {DAYS[index]: 1 / old for index, old in ((8, 20), (18, 30), (28, 25))}
    told = [split(day, 1, round(1 / ratio), source="yahoo") for day, ratio in chain.items()]
    closes = market(chain, start=1e4)
    assert max(closes.values()) > 1e8
    found = verdicts([*plain(closes), *adjusted(closes, chain)], told)
    assert found["status"].to_list() == ["confirmed"] * 3


def test_trap_40_nothing_is_invented_behind_a_delisting() -> None:
    """
    Trap 40: an action told behind the last bar has no witness and no factor: no return is invented.
    """
    closes = {day: close for day, close in market().items() if day < EX}
    told = [split(EX + timedelta(30), 4, source="yahoo"), cash(EX + timedelta(20), 5.0, source="yahoo")]
    found = with_factors(verdicts(plain(closes), told), bars(*plain(closes)))
    assert found["status"].to_list() == ["single", "single"]
    assert found["adjustment_factor"].to_list() == [None, None]


def test_trap_18_only_the_ex_date_moves_prices() -> None:
    """
    Trap 18: paid before its ex-date, a forward split is judged and applied at the ex-date; the other days are kept.
    """
    told = [split(EX, 4, source="alpaca", record_date=date(2020, 8, 24), pay_date=BEFORE)]
    found = verdict(plain(market(TRUE)), told)
    assert (found["ex_date"], found["status"]) == (EX, "confirmed")
    assert (found["record_date"], found["pay_date"]) == (date(2020, 8, 24), BEFORE)


def test_trap_66_rounded_ratio_agrees_with_the_exact_one() -> None:
    """
    Trap 66: a ratio made exact where it was read agrees with another source's, and each one's own words are kept.
    """
    told = [split(EX, 7, source="yahoo", text="7:1"), split(EX, 7, source="alpha_vantage", text="7.00000700001")]
    found = verdict([], told)
    assert outcome(found) == ("confirmed", 7, 1)
    assert found["told"] == "alpha_vantage=7.00000700001, yahoo=7:1"


def test_open_that_is_unknown_is_replaced_by_the_close() -> None:
    """
    Where the first open is not known, the close of that session is the price after.
    """
    found = verdict(plain(market(TRUE), open=None), [split(EX, 4, source="yahoo")])
    assert found["witnesses"] == "polygon prices 3.96 agree"


@pytest.mark.parametrize("times", [4.0, 0.25])
@pytest.mark.parametrize("bad", [BEFORE, EX])
@pytest.mark.parametrize("split_there", [True, False])
def test_trap_10_bad_row_at_the_ex_date_settles_nothing(times: float, bad: date, split_there: bool) -> None:
    """
    Trap 10: one row beside the ex-date that is off by the ratio, as Yahoo has them, makes neither split nor phantom.
    """
    closes = market(TRUE if split_there else {})
    closes[bad] *= times
    found = verdict(plain(closes), [split(EX, 4, source="yahoo")])
    assert found["status"] in (("confirmed", "single") if split_there else ("phantom", "single", "disputed"))
    own = verdict(adjusted(closes, TRUE), [split(EX, 4, source="yahoo")])
    assert own["status"] in (("confirmed", "single") if split_there else ("phantom", "single"))
