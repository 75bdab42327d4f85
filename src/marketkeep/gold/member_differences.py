"""
Where two sources disagree about the members of an index: told, not judged.

Sources are compared on the days that the less trusted one speaks of. A day or two around a change is no disagreement:
a fund trades before or after, a page is edited late.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import combinations

import polars as pl

from marketkeep.gold.member_evidence import Witness, witnesses
from marketkeep.gold.member_runs import member_runs
from marketkeep.gold.membership import Spell, by_trust, spells
from marketkeep.model import FINDINGS

CHECK = "source_disagreement"
SLACK = timedelta(days=5)
"""How far two sources may lie apart in the date of a change."""


def membership_differences(
    rows: pl.DataFrame, renames: pl.DataFrame | None = None, tickers: pl.DataFrame | None = None
) -> pl.DataFrame:
    """
    `FINDINGS` rows, one per index, pair of sources, symbol and run of days on which one has it and the other has not.

    `rows` are raw rows with lineage beside them, in any order. A finding's source is the less trusted of the two, its
    batch the newest of that source about the index.
    """
    return differences_between(witnesses(member_runs(rows), renames, tickers))


def differences_between(found: Sequence[Witness]) -> pl.DataFrame:
    """`FINDINGS` rows on what these witnesses say of one index each."""
    told = [
        finding
        for index in sorted({one.index for one in found})
        for better, other in combinations(by_trust(one for one in found if one.index == index), 2)
        for finding in _between(better, other)
    ]
    if not told:
        return FINDINGS.empty()
    return pl.DataFrame(told, schema=FINDINGS.schema).sort(*FINDINGS.key, "detail")


def _between(better: Witness, other: Witness) -> Iterator[dict[str, object]]:
    """The findings about two witnesses of one index."""
    first, last = max(better.first, other.first), min(better.last, other.last)
    days = [day for day in _days(other) if first <= day <= last]
    for symbol in sorted({*better.symbols, *other.symbols}) if days else ():
        here, there = _spells(better, symbol), _spells(other, symbol)
        for start, end, inside in _runs(days, here, there):
            has, lacks = (better.source, other.source) if inside else (other.source, better.source)
            yield {
                "check": CHECK,
                "severity": "info",
                "dataset": "index_members",
                "symbol": symbol,
                "source": other.source,
                "first": days[start],
                "last": days[end],
                "count": end - start + 1,
                "detail": f"{has} has {symbol} in {better.index}, {lacks} has not",
                "batch_id": other.batch_id,
                "detected_at": other.fetched_at,
                "repeated": 0,
            }


def _days(witness: Witness) -> Sequence[date]:
    """The days to compare on: of a witness with changes those around them as well, of others its lists."""
    changes = {day for told in witness.symbols.values() for day in (*told.added, *told.removed)}
    return sorted({*witness.lists, *changes, *(day + SLACK + timedelta(days=1) for day in changes)})


def _spells(witness: Witness, symbol: str) -> list[Spell]:
    told = witness.symbols.get(symbol)
    return spells(witness, told) if told else []


def _runs(days: Sequence[date], here: Sequence[Spell], there: Sequence[Spell]) -> Iterator[tuple[int, int, bool]]:
    """Runs of days, by position of first and last, on which only one has the symbol, and whether it is the first."""
    for one, against, inside in ((here, there, True), (there, here, False)):
        for spell in one:
            for start, end in _left(spell, against):
                low, high = bisect_left(days, start), bisect_right(days, end) - 1
                if low <= high:
                    yield low, high, inside


def _left(spell: Spell, against: Sequence[Spell]) -> Iterator[tuple[date, date]]:
    """What of a spell no other covers, as days [first, last], the slack around the bounds of both taken off."""
    at = spell.start
    for other in against:
        if other.end <= at or other.start >= spell.end:
            continue
        if other.start > at:
            yield _inner(at, other.start)
        at = max(at, other.end)
    if at < spell.end:
        yield _inner(at, spell.end)


def _inner(start: date, end: date) -> tuple[date, date]:
    """The days of [start, end) further than the slack from both bounds; empty (first behind last) where none are."""
    first = start if start == date.min else start + SLACK
    last = end if end == date.max else end - SLACK - timedelta(days=1)
    return (first, last) if first <= last else (date.max, date.min)
