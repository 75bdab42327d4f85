"""
The verdict on a payment: which amount stands, and whether the adjusted closes of others show it.

A vendor's adjusted closes step by 1 - D / close of the session before over an ex-date. They follow from what that
vendor believes was paid, so they speak for an amount only where it does not tell that amount itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from marketkeep.gold.jury.events import agree
from marketkeep.gold.jury.evidence import Adjusted
from marketkeep.gold.jury.splits import Verdict

Row = dict[str, Any]

STEP_TOLERANCE = 2e-4
"""How far a step of adjusted closes may be from the one an amount makes: their rounding."""


def judge_cash(row: Row, steps: dict[date, list[Adjusted]], tolerance: float) -> Verdict:
    """The verdict on one told row of cash; `steps` are those of vendors' adjusted closes by claimed ex-date."""
    claims: list[Row] = row["claims"]
    day = _day(row, steps)
    heard = steps.get(day, ())
    usable = [one for one in claims if one["basis"] != "unknown"]
    if not heard and len(claims) == 1 and not row["silent"]:
        return Verdict(day, row["kind"], claims[0], _factor(claims[0]), "single" if usable else "disputed", "")
    told = [_voices(one, usable, row, heard, tolerance) for one in usable]
    best = usable[told.index(max(told))] if usable else claims[0]
    factor = _factor(best) if usable else None
    status = _status(best, usable, row, heard, tolerance)
    return Verdict(day, row["kind"], best, factor, status, _text(best, row, heard))


def _factor(claim: Row) -> float | None:
    return claim["factor"] if claim["basis"] != "unknown" else None


def _day(row: Row, steps: dict[date, list[Adjusted]]) -> date:
    """The day of the row; where others claim another and only there adjusted closes of a third step, that one."""
    days: list[date] = sorted({one["ex_date"] for one in row["claims"]})
    if len(days) == 1:
        return days[0]

    def strength(day: date) -> tuple[int, bool]:
        claims = [one for one in row["claims"] if one["ex_date"] == day]
        # Who tells a day shows it too: that is his own word again.
        here = frozenset(one["source"] for one in claims)
        return max(_shown(one, row, steps.get(day, ()), here) for one in claims), day == row["ex_date"]

    return max(days, key=strength)


def _says(claim: Row, row: Row, step: Adjusted) -> str:
    """What a step of adjusted closes says of an amount, beside the day's other payments and its split."""
    before = step.close / row["ratio"]
    others, expected = 1 - row["beside"] / before, 1 - (row["beside"] + (claim["amount"] or 0.0)) / before
    if abs(step.factor - expected) <= STEP_TOLERANCE:
        return "agree"
    # A vendor that leaves it out, and only then: its step is that of the other payments.
    return "do not step" if abs(step.factor - others) <= STEP_TOLERANCE else "differ"


def _telling(claim: Row, row: Row, step: Adjusted) -> bool:
    return bool((claim["amount"] or 0.0) * row["ratio"] / step.close > 2 * STEP_TOLERANCE)


def _shown(claim: Row, row: Row, steps: Sequence[Adjusted], sources: frozenset[str]) -> int:
    """How many vendors that are not among `sources` show the amount in their adjusted closes."""
    return sum(
        step.source not in sources and _telling(claim, row, step) and _says(claim, row, step) == "agree"
        for step in steps
    )


def _together(claim: Row, usable: list[Row], tolerance: float) -> frozenset[str]:
    return frozenset(other["source"] for other in usable if agree(claim, other, tolerance))


def _voices(claim: Row, usable: list[Row], row: Row, steps: Sequence[Adjusted], tolerance: float) -> int:
    sources = _together(claim, usable, tolerance)
    return len(sources) + min(1, _shown(claim, row, steps, sources))


def _status(best: Row, usable: list[Row], row: Row, steps: Sequence[Adjusted], tolerance: float) -> str:
    if not usable:
        return "disputed"
    mine = _together(best, usable, tolerance)
    voices = _voices(best, usable, row, steps, tolerance)
    rivals = [other for other in usable if not agree(best, other, tolerance)]
    if voices > 1 and all(_voices(other, usable, row, steps, tolerance) < voices for other in rivals):
        return "confirmed"
    contradicted = any(
        step.source not in mine and _telling(best, row, step) and _says(best, row, step) != "agree" for step in steps
    )
    # One source against several that tell the symbol's other payments: it may be right, but it is not alone.
    outnumbered = len(row["silent"]) > len({one["source"] for one in row["claims"]})
    return "disputed" if rivals or contradicted or outnumbered else "single"


def _text(best: Row, row: Row, steps: Sequence[Adjusted]) -> str:
    told = []
    for step in steps:
        said = _says(best, row, step) if _telling(best, row, step) else "cannot tell"
        told.append(f"{step.source} adjusted closes {step.factor:.6g} {said}")
    if row["silent"]:
        told.append(f"{', '.join(row['silent'])} told others and not this")
    return "; ".join(told)
