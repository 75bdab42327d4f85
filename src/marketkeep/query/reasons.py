"""
The way to a value in sentences, as a person would tell another. It words facts and finds none out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from marketkeep.query.proof import Candidate, Cell, Factor

Row = dict[str, Any]
_CLOSE = ("close", "adj_close", "score", "source")


def summary(status: str | None, candidates: Sequence[Candidate], tolerance: float) -> str:
    """The choice in one sentence; `status` is that of the winner, None when there is none."""
    won = next((one.source for one in candidates if one.verdict == "won"), "")
    if status is None:
        return "Every candidate failed a hard check, so nothing was published for this session."
    rivals = ", ".join(one.source for one in candidates if one.verdict == "lost")
    if not rivals:
        return f"{won} is the only source that stands."
    if status == "confirmed":
        return (
            f"{won} agrees with another source within {tolerance:.1%} and ranks first of those; passed over: {rivals}."
        )
    return f"No two sources agree within {tolerance:.1%}; {won} ranks first; passed over: {rivals}."


def of_bar(
    cell: Cell,
    winner: Row | None,
    candidates: Sequence[Candidate],
    tolerance: float,
    actions: tuple[Sequence[Factor], Sequence[Factor]],
) -> tuple[str, ...]:
    """The reasoning on a field of a bar; `actions` are those applied and those not, for an adjusted close."""
    return (
        *_standing(candidates),
        *_agreement(cell, candidates, tolerance),
        *_choice(winner, candidates),
        *_adjustment(cell, winner, *actions),
    )


def of_actions(factors: Sequence[Factor]) -> tuple[str, ...]:
    """The reasoning on the actions of an ex-date, of each what it is and then who told it."""
    return tuple(sentence for one in factors for sentence in _action(one))


def _standing(candidates: Sequence[Candidate]) -> Iterator[str]:
    standing = [one for one in candidates if one.verdict in ("won", "lost")]
    for one in candidates:
        if one.verdict == "refused":
            failed = "; ".join(
                f"{each.check}: {each.meaning.rstrip(chr(46))}" for each in one.deductions if each.weight >= 100
            )
            yield f"{one.source}'s {number(one.as_traded)} is refused ({failed or 'a hard check failed'})."
        elif one.verdict == "superseded":
            yield f"{one.source} had said {number(one.as_traded)} before; its newest word that passes counts."
    for one in standing:
        if one.undone:
            yield (
                f"{one.source} delivered {number(one.delivered)}; without {_listed(one)} that is "
                f"{number(one.as_traded)} as traded."
            )
    told = ", ".join(f"{one.source} {number(one.as_traded)}" for one in standing)
    if standing:
        yield f"{_count(len(standing), 'source stands', 'sources stand')}: {told}."


def _listed(one: Candidate) -> str:
    return ", ".join(f"the {each.kind} {each.terms} of {each.ex_date}" for each in one.undone)


def _agreement(cell: Cell, candidates: Sequence[Candidate], tolerance: float) -> Iterator[str]:
    """Who agrees with whom: told of the closes, which decide."""
    standing = [one for one in candidates if one.verdict in ("won", "lost")]
    if len(standing) < 2:
        return
    if cell.field not in _CLOSE:
        yield f"Whether sources agree is told by their closes, not by their {cell.field}s."
        return
    for one, other in combinations(standing, 2):
        apart = _apart(one.as_traded, other.as_traded)
        word = "agree" if apart <= tolerance else "do not agree"
        side = "within" if apart <= tolerance else "more than"
        yield f"{one.source} and {other.source} {word}: they lie {apart:.3%} apart, {side} the {tolerance:.1%} allowed."


def _apart(one: float | None, other: float | None) -> float:
    if one is None or other is None:
        return math.inf
    return abs(one - other) / max(abs(one), abs(other), 1e-300)


def _choice(winner: Row | None, candidates: Sequence[Candidate]) -> Iterator[str]:
    won = next((one for one in candidates if one.verdict == "won"), None)
    if winner is None or won is None:
        yield "No candidate stands, so nothing is published."
        return
    rivals = [one for one in candidates if one.verdict == "lost"]
    if rivals:
        places = ", ".join(f"{one.source} {_place(one.rank)}" for one in sorted([won, *rivals], key=_by_rank))
        among = "of those that agree with another" if winner["status"] == "confirmed" else "of all"
        yield f"By the policy's priority: {places}. {won.source} comes first {among}, so it wins."
    meaning = {
        "confirmed": "Two sources bear it out: confirmed.",
        "single": "No other source bears it out or denies it: single.",
        "disputed": "No other source bears it out and at least one denies it: disputed.",
    }
    yield meaning.get(winner["status"], f"Its status is {winner['status']}.")
    lost = "; ".join(f"{each.weight} for {each.check} ({each.meaning})" for each in won.deductions)
    yield f"Its score is {won.score} of 100{': less ' + lost if lost else ', nothing was lost'}."


def _by_rank(one: Candidate) -> tuple[int, str]:
    return one.rank, one.source


def _place(rank: int) -> str:
    return f"in place {rank}"


def _adjustment(
    cell: Cell, winner: Row | None, applied: Sequence[Factor], not_applied: Sequence[Factor]
) -> Iterator[str]:
    if cell.field != "adj_close" or winner is None:
        return
    yield (
        f"{_count(len(applied), 'action has', 'actions have')} a later ex-date and a factor; adj_close is the close as "
        "traded times all of these."
    )
    for one in not_applied:
        yield f"The {one.kind} {one.terms} of {one.ex_date} is {one.status} and not applied: {weighed(one)}."


def _action(one: Factor) -> Iterator[str]:
    applied = f"it multiplies earlier prices by {one.factor:.12g}" if one.factor is not None else "it is not applied"
    yield f"The {one.kind} {one.terms} of {one.ex_date} is {one.status}; {applied}."
    for claim in one.claims:
        yield f"{claim.source} tells {claim.told}, {claim.basis.replace('_', ' ')}."
    yield f"Told and measured: {weighed(one)}."


def weighed(one: Factor) -> str:
    """What sources claim of an action, and what witnesses say to that."""
    return f"{one.told}; {one.witnesses}" if one.witnesses else one.told


def _count(number_: int, one: str, several: str) -> str:
    return f"{number_ or 'No'} {one if number_ == 1 else several}"


def number(value: float | None) -> str:
    """A number in as many places as it has, at most twelve digits; nothing where there is none."""
    return "nothing" if value is None else f"{value:,.12g}"
