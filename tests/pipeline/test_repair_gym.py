"""Repair over several sources: what one does not have is asked of the next, whatever was answered before."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from gym_keep import after_close
from vendors_keep import VendorsKeep

import marketkeep
from gym import FaultPlan, serve
from gym.vendors import some_vendors
from marketkeep.pipeline.collecting.update import repair

START, LAST = date(2024, 12, 2), date(2024, 12, 27)
FAST = {"calls": 1000, "seconds": 1.0}


def test_repair_hands_on_to_the_next_source(tmp_path: Path) -> None:
    """
    A source that answers with nothing, twice, is believed by the update; a repair asks it again, and then another, in
    one run.
    """
    faults = FaultPlan(always={"BRK.B": "empty"})
    vendors = some_vendors("yahoo", "polygon")
    with serve(4, 1, last=LAST, now=after_close(LAST), vendors=vendors, faults=faults) as gym:
        keep = VendorsKeep(tmp_path / "keep", gym, sources={"yahoo": FAST, "polygon": {"calls": 500, "seconds": 1.0}})
        keep.follow(START, ["BRK.B"])
        keep.collect(names=["yahoo"], datasets=["daily_bars"])
        assert marketkeep.open(keep.root).symbols() == []
        outcome = keep.collect(repair, days=30)
        assert (outcome.missing_before, outcome.missing_after) == (19, 0)
        assert {"yahoo", "polygon"} <= set(outcome.collected.by_source)
        assert set(marketkeep.open(keep.root).bars("BRK.B").polars()["source"]) == {"polygon"}
