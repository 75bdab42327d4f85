"""The jury's contract with an update: a verdict rests on its own told row and on what lies near it, on nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import polars as pl
from court import DAYS, EX, POLICY, adjusted, evidence, market, plain, verdicts
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkeep.gold.jury import EVIDENCE_DAYS, SHARE_DAYS, TOLD, Evidence, concerned, judge, retold, told_actions
from marketkeep.model import ACTIONS
from raw_rows import Row, actions, cash, resolve_actions, split

RATIOS = st.sampled_from([(2, 1), (4, 1), (1, 10), (3, 2), (1046, 1000)])
SOURCES = st.sampled_from(["yahoo", "polygon", "alpaca", "csv"])
WHEN = st.sampled_from(DAYS)


@st.composite
def claims(draw: st.DrawFn) -> list[Row]:
    """Some actions as some sources tell them, rightly or wrongly."""
    told = []
    for _ in range(draw(st.integers(1, 5))):
        source, day = draw(SOURCES), draw(WHEN)
        if draw(st.booleans()):
            kind = draw(st.sampled_from(["split", "split", "spin_off"]))
            told.append(split(day, *draw(RATIOS), source=source, kind=kind))
        else:
            kind = draw(st.sampled_from(["dividend", "special_dividend"]))
            told.append(cash(day, draw(st.sampled_from([0.5, 0.82, 3.0])), source=source, kind=kind))
    return told


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    """Bars of two sources over the weeks, with steps where they may or may not be told, and holes."""
    ratio = float(pl.Series([2.0, 4.0, 0.1])[draw(st.integers(0, 2))])
    closes = market({draw(WHEN): ratio})
    absent = draw(st.sets(WHEN, max_size=8))
    held = {day: close for day, close in closes.items() if day not in absent}
    applied = {draw(WHEN): ratio} if draw(st.booleans()) else {}
    shown = [{**row, "adj_close": row["close"] * 0.99} for row in adjusted(held, applied)]
    return [*shown, *plain(held)] if draw(st.booleans()) else shown


def within(all_evidence: Evidence, days: Iterable[date]) -> Evidence:
    """The evidence near these days."""
    wanted = list(days)
    near = [
        day
        for day in all_evidence.bars["date"].unique()
        if any(abs((day - one).days) <= EVIDENCE_DAYS for one in wanted)
    ]
    counts = [
        day for day in all_evidence.shares["on"].unique() if any(abs((day - one).days) <= SHARE_DAYS for one in wanted)
    ]
    return Evidence(
        all_evidence.bars.filter(pl.col("date").is_in(near)), all_evidence.shares.filter(pl.col("on").is_in(counts))
    )


@given(claims(), rows(), st.dictionaries(st.sampled_from(DAYS), st.floats(1e6, 1e9), max_size=3))
@settings(max_examples=150, deadline=None)
def test_verdict_rests_on_near_rows_alone(told: list[Row], held: list[Row], counts: dict[date, float]) -> None:
    """
    Judging each event with the rows near it alone gives what judging all with everything gives.
    """
    whole = evidence(held, told, counts)
    events = told_actions(actions(*told), POLICY)
    together = judge(events, whole, POLICY)
    alone = []
    for index in range(events.height):
        event = events[index : index + 1]
        days = {claim["ex_date"] for claim in event["claims"].item()}
        alone.append(judge(event, within(whole, days), POLICY))
    apart = pl.concat(alone).sort("symbol", "ex_date", "kind")
    # Two events may be moved onto one day and kind; told apart they cannot see each other.
    if not apart.select(pl.struct("symbol", "ex_date", "kind").is_duplicated().any()).item():
        assert together.equals(apart)


@given(claims(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_order_of_claims_does_not_matter(told: list[Row], random: object) -> None:
    """
    The same claims in any order are the same events, each with a key of its own.
    """
    first = told_actions(actions(*told), POLICY)
    shuffled = list(told)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert told_actions(actions(*shuffled), POLICY).equals(first)
    assert not first.select(pl.struct("symbol", "ex_date", "kind").is_duplicated().any()).item()
    assert first.schema == pl.DataFrame(schema=TOLD).schema


@given(claims(), claims(), rows())
@settings(max_examples=100, deadline=None)
def test_told_anew_is_seen_in_what_is_published(told: list[Row], later: list[Row], held: list[Row]) -> None:
    """
    `retold` is empty for the claims that a published verdict rests on, and names the symbol once any claim differs.
    """
    published = verdicts(held, told)
    events = told_actions(actions(*told), POLICY)
    assert retold(events, published) == []
    newer = [{**one, "fetched_at": one["fetched_at"] + timedelta(1), "digest": "later"} for one in later]
    changed = told_actions(actions(*told, *newer), POLICY)
    same = changed.equals(events)
    assert retold(changed, published) == ([] if same else ["AAPL"])


def test_symbols_of_one_side_are_retold() -> None:
    """
    A symbol whose last action was taken back, or that has its first, is told anew.
    """
    told = [split(EX, 4, source="yahoo"), split(EX, 2, symbol="MSFT", source="yahoo")]
    published = resolve_actions(actions(*told), POLICY)
    events = told_actions(actions(*told), POLICY)
    assert retold(events, published.clear()) == ["AAPL", "MSFT"]
    assert retold(events.filter(symbol="AAPL"), published) == ["MSFT"]


def test_other_days_told_anew_are_seen() -> None:
    """
    A pay date that is told later is published too, so it counts as told anew.
    """
    before = [cash(EX, 1.0, source="yahoo")]
    after = [*before, cash(EX, 1.0, source="yahoo", pay_date=date(2020, 9, 15), at=1)]
    published = resolve_actions(actions(*before), POLICY)
    assert retold(told_actions(actions(*after), POLICY), published) == ["AAPL"]


def test_rows_concerned_are_those_near_new_bars() -> None:
    """
    New bars concern events claimed within ten days of them.
    """
    told = told_actions(actions(*(split(EX + timedelta(14 * week), 2, source="yahoo") for week in range(4))), POLICY)
    last = EX + timedelta(3)
    spans = pl.DataFrame({"symbol": ["AAPL"], "from": [EX - timedelta(20)], "to": [last]})
    assert concerned(told, spans)["ex_date"].to_list() == [EX]
    wider = spans.with_columns(to=pl.lit(EX + timedelta(4)))
    assert concerned(told, wider)["ex_date"].to_list() == [EX, EX + timedelta(14)]
    assert concerned(told, spans.with_columns(symbol=pl.lit("MSFT"))).is_empty()


def test_nothing_told_is_nothing_judged() -> None:
    """
    Without a claim there is no verdict, whatever the bars do.
    """
    assert judge(told_actions(actions(), POLICY), evidence(plain(market()), []), POLICY).equals(ACTIONS.empty())


def test_claims_that_tie_two_days_together_are_one_event() -> None:
    """
    One source tells a split for two days, others that and another ratio for the second: one event, with one key.
    """
    second = date(2020, 8, 4)
    told = [
        split(date(2020, 8, 3), 2, source="yahoo"),
        split(second, 2, source="yahoo"),
        split(second, 2, source="polygon"),
        split(second, 4, source="alpaca"),
    ]
    events = told_actions(actions(*told), POLICY)
    assert events.select("ex_date", "kind").rows() == [(second, "split")]
    assert len(events["claims"].item()) == 4
