"""
The verdict on a split: what its sources claim, what prices and share counts measure, and which of them win.

A split changes the number of shares and the price alike, and leaves their product, the market value, as it was. A
spin-off lowers the price alone. Told as a split it is found out by shares that stay as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

from marketkeep.gold.jury.events import agree
from marketkeep.gold.jury.evidence import Step
from marketkeep.gold.jury.steps import Says, lasting, says

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an event came to; `best` is the claim whose ratio or amount stands, `factor` what it is known to be."""

    ex_date: date
    kind: str
    best: Row
    factor: float | None
    status: str
    witnesses: str


class _Heard(NamedTuple):
    """A witness: its sentence, what it says, and whether it speaks from its own knowledge."""

    text: str
    says: Says
    own: bool


@dataclass(frozen=True, slots=True)
class _Case:
    """One ratio at one day: its claims (best ranked first), and what witnesses say of it."""

    day: date
    claims: list[Row]
    prices: list[_Heard]
    shares: _Heard | None

    def count(self, what: Says) -> int:
        """How many prices that know of themselves say it."""
        return sum(one.own and one.says == what for one in self.prices)

    @property
    def support(self) -> int:
        """Witnesses for it less those against."""
        prices = self.count("agree") - self.count("do not step") - self.count("differ")
        shares = 0 if self.shares is None else _WEIGHT[self.shares.says]
        return (prices > 0) - (prices < 0) + shares

    @property
    def sources(self) -> int:
        """How many sources tell this ratio."""
        return len({row["source"] for row in self.claims})


_WEIGHT: dict[Says, int] = {"agree": 1, "do not step": -1, "differ": 0, "cannot tell": 0}


def judge_split(row: Row, steps: dict[date, list[Step]], shares: dict[date, float]) -> Verdict:
    """
    The verdict on one told row of kind split.

    `steps` are price steps by claimed ex-date, `shares` share ratios by claimed ex-date (absent where not known).
    """
    claims: list[Row] = [one for one in row["claims"] if one["kind"] == "split"]
    spun = [one for one in row["claims"] if one["kind"] == "spin_off"]
    day, at = _day(row["ex_date"], claims, steps)
    cases = _cases(day, claims, at, shares)
    won = max(cases, key=lambda case: (case.support, case.sources))
    rivals = max((case.sources for case in cases if case is not won), default=0)
    everyone = len({one["source"] for one in claims})
    status, kind = _status(won, rivals, everyone), "split"
    if _is_spin_off(won, spun, rivals):
        kind = "spin_off"
        status = "disputed" if status == "phantom" else "confirmed"
    best = won.claims[0]
    applied = kind == "spin_off" and won.count("do not step") <= won.count("agree")
    heard = [one.text for one in (*won.prices, *([won.shares] if won.shares else []))]
    if day not in {one["ex_date"] for one in claims}:
        heard.append(f"moved from {row['ex_date']} to where prices step")
    factor = best["denominator"] / best["numerator"] if applied else None
    return Verdict(day, kind, best, factor, status, "; ".join(heard))


def judge_spin_off(row: Row) -> Verdict:
    """The verdict on what all sources call a spin-off: no witness can weigh it, and nothing is applied."""
    claims = row["claims"]
    agreed = [one for one in claims if sum(agree(one, other, 0.0) for other in claims) > 1]
    status = "confirmed" if agreed else "single" if len(claims) == 1 else "disputed"
    return Verdict(row["ex_date"], row["kind"], (agreed or claims)[0], None, status, "")


def _day(told: date, claims: list[Row], steps: dict[date, list[Step]]) -> tuple[date, list[Step]]:
    """The day among those claimed where prices step, or, where they do on none, the session beside it."""
    ratios = {Fraction(one["numerator"], one["denominator"]) for one in claims}

    def strength(day: date) -> tuple[int, int, int, bool]:
        over = [step for step in steps.get(day, ()) if step.shift == 0]
        hits = [step for step in over if any(_said(step, ratio)[1] == "agree" for ratio in ratios)]
        return sum(_own(step) for step in hits), len(hits), sum(one["ex_date"] == day for one in claims), day == told

    claimed = sorted({one["ex_date"] for one in claims})
    day = max(claimed, key=strength)
    at = [step for step in steps.get(day, ()) if step.shift == 0]
    if len(claimed) == 1 and not strength(day)[0] and any(step.whole for step in at):
        beside = [
            step
            for step in steps.get(day, ())
            if step.shift and step.whole and any(_said(step, ratio)[1] == "agree" for ratio in ratios)
        ]
        if beside:
            where = beside[0].day
            return where, [step for step in steps[day] if step.shift == beside[0].shift]
    return day, at


