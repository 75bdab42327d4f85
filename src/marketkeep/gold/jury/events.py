"""
Which claims are about the same event.

Splits: all of one day, and those of the same ratio a session apart; a spin-off and a split of one day, unless one
source tells of both. Cash: one kind on one day; the same amount under two kinds; a sum beside its parts; the same
amount a session apart, told by different sources. What is not plainly the same stays apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

Row = dict[str, Any]
Event = tuple[date, str, list[Row]]

APART = 4
"""Calendar days between two neighbouring sessions at most: a Friday and the Tuesday after a holiday."""

_SPECIFIC = ("capital_gain", "special_dividend", "dividend")


def split_events(rows: list[Row]) -> list[Event]:
    """The events behind split and spin-off claims of one symbol (sorted by ex-date): day, kind, claims."""
    events: list[list[Row]] = []
    for row in (one for one in rows if one["kind"] == "split"):
        # A claim may tie together what was told apart: all of one day are one event, and what is like any of them.
        same = [event for event in events if any(_same_split(row, other) for other in event)]
        apart = [event for event in events if not any(event is other for other in same)]
        events = [*apart, [*(one for event in same for one in event), row]]
    spun: dict[date, list[Row]] = {}
    for row in (one for one in rows if one["kind"] == "spin_off"):
        spun.setdefault(row["ex_date"], []).append(row)
    for ex_date, claims in spun.items():
        coded = next((event for event in events if _spin_off_as_split(event, ex_date, claims)), None)
        if coded is None:
            events.append(claims)
        else:
            coded.extend(claims)
    return [(_day(event), _ratio_kind(event), event) for event in events]


def _ratio_kind(event: list[Row]) -> str:
    return "split" if any(row["kind"] == "split" for row in event) else "spin_off"


def _same_split(row: Row, other: Row) -> bool:
    if row["ex_date"] == other["ex_date"]:
        return True
    same: bool = row["numerator"] * other["denominator"] == other["numerator"] * row["denominator"]
    return same and abs((row["ex_date"] - other["ex_date"]).days) <= APART


def _spin_off_as_split(event: list[Row], ex_date: date, claims: list[Row]) -> bool:
    """Whether the split claims of a day are the spin-off told by others: what is spun off lowers prices, never more."""
    splits = [row for row in event if row["ex_date"] == ex_date]
    both = {row["source"] for row in event} & {row["source"] for row in claims}
    return bool(splits) and not both and all(row["numerator"] > row["denominator"] for row in splits)


def _day(claims: Iterable[Row]) -> date:
    """The day most claims are for; the earliest of several."""
    counted: Counter[date] = Counter(row["ex_date"] for row in claims)
    return min(counted, key=lambda day: (-counted[day], day))


def cash_events(rows: list[Row], tolerance: float) -> list[Event]:
    """The events behind cash claims of one symbol (sorted by ex-date): day, kind, claims."""
    days: dict[date, list[Row]] = {}
    for row in rows:
        days.setdefault(row["ex_date"], []).append(row)
    events: list[Event] = []
    for ex_date, claims in days.items():
        for kind, mine in _of_day(claims, tolerance):
            if not _joined(events, (ex_date, kind, mine), tolerance):
                events.append((ex_date, kind, mine))
    return events


def _of_day(claims: list[Row], tolerance: float) -> list[tuple[str, list[Row]]]:
    kinds: dict[str, list[Row]] = {}
    for row in claims:
        kinds.setdefault(row["kind"], []).append(row)
    if len(kinds) == 1:
        return list(kinds.items())
    by_source: dict[str, list[Row]] = {}
    for row in claims:
        by_source.setdefault(row["source"], []).append(row)
    _add_parts(kinds, by_source, tolerance)
    for kind in _SPECIFIC[:-1]:
        for row in [one for one in kinds.get("dividend", []) if kind in kinds]:
            told = {other["kind"] for other in by_source[row["source"]]}
            if kind not in told and any(agree(row, other, tolerance) for other in kinds[kind]):
                kinds["dividend"].remove(row)
                kinds[kind].append(row)
    return [(kind, mine) for kind, mine in kinds.items() if mine]


def _add_parts(kinds: dict[str, list[Row]], by_source: dict[str, list[Row]], tolerance: float) -> None:
    """Where one source tells as one payment what others tell in parts, it speaks for each part (trap 4)."""
    for whole in [rows[0] for rows in by_source.values() if len(rows) == 1]:
        for parts in (rows for rows in by_source.values() if len(rows) > 1):
            total = sum(row["amount"] or 0.0 for row in parts)
            if agree(whole, {**whole, "amount": total, "source": ""}, tolerance):
                kinds[whole["kind"]].remove(whole)
                for part in parts:
                    kinds[part["kind"]].append({**whole, "amount": part["amount"], "kind": part["kind"], "whole": True})
                break


def _joined(events: list[Event], later: Event, tolerance: float) -> bool:
    """Whether `later` is an event already there, told for a session before by other sources; if so it joins it."""
    ex_date, kind, claims = later
    for index in range(len(events) - 1, -1, -1):
        day, other_kind, others = events[index]
        if (ex_date - day).days > 2 * APART:
            return False
        sources = {row["source"] for row in others}
        apart = kind == other_kind and 0 < (ex_date - others[0]["ex_date"]).days <= APART
        if apart and all(row["source"] not in sources and agree(row, others[0], tolerance) for row in claims):
            others.extend(claims)
            events[index] = (_day(others), kind, others)
            return True
    return False


def agree(one: Row, other: Row, tolerance: float) -> bool:
    """Whether two claims of known basis tell the same: amounts within the tolerance of the larger, ratios exactly."""
    if one["numerator"] is not None and other["numerator"] is not None:
        # Splits, and spin-offs too.
        return bool(one["numerator"] * other["denominator"] == other["numerator"] * one["denominator"])
    if one["amount"] is None or other["amount"] is None or "unknown" in (one["basis"], other["basis"]):
        return one is other
    return bool(abs(one["amount"] - other["amount"]) <= tolerance * max(one["amount"], other["amount"]))
