"""
What a proof consists of: plain facts that print and go to JSON as they are. Nothing here is worked out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Cell:
    """What is to be proved: a field of a symbol's session, or `action` for the actions of an ex-date."""

    symbol: str
    date: date
    field: str


@dataclass(frozen=True, slots=True)
class Deduction:
    """A check that a row failed, what that took from its score of 100, and what it means."""

    check: str
    weight: int
    meaning: str


@dataclass(frozen=True, slots=True)
class Undone:
    """An action that a source had applied to its row, and that was taken out again: its terms are 4:1 or an amount."""

    ex_date: date
    kind: str
    terms: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    What one source said, once: its value as delivered and as traded, where its payload lies, what it failed.

    `undone` leads from `delivered` to `as_traded`. `rank` is the source's place in the policy, 1 for the best.
    `difference` is how far `as_traded` lies from the winner's, in percent of that; null without a winner. `verdict` is
    won, lost, superseded (a newer version of the same source stands) or refused (a hard check failed).
    """

    source: str
    rank: int
    delivered: float | None
    basis: str
    basis_date: date | None
    undone: tuple[Undone, ...]
    as_traded: float | None
    difference: float | None
    fetched_at: datetime
    digest: str
    batch_id: str
    score: int
    deductions: tuple[Deduction, ...]
    verdict: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What one source told of an action last: as its text has it, on what basis, and where its payload lies."""

    source: str
    told: str
    basis: str
    fetched_at: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class Factor:
    """
    One action: its terms (4:1, or an amount), what it multiplies earlier prices by, its verdict, what sources claim
    (`told`), what witnesses measured, and each claim of just this date and kind with where it lies.

    `factor` is null where the action is not applied.
    """

    ex_date: date
    kind: str
    terms: str
    factor: float | None
    status: str
    told: str
    witnesses: str
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """
    The proof of a cell: `value` is what the keep serves, `reason` one sentence on the choice, `reasoning` the whole
    way to it in sentences, and the facts they rest on.

    For adj_close, `value` = the winner's close as traded x the product of `factors`; `not_applied` are the actions in
    between that have no factor. For an action, `factors` and `not_applied` are those of the ex-date.
    """

    symbol: str
    date: date
    field: str
    value: float | int | str | None
    status: str
    reason: str
    reasoning: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    factors: tuple[Factor, ...]
    not_applied: tuple[Factor, ...]
