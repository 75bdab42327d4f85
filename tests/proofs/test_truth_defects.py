"""
Yahoo's real defects, each beside the same bars repaired by hand: what the checks and the jury see of the one that they
do not see of the other.

The listings are abroad; they are handed in under the names of pairs, whose calendar has every day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pytest

import marketkeep
from proofs.keeps import make_keep

FOLDER = "yahoo/price_defects"
REFUSED = "refused cash"
"""An action that the jury would not apply, because it is no less than the close before."""


@dataclass(frozen=True)
class Defect:
    """What is wrong in a file, and what must tell it: checks, or that cash was refused; none where none can."""

    what: str
    seen_by: tuple[str, ...]
    why_not: str = ""


DEFECTS = {
    "3988-HK-1d-bad-div": Defect("a dividend not in the adjusted closes", ("adj_close_differs",)),
    "4063-T-1d-bad-div": Defect("a dividend five times too large, for a split of its day", ("adj_close_differs",)),
    "4063-T-1d-bad-stock-split": Defect("a split not applied to the day before it", ("split_missed",)),
    "8TRA-DE-1d-missing-div-adjust": Defect("a dividend not in the adjusted close", ("adj_close_differs",)),
    "ALPHA-PA-1d-bad-stock-split": Defect("a 1:10000 split missing on one day", ("price_absurd",)),
    "DEX-AX-1d-bad-stock-split": Defect("a split applied from the wrong day on, in one price", ("open_gap",)),
    "ELCO-L-1d-bad-div": Defect("dividends in pence, prices in pounds", ("adj_close_differs", "return_outlier")),
    "JENYX-1d-cg-double-count": Defect("capital gains counted twice", ("adj_close_differs",)),
    "KAP-IL-1d-bad-div": Defect("a phantom dividend", (), "the adjusted closes have it too, and nobody else tells"),
    "KEN-TA-1d-bad-div": Defect("a dividend not in the adjusted closes, and a phantom", ("adj_close_differs",)),
    "LA-V-1d-bad-stock-split": Defect("a 1:10 split not applied to one day", ("price_spike",)),
    "LSC-L-1d-bad-div": Defect("dividends in pence, prices in pounds", (REFUSED,)),
    "NVT-L-1d-bad-div": Defect("a dividend of a hundredth", (), "the adjusted closes have it too, and it is small"),
    "PSH-L-1d-bad-div": Defect("dividends in pence, prices in pounds", ("adj_close_differs", "return_outlier")),
    "RGL-L-1d-bad-div": Defect("dividends not in the adjusted closes", ("adj_close_differs",)),
    "SAND-1d-bad-div": Defect("one dividend told on two days", ("adj_close_differs",)),
    "SCR-TO-1d-bad-div": Defect("dividends a hundred times too large", ("return_outlier",)),
    "SERE-L-1d-bad-div": Defect("dividends not in the adjusted closes", ("adj_close_differs",)),
    "SSW-JO-1d-100x-error": Defect("a month in cents, then in rand", ("split_missed",)),
    "TEM-L-1d-bad-div": Defect("dividends in pence, one of them phantom", ("adj_close_differs", REFUSED)),
}

Seen = set[tuple[str, date]]


def seen(corpus: Path, name: str, folder: Path) -> Seen:
    """Check and day of all that is found in a file, and of the actions that are refused."""
    keep = kept(corpus, name, folder)
    found = set(keep.findings().select("check", "first").rows())
    disputed = keep.actions(symbol_of(name)).filter(pl.col("status") == "disputed")
    return found | {(REFUSED, day) for day in disputed["ex_date"]}


def kept(corpus: Path, name: str, folder: Path) -> marketkeep.Keep:
    """A keep of one file."""
    made = make_keep(folder / name)
    made.take(corpus / FOLDER / f"{name}.csv.gz", symbol=symbol_of(name))
    return made.open()


def symbol_of(name: str) -> str:
    """What a listing is handed in as."""
    return f"{name.partition('-')[0]}-USD"


@pytest.mark.parametrize("name", DEFECTS)
def test_defect_is_seen(corpus: Path, tmp_path: Path, name: str) -> None:
    """
    What is wrong in the file as Yahoo had it is told, by a check that does not speak of the repaired one.
    """
    defect = DEFECTS[name]
    more = seen(corpus, name, tmp_path) - seen(corpus, f"{name}-fixed", tmp_path)
    by = {check: sum(one == check for one, _ in more) for check, _ in sorted(more)}
    told = ", ".join(f"{check} {count}" for check, count in by.items())
    print(f"{name:32} {defect.what:52} {told or 'nothing: ' + defect.why_not}")
    assert set(defect.seen_by) <= set(by)
    assert bool(by) != bool(defect.why_not)


def test_every_daily_defect_is_here(corpus: Path) -> None:
    """
    No daily file of the folder that has a repaired one beside it is left out.
    """
    names = {path.name.removesuffix(".csv.gz") for path in (corpus / FOLDER).iterdir()}
    assert set(DEFECTS) == {name for name in names if f"{name}-fixed" in names and "-1d-" in name}


def test_repaired_files_are_not_without_faults(corpus: Path, tmp_path: Path) -> None:
    """
    What the repair by hand left: London prices that change between pence and pounds from one week to the next, and a
    ticker in Toronto that another company took over.
    """
    london = seen(corpus, "LSC-L-1d-bad-div-fixed", tmp_path)
    assert {("split_missed", date(2024, 2, 5)), ("price_absurd", date(2024, 2, 27))} <= london
    assert ("split_missed", date(2024, 5, 13)) in seen(corpus, "NVT-L-1d-bad-div-fixed", tmp_path)
    assert ("split_missed", date(2023, 10, 5)) in seen(corpus, "SCR-TO-1d-bad-div-fixed", tmp_path)


def test_nothing_is_said_of_sound_dividends(corpus: Path, tmp_path: Path) -> None:
    """
    A file in which nothing is wrong with the dividends: no check on adjusted closes speaks, no action is disputed.
    """
    keep = kept(corpus, "KMR-L-1d-no-bad-divs", tmp_path)
    assert set(keep.findings()["check"]) <= {"open_outside"}
    assert set(keep.actions("KMR-USD")["status"]) == {"single"}
