"""
Remedies: what another answer may cure, and what is to be asked for it. Pure: troubles in, windows out.

A flaw may be cured by the same source, which may have revised its row, or by another that tells it otherwise; so every
source at hand is asked for its own word. What nobody can tell otherwise, such as a bar on a holiday, is no remedy's
business. Nothing is ever made up or taken away: what stays uncured stays found, and out of gold where it is hard.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby

import polars as pl

from marketkeep.checks import BAR_CHECKS, MINUTE_CHECKS
from marketkeep.checks.minute_days import MINUTE_DAY_CHECKS
from marketkeep.model import Symbol
from marketkeep.pipeline.collecting.gaps import Window

DISPUTED = "action_disputed"
"""The code of an action that sources or prices tell differently."""

INCURABLE = frozenset({"not_a_session", "off_minute", "outside_date", "outside_hours", "not_undoable"})
"""What is wrong with the row's place or form, not with a value that somebody else may know."""

CURABLE = {check.code for check in (*BAR_CHECKS, *MINUTE_CHECKS, *MINUTE_DAY_CHECKS)} - INCURABLE
"""The checks of bars of which a row that is told otherwise is a cure."""

_UNTOLD_SPLIT = "split_missed"
# Sources place an event within days of each other, and some ask for it by another date than the ex-date.
_AROUND = timedelta(days=7)
# Days that lie no further apart are asked for in one window.
_TOGETHER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong: a finding that is open, or an action in dispute (on its ex-date; of no one source)."""

    symbol: str
    dataset: str
    day: date
    check: str
    severity: str
    source: str | None = None

    @property
    def place(self) -> tuple[str, str, date, str, str]:
        """What tells it from any other."""
        return self.symbol, self.dataset, self.day, self.check, self.source or ""


@dataclass(frozen=True, slots=True)
class Need:
    """What is to be asked anew of a symbol's dataset: days `first` to `last`, both included, and `why` (codes)."""

    symbol: str
    dataset: str
    first: date
    last: date
    why: tuple[str, ...]
    urgent: bool = False


def troubles(findings: pl.DataFrame, actions: pl.DataFrame, since: date) -> list[Trouble]:
    """
    What is open and may be cured, from `since` on, sorted: errors and warnings among `FINDINGS` rows, and disputed ones
    among `ACTIONS` rows.
    """
    open_ = findings.filter(
        pl.col("resolved_at").is_null()
        & pl.col("severity").is_in(["error", "warning"])
        & pl.col("check").is_in(sorted(CURABLE))
        & (pl.col("last") >= since)
        & pl.col("symbol").is_not_null()
    )
    found = {
        Trouble(symbol, dataset, day, check, severity, source)
        for symbol, dataset, day, check, severity, source in open_.select(
            "symbol", "dataset", "first", "check", "severity", "source"
        ).iter_rows()
    }
    disputed = actions.filter((pl.col("status") == "disputed") & (pl.col("ex_date") >= since))
    found |= {
        Trouble(symbol, "actions", day, DISPUTED, "warning")
        for symbol, day in disputed.select("symbol", "ex_date").iter_rows()
    }
    return sorted(found, key=lambda one: one.place)


def needs(found: Iterable[Trouble]) -> list[Need]:
    """What is to be asked anew for these troubles, days that lie near each other together; sorted."""
    wanted: list[Need] = []
    for one in found:
        if Symbol(one.symbol).former:
            # Vendors know no such name: under its ticker they would tell of somebody else.
            continue
        urgent = one.severity == "error"
        if one.dataset != "actions":
            wanted.append(Need(one.symbol, one.dataset, one.day, one.day, (one.check,), urgent))
        if one.dataset == "actions" or one.check == _UNTOLD_SPLIT:
            wanted.append(Need(one.symbol, "actions", one.day - _AROUND, one.day + _AROUND, (one.check,), urgent))
    wanted.sort(key=lambda need: (need.symbol, need.dataset, need.first, need.last))
    return [
        need
        for _, mine in groupby(wanted, key=lambda need: (need.symbol, need.dataset))
        for need in _joined(list(mine))
    ]


def _joined(mine: Sequence[Need]) -> list[Need]:
    joined = [mine[0]]
    for need in mine[1:]:
        last = joined[-1]
        if need.first <= last.last + _TOGETHER:
            why = tuple(dict.fromkeys((*last.why, *need.why)))
            urgent = last.urgent or need.urgent
            joined[-1] = replace(last, last=max(last.last, need.last), why=why, urgent=urgent)
        else:
            joined.append(need)
    return joined


def opinion(need: Need, end: date) -> Window | None:
    """
    The window in which every source is asked for its own word, whatever is held or was answered, as far as it lies
    before `end`; None when nothing does.
    """
    stop = min(need.last + timedelta(days=1), end)
    if need.first >= stop:
        return None
    rank = 0 if need.urgent else 1
    return Window(need.symbol, need.first, stop, settled=False, dataset=need.dataset, rank=rank, held=False)
