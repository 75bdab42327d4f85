"""Backfill and repair: which sessions are asked for, whatever was answered before."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from vendor_keep import DAYS, Vendor, answer, collect, whole

from marketkeep.errors import BadRange, NotFound
from marketkeep.model import Request
from marketkeep.pipeline.collecting.repair import repair
from marketkeep.pipeline.collecting.update import backfill
from marketkeep.pipeline.journal import run_keys
from marketkeep.pipeline.securities import add_symbols
from small_keep import SmallKeep


def test_backfill_range_must_rise(keep: SmallKeep) -> None:
    """
    A start after the end is refused before anything happens; a single day is a range.
    """
    before = run_keys(keep.root)
    with pytest.raises(BadRange):
        collect(keep, act=backfill, start=date(2025, 5, 8), end=date(2025, 5, 7))
    assert run_keys(keep.root) == before
    outcome = collect(keep, act=backfill, start=DAYS[2], end=DAYS[2])
    assert (outcome.missing_before, outcome.missing_after) == (4, 0)


def test_backfill_includes_its_end(keep: SmallKeep) -> None:
    """
    Sessions from start through end are filled; what lies outside is not counted as missing.
    """
    outcome = collect(keep, act=backfill, start=DAYS[3], end=DAYS[5], symbols=["NA"])
    assert (outcome.missing_before, outcome.cured) == (3, 3)
    assert set(DAYS[3:6]) <= set(keep.open().bars("NA").polars()["date"])
    assert keep.open().symbols() == ["NA"]


def test_backfill_before_a_symbols_start_and_behind_now(keep: SmallKeep) -> None:
    """
    A backfill may reach behind a symbol's start; it never reaches behind the last final session.
    """
    outcome = collect(keep, act=backfill, start=date(2025, 5, 1), end=date(2026, 1, 1), symbols=["NA"])
    assert outcome.missing_after == 2
    assert outcome.missing_before == len(DAYS) + 2
    empty = Vendor(keep)
    assert collect(keep, empty, backfill, start=date(2026, 1, 5), end=date(2026, 2, 1)).missing_before == 0
    assert empty.asked == []


def test_backfill_of_a_symbol_that_is_not_there(keep: SmallKeep) -> None:
    """
    A symbol the keep does not know is named, with how to add it.
    """
    with pytest.raises(NotFound, match="marketkeep add-symbol ZZZ"):
        collect(keep, act=backfill, start=DAYS[0], symbols=["AAPL", "ZZZ"])


def test_unfollowed_symbols_are_not_updated(keep: SmallKeep) -> None:
    """
    What is no longer followed is left out of the update, and taken up again when it is.
    """
    keep.now += timedelta(minutes=1)
    add_symbols(keep.work, ["NA"], followed=False)
    vendor = Vendor(keep)
    collect(keep, vendor)
    assert "NA" not in [one.symbol for one in vendor.asked]
    keep.now += timedelta(minutes=1)
    add_symbols(keep.work, ["NA"], start=DAYS[0])
    collect(keep)
    whole(keep)


def test_repair_asks_whatever_was_answered(keep: SmallKeep) -> None:
    """
    A repair asks again for sessions that a source answered without, within the days given and no further.
    """

    def without(request: Request, number: int) -> bytes:
        told = json.loads(answer(request.symbol or "", request.start or DAYS[0], request.end or DAYS[0]))
        quote = told["chart"]["result"][0]["indicators"]["quote"][0]
        for values in quote.values():
            values[2] = None
        return json.dumps(told).encode()

    collect(keep, Vendor(keep, without))
    assert keep.open().bars("NA").polars().height == len(DAYS) - 1
    vendor = Vendor(keep)
    assert collect(keep, vendor).collected.planned == 0
    near = collect(keep, vendor, repair, days=10)
    assert (near.collected.planned, near.missing_before) == (0, 0)
    far = collect(keep, vendor, repair, days=60)
    assert (far.missing_before, far.cured) == (4, 4)
    whole(keep)
