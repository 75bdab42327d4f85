"""The proof of a cell: every candidate with its verdict, what the score lost, and each factor back to its action."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketkeep.errors import NotFound
from marketkeep.query import Explanation
from marketkeep.query.explain import FIELDS
from marketkeep.query.proof import Deduction, Undone
from small_keep import SmallKeep, sessions

DAYS = sessions("2024-03-04", 6)


@pytest.fixture
def keep(tmp_path: Path) -> SmallKeep:
    """A keep in which sources a, b and csv rank in that order."""
    return SmallKeep(tmp_path / "keep")


def verdicts(told: Explanation) -> list[tuple[str, float | None, str]]:
    """Source, value as traded and verdict of each candidate, oldest first."""
    return [(one.source, one.as_traded, one.verdict) for one in told.candidates]


def test_single_source(keep: SmallKeep) -> None:
    """
    One source, one candidate: it won, and the sentence says that nothing else stands.
    """
    taken = keep.bars((DAYS[0], 10.0))
    told = keep.open().explain("aapl", DAYS[0])
    assert (told.symbol, told.date, told.field, told.value, told.status) == ("AAPL", DAYS[0], "close", 10.0, "single")
    [one] = told.candidates
    assert (one.source, one.delivered, one.as_traded, one.basis, one.verdict) == ("csv", 10.0, 10.0, "as_traded", "won")
    assert (one.score, one.deductions, one.fetched_at) == (100, (), keep.now)
    assert one.digest == taken.taken[0][1]
    assert [Path(path).stem for path in keep.work.batches.paths()] == [one.batch_id]
    assert told.reason == "csv is the only source that stands."
    assert told.factors == ()


def test_won_lost_superseded_and_refused(keep: SmallKeep) -> None:
    """
    Every candidate has its verdict: the winner, a source that lost, an older version, and one that failed a hard check.
    """
    keep.bars((DAYS[0], 10.0), source="b")
    keep.bars((DAYS[0], 10.02), source="b")
    keep.bars((DAYS[0], 10.01), source="csv")
    keep.bars((DAYS[0], 20.0, 0.0, 1.0, -5), source="a")
    keep.bars((DAYS[0], 11.0), source="c")
    told = keep.open().explain("AAPL", DAYS[0])
    assert verdicts(told) == [
        ("b", 10.0, "superseded"),
        ("b", 10.02, "won"),
        ("csv", 10.01, "lost"),
        ("a", 20.0, "refused"),
        ("c", 11.0, "lost"),
    ]
    assert (told.value, told.status) == (10.02, "confirmed")
    assert told.reason == "b agrees with another source within 0.5% and ranks first of those; passed over: csv, c."
    refused = told.candidates[3]
    assert (refused.score, [(one.check, one.weight) for one in refused.deductions]) == (0, [("volume_negative", 100)])


def test_dispute_is_told(keep: SmallKeep) -> None:
    """
    Where no two agree the rank decides, and the sentence says so.
    """
    keep.bars((DAYS[0], 10.0), source="csv")
    keep.bars((DAYS[0], 11.0), source="a")
    told = keep.open().explain("AAPL", DAYS[0])
    assert (told.value, told.status) == (11.0, "disputed")
    assert told.reason == "No two sources agree within 0.5%; a ranks first; passed over: csv."


def test_all_refused(keep: SmallKeep) -> None:
    """
    Where every candidate failed a hard check nothing is published, and that is the proof.
    """
    keep.bars((DAYS[0], 10.0, 0.0, 1.0, -5))
    told = keep.open().explain("AAPL", DAYS[0], "volume")
    assert (told.value, told.status) == (None, "refused")
    assert [one.verdict for one in told.candidates] == ["refused"]
    assert told.reason.startswith("Every candidate failed a hard check")


def test_refused_newer_version_does_not_supersede(keep: SmallKeep) -> None:
    """
    A source's older good version wins over its newer refused one.
    """
    keep.bars((DAYS[0], 10.0))
    keep.bars((DAYS[0], 12.0, 0.0, 1.0, -5))
    told = keep.open().explain("AAPL", DAYS[0])
    assert verdicts(told) == [("csv", 10.0, "won"), ("csv", 12.0, "refused")]
    assert told.value == 10.0


def test_score_is_explained_by_its_deductions(keep: SmallKeep) -> None:
    """
    The score served is 100 minus the deductions named.
    """
    keep.bars((DAYS[0], 10.0, 0.0, 1.0, None))
    told = keep.open().explain("AAPL", DAYS[0], "score")
    [one] = told.candidates
    assert one.deductions == (Deduction("volume_missing", 5, "The volume is unknown."),)
    assert told.value == one.score == 100 - 5


def test_adjusted_close_is_the_product_of_its_factors(keep: SmallKeep) -> None:
    """
    For adj_close: the value served is the winner's close times the factors listed, each with its action and witnesses;
    actions on or before the day and behind the last bar are not among them.
    """
    rows = [
        (DAYS[0], 100.0, 9.0, 1.0),
        (DAYS[1], 104.0),
        (DAYS[2], 25.0, 0.0, 4.0),
        (DAYS[3], 26.0),
        (DAYS[4], 24.0, 0.5),
    ]
    keep.bars(*rows)
    told = keep.open().explain("AAPL", DAYS[1], "adj_close")
    assert [(one.ex_date, one.kind, one.terms) for one in told.factors] == [
        (DAYS[2], "split", "4:1"),
        (DAYS[4], "dividend", "0.5"),
    ]
    assert [[claim.source for claim in one.claims] for one in told.factors] == [["csv"], ["csv"]]
    assert all(one.told.startswith("csv=") for one in told.factors)
    product = 104.0
    for one in told.factors:
        product *= one.factor
    assert told.value == pytest.approx(product, rel=1e-15)
    assert keep.open().explain("AAPL", DAYS[4], "adj_close").factors == ()
    assert keep.open().explain("AAPL", DAYS[1], "close").factors == ()


def test_delivered_and_as_traded(keep: SmallKeep) -> None:
    """
    A split-adjusted candidate shows what was delivered and what it comes to as traded.
    """
    header = "Symbol,Date,Open,High,Low,Close,Volume,Split Ratio"
    path = keep.write(
        header, [("AAPL", DAYS[0], 25, 25.5, 24, 25, 4000, 1), ("AAPL", DAYS[2], 26, 27, 25, 26, 1000, 4)]
    )
    keep.take(path, basis="split_adjusted")
    [one] = keep.open().explain("AAPL", DAYS[0]).candidates
    assert (one.delivered, one.as_traded, one.basis) == (25.0, 100.0, "split_adjusted")
    assert one.undone == (Undone(DAYS[2], "split", "4:1"),)
    [one] = keep.open().explain("AAPL", DAYS[0], "volume").candidates
    assert (one.delivered, one.as_traded) == (4000.0, 1000.0)


@pytest.mark.parametrize("field", FIELDS)
def test_value_is_what_is_served(keep: SmallKeep, field: str) -> None:
    """
    For every field the value explained is the one a query serves.
    """
    keep.bars((DAYS[0], 100.0), (DAYS[1], 104.0, 1.5))
    served = keep.open().bars("AAPL", DAYS[0], DAYS[0]).polars()[field].item()
    assert keep.open().explain("AAPL", DAYS[0], field).value == served


def test_every_candidate_is_told_of(keep: SmallKeep) -> None:
    """
    A session told by two payloads of one file's batch and by other files has one candidate a telling.
    """
    for close in (10.0, 10.5, 11.0):
        keep.bars((DAYS[0], close), (DAYS[1], close))
    told = keep.open().explain("AAPL", DAYS[0])
    assert verdicts(told) == [("csv", 10.0, "superseded"), ("csv", 10.5, "superseded"), ("csv", 11.0, "won")]
    assert len({one.digest for one in told.candidates}) == 3
    assert len({one.batch_id for one in told.candidates}) == 3


@pytest.fixture
def disputed(keep: SmallKeep) -> SmallKeep:
    """A close that three sources tell differently, and a fourth that was refused."""
    keep.bars((DAYS[0], 10.0), (DAYS[1], 10.0), source="csv")
    keep.bars((DAYS[0], 11.0), source="a")
    keep.bars((DAYS[0], 12.0), source="b")
    keep.bars((DAYS[0], 20.0, 0.0, 1.0, -5), source="z")
    return keep


def test_disputed_cell_reads_as_a_proof(disputed: SmallKeep) -> None:
    """
    The sentences go from what was said to what is served: who is refused and why, who stands, who agrees with whom by
    how much, who ranks where, what that is called, and what the score lost.
    """
    told = disputed.open().explain("AAPL", DAYS[0])
    assert (told.value, told.status) == (11.0, "disputed")
    assert told.reasoning[:7] == (
        "z's 20 is refused (volume_negative: The volume is negative).",
        "3 sources stand: csv 10, a 11, b 12.",
        "csv and a do not agree: they lie 9.091% apart, more than the 0.5% allowed.",
        "csv and b do not agree: they lie 16.667% apart, more than the 0.5% allowed.",
        "a and b do not agree: they lie 8.333% apart, more than the 0.5% allowed.",
        "By the policy's priority: a in place 1, b in place 2, csv in place 3. a comes first of all, so it wins.",
        "No other source bears it out and at least one denies it: disputed.",
    )
    assert told.reasoning[7].startswith("Its score is ")
    assert [(one.source, one.rank) for one in told.candidates] == [("csv", 3), ("a", 1), ("b", 2), ("z", 4)]
    assert [one.difference for one in told.candidates] == pytest.approx([-100 / 11, 0.0, 100 / 11, 900 / 11])


def test_agreement_is_told_with_its_distance(keep: SmallKeep) -> None:
    """
    Of two that agree the sentence says how far they lie apart, and who of these ranks first wins over a better one.
    """
    keep.bars((DAYS[0], 100.0), source="b")
    keep.bars((DAYS[0], 100.1), source="csv")
    keep.bars((DAYS[0], 150.0), source="a")
    told = keep.open().explain("AAPL", DAYS[0])
    assert "b and csv agree: they lie 0.100% apart, within the 0.5% allowed." in told.reasoning
    assert (
        "By the policy's priority: a in place 1, b in place 2, csv in place 3. "
        "b comes first of those that agree with another, so it wins."
    ) in told.reasoning


def test_older_word_and_what_was_undone_are_told(keep: SmallKeep) -> None:
    """
    What a source had said before is named, and how a delivered value became the traded one.
    """
    keep.bars((DAYS[0], 99.0))
    keep.bars((DAYS[0], 100.0), (DAYS[2], 25.0, 0.0, 4.0))
    header = "Symbol,Date,Open,High,Low,Close,Volume,Split Ratio"
    rows = [("AAPL", DAYS[0], 25, 25.5, 24, 25.01, 4000, 1), ("AAPL", DAYS[2], 25, 26, 25, 25, 1000, 4)]
    keep.take(keep.write(header, rows), source="a", basis="split_adjusted")
    told = keep.open().explain("AAPL", DAYS[0])
    assert "csv had said 99 before; its newest word that passes counts." in told.reasoning
    assert f"a delivered 25.01; without the split 4:1 of {DAYS[2]} that is 100.04 as traded." in told.reasoning


def test_action_that_is_not_applied_is_told(keep: SmallKeep) -> None:
    """
    An action that is known and has no factor is part of the proof of an adjusted close, though not of its product.
    """
    rows = [(DAYS[0], 10.0), (DAYS[1], 10.1), (DAYS[2], 10.0, 15.0), (DAYS[3], 10.1)]
    keep.bars(*rows)
    told = keep.open().explain("AAPL", DAYS[0], "adj_close")
    assert told.value == 10.0
    assert told.factors == ()
    assert [(one.ex_date, one.terms, one.factor) for one in told.not_applied] == [(DAYS[2], "15", None)]
    assert told.reasoning[-1].startswith(f"The dividend 15 of {DAYS[2]} is ")


def test_action_is_explained_by_its_ex_date(keep: SmallKeep) -> None:
    """
    The field `action` proves the actions of an ex-date: each claim with its payload, the verdict, and the factor.
    """
    keep.bars((DAYS[0], 100.0), (DAYS[1], 101.0), (DAYS[2], 25.0, 0.0, 4.0), (DAYS[3], 25.1))
    reader = keep.open()
    told = reader.explain("AAPL", DAYS[2], "action")
    assert (told.value, told.candidates) == (0.25, ())
    [one] = told.factors
    [claim] = one.claims
    assert (one.kind, one.terms, one.status) == ("split", "4:1", told.status)
    assert claim.source == "csv"
    assert claim.digest == reader.explain("AAPL", DAYS[2]).candidates[0].digest
    assert told.reasoning[0].startswith(f"The split 4:1 of {DAYS[2]} is {told.status}; it multiplies earlier prices")
    with pytest.raises(NotFound, match="no source has told of an action with this ex-date"):
        reader.explain("AAPL", DAYS[1], "action")


def test_proof_by_both_clocks(disputed: SmallKeep) -> None:
    """
    By an earlier instant only what had been received is a candidate; as of a day before the session there is none.
    """
    reader = disputed.open()
    first = reader.explain("AAPL", DAYS[0]).candidates[0].fetched_at
    then = reader.explain("AAPL", DAYS[0], recorded_by=first)
    assert verdicts(then) == [("csv", 10.0, "won")]
    assert (then.value, then.status) == (10.0, "single")
    assert reader.explain("AAPL", DAYS[0], as_of=DAYS[0]) == reader.explain("AAPL", DAYS[0])
    with pytest.raises(NotFound, match="no source has said anything"):
        reader.explain("AAPL", DAYS[1], as_of=DAYS[0])
