"""
The jury's verdicts against the truth: every action that was, and every one that a vendor told though it never was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

import polars as pl
from seeded_worlds import World

import marketkeep
from gym.defects import Defect
from gym.defects_actions import CASH, SPLITS, SPUN, SPUN_RATIOS, UNTOLD_SPLIT
from gym.truth import Action

STATUSES = ("confirmed", "single", "disputed", "phantom", "nothing")
NEVER_WAS = "never was"
_GAIN = "capital gain beside a dividend"

Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One action as it was and as the keep has it: `what` happened to it, the verdict, and whether that is right."""

    kind: str
    what: str
    status: str
    right: bool
    symbol: str
    ex_date: date
    told: str


@dataclass
class JuryScore:
    """Verdicts by what was seeded; `wrong` are the cases that are not right."""

    table: dict[str, dict[str, Counter[str]]] = field(default_factory=dict)
    cases: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    wrong: list[Case] = field(default_factory=list)

    def add(self, case: Case) -> None:
        """Count one case."""
        self.table.setdefault(case.kind, {}).setdefault(case.what, Counter())[case.status] += 1
        self.cases[case.kind] += 1
        self.right[case.kind] += case.right
        if not case.right:
            self.wrong.append(case)


def judge_worlds(worlds: list[World]) -> JuryScore:
    """The verdicts of all worlds together."""
    score = JuryScore()
    for world in worlds:
        for case in _cases(world):
            score.add(case)
    return score


def _cases(world: World) -> Iterator[Case]:
    keep = marketkeep.open(world.root)
    held = set(keep.symbols())
    about: dict[tuple[str, str], list[Defect]] = {}
    for one in world.defects:
        if one.kind in SPLITS or one.kind in CASH:
            about.setdefault((one.symbol, "split" if one.kind in SPLITS else "cash"), []).append(one)
    for symbol in world.truth.symbols:
        if symbol not in held:
            continue
        first = keep.bars(symbol).polars()["date"].min()
        assert isinstance(first, date)
        told: dict[tuple[date, str], list[Row]] = {}
        for row in keep.actions(symbol).filter(pl.col("ex_date") > first).rows(named=True):
            told.setdefault((row["ex_date"], _sort(row["kind"])), []).append(row)
        true: dict[tuple[date, str], list[Action]] = {}
        for action in world.truth.history(symbol).actions:
            if first < action.ex_date <= world.truth.last:
                true.setdefault((action.ex_date, _sort(action.kind)), []).append(action)
        for day, sort in sorted({*told, *true}):
            rows, mine = told.get((day, sort), []), about.get((symbol, sort), [])
            make = _was if (day, sort) in true else _never_was
            what, right = make(true.get((day, sort), []), day, rows, mine)
            status = max((str(row["status"]) for row in rows), key=STATUSES.index, default="nothing")
            yield Case(sort, what, status, right, symbol, day, "; ".join(str(row) for row in rows))


def _sort(kind: str) -> str:
    return "split" if kind in ("split", "spin_off") else "cash"


def _was(true: list[Action], day: date, rows: list[Row], about: list[Defect]) -> tuple[str, bool]:
    """What was done to something that happened, and whether it is applied as it was; unless nobody told of it."""
    mine = [one for one in about if one.day == day and "was none" not in one.kind.name]
    if mine and mine[0].kind is UNTOLD_SPLIT:
        return mine[0].kind.name, not rows
    kinds = {one.kind for one in true}
    plain = _GAIN if "capital_gain" in kinds else "special dividend" if "special_dividend" in kinds else "as it was"
    what = mine[0].kind.name if mine else plain
    if len(mine) > 1:
        what = f"{what}, by {len(mine)} of 3"
    sure = all(row["status"] in ("confirmed", "single") for row in rows)
    if mine and mine[0].kind is SPUN:
        step = SPUN_RATIOS[mine[0].turn % len(SPUN_RATIOS)]
        spun = [row["kind"] == "spin_off" and _steps(row, step) for row in rows]
        return what, sure and spun == [True]
    return what, bool(rows) and sure and _same(true, rows)


def _never_was(_: list[Action], day: date, rows: list[Row], about: list[Defect]) -> tuple[str, bool]:
    """What never was must be called phantom; of cash, which prices hardly tell, in dispute is right as well."""
    near = min(about, key=lambda one: abs((one.day - day).days), default=None)
    planned = near and abs((near.day - day).days) < 8
    right = {"phantom"} if all(row["kind"] == "split" for row in rows) else {"phantom", "disputed"}
    return f"{NEVER_WAS}: {near.kind.name if near and planned else 'unplanned'}", {r["status"] for r in rows} <= right


def _same(true: list[Action], rows: list[Row]) -> bool:
    """Whether the keep applies what happened: the exact ratio, or all cash of the day to a millionth."""
    if true[0].ratio is not None:
        ratio, row = true[0].ratio, rows[0]
        told = Fraction(row["numerator"], row["denominator"])
        return told == ratio and _steps(row, ratio)
    amount = sum(float(one.amount or 0) for one in true)
    return abs(sum(float(row["amount"] or 0) for row in rows) - amount) <= 1e-6 * amount + 1e-9


def _steps(row: Row, ratio: Fraction) -> bool:
    """Whether earlier prices are adjusted by exactly this ratio."""
    return abs(float(row["adjustment_factor"] or 0) * float(ratio) - 1) < 1e-12