def _own(step: Step) -> bool:
    """Whether a step of the ratio is known from the prices themselves: nothing of it was put there by undoing."""
    return step.whole or abs(step.undone - 1) < 1e-3


def _cases(day: date, claims: list[Row], steps: Sequence[Step], shares: dict[date, float]) -> list[_Case]:
    by_ratio: dict[Fraction, list[Row]] = {}
    for one in claims:
        by_ratio.setdefault(Fraction(one["numerator"], one["denominator"]), []).append(one)
    counted = next((shares[one["ex_date"]] for one in claims if one["ex_date"] in shares), None)
    return [
        _Case(
            day,
            mine,
            [_price(step, ratio, by_ratio) for step in steps],
            None if counted is None else _share(counted, ratio, by_ratio),
        )
        for ratio, mine in by_ratio.items()
    ]


def _nearest(measured: float, said: Says, ratio: Fraction, ratios: dict[Fraction, list[Row]]) -> Says:
    """What a measure says of one of several ratios: it can agree with the nearest only."""
    if said == "agree" and any(_off(measured, other) < _off(measured, ratio) for other in ratios):
        return "differ"
    return said


def _off(measured: float, ratio: Fraction) -> float:
    return abs(measured / float(ratio) - 1) if measured > ratio else abs(float(ratio) / measured - 1)


def _said(step: Step, ratio: Fraction) -> tuple[float, Says]:
    return lasting(step.step, step.level, float(ratio))


def _price(step: Step, ratio: Fraction, ratios: dict[Fraction, list[Row]]) -> _Heard:
    measured, alone = _said(step, ratio)
    said, who = _nearest(measured, alone, ratio, ratios), f"{step.source} prices"
    if step.whole:
        return _Heard(f"{who} {measured:.3g} {said}", said, own=True)
    if _own(step):
        if said == "agree":
            return _Heard(f"{who} {measured:.3g} agree (it had not applied it)", said, own=True)
        return _Heard(f"{who} {measured:.3g} cannot tell (adjusted by it)", "cannot tell", own=False)
    if said == "do not step":
        return _Heard(f"{who} {measured:.3g} do not step (once its own split is undone)", said, own=True)
    return _Heard(f"{who} had it applied", "cannot tell", own=False)


def _share(counted: float, ratio: Fraction, ratios: dict[Fraction, list[Row]]) -> _Heard:
    said = _nearest(counted, says(counted, float(ratio)), ratio, ratios)
    words = {"do not step": "stay as they were"}.get(said, said)
    return _Heard(f"shares {counted:.3g} {words}", said, own=True)


def _status(won: _Case, rivals: int, everyone: int) -> str:
    agreeing, still, other = won.count("agree"), won.count("do not step"), won.count("differ")
    shares = won.shares.says if won.shares else "cannot tell"
    if still > agreeing and still >= everyone and shares != "agree":
        return "phantom"
    against = still > agreeing if won.sources > 1 else still + other > agreeing
    outnumbered = rivals >= won.sources
    if not against and won.support > 0:
        return "confirmed"
    if won.sources > 1 and not against and not outnumbered:
        return "confirmed"
    contradicted = against or rivals > 0 or shares == "do not step"
    return "disputed" if contradicted else "single"


def _is_spin_off(won: _Case, spun: list[Row], rivals: int) -> bool:
    shares = won.shares.says if won.shares else "cannot tell"
    if won.claims[0]["numerator"] <= won.claims[0]["denominator"] or shares == "agree":
        return False
    if spun:
        return shares == "do not step" or won.sources <= len({row["source"] for row in spun})
    return shares == "do not step" and won.count("agree") > 0 and won.sources == 1 and not rivals
