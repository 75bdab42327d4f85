"""Held bars are read from either kind of published file, and factors as steps are those of adjusting."""

from __future__ import annotations

import pickle
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from marketkeep.gold import adjust, factor_steps
from marketkeep.model import ACTIONS
from marketkeep.pipeline.publishing.held import HeldBars
from small_keep import SmallKeep, sessions

DAYS = [*sessions("2023-12-18", 9), *sessions("2024-01-02", 6)]
YEARS = [(symbol, year) for symbol in ("AAPL", "IBM") for year in (2023, 2024)]


@pytest.fixture
def keep(tmp_path: Path) -> SmallKeep:
    """Two symbols with a split and a dividend."""
    keep = SmallKeep(tmp_path / "keep")
    for symbol in ("IBM", "AAPL"):
        rows = [(day, 100.0 + number) for number, day in enumerate(DAYS)]
        keep.bars(*rows[:8], (*rows[8], 0.0, 2.0), *rows[9:12], (*rows[12], 0.7), *rows[13:], symbol=symbol)
    return keep


def test_held_bars_are_the_same_from_either_file(keep: SmallKeep) -> None:
    """What is published reads the same from the panel and from the files of symbols, in this process or another."""
    catalog = keep.work.lake.catalog()
    expected = keep.work.lake.years(YEARS).drop("adj_close")
    from_panel = HeldBars(keep.work.files, catalog, worth=0)
    assert from_panel.years(YEARS).equals(expected)
    keep.work.files.remove(["ticks/daily/IBM/2023/ticks.json"])
    assert from_panel.years(YEARS).equals(expected)
    assert HeldBars(keep.work.files, catalog).years(YEARS[2:3]).is_empty()
    again = pickle.loads(pickle.dumps(HeldBars(keep.work.files, catalog, worth=0)))  # noqa: S301
    assert again.years(YEARS[:2]).equals(expected.filter(pl.col("symbol") == "AAPL"))


def test_a_harmed_panel_is_not_read_for_what_is_held(keep: SmallKeep) -> None:
    """A partition that is not what the catalog says gives no rows: the published files do."""
    keep.work.files.write("panel/daily_bars/year=2023/bars.parquet", b"nonsense")
    found = HeldBars(keep.work.files, keep.work.lake.catalog(), worth=0).years(YEARS)
    assert found.equals(keep.work.lake.years(YEARS).drop("adj_close"))


def test_steps_are_products_of_later_factors() -> None:
    """A step holds the product of all factors from its ex-date on, splits and cash apart, as adjusting multiplies."""
    told = [
        (date(2024, 1, 3), "dividend", 0.9),
        (date(2024, 1, 5), "split", 0.5),
        (date(2024, 1, 5), "dividend", 0.7),
        (date(2024, 1, 8), "split", None),
        (date(2024, 1, 9), "spin_off", 0.3),
    ]
    rows = [{"symbol": "A", "ex_date": day, "kind": kind, "adjustment_factor": factor} for day, kind, factor in told]
    actions = pl.DataFrame(rows, schema=ACTIONS.schema)
    assert factor_steps(actions).rows() == [
        ("A", date(2024, 1, 3), 0.5, 0.3 * 0.7 * 0.9),
        ("A", date(2024, 1, 5), 0.5, 0.3 * 0.7),
        ("A", date(2024, 1, 9), 1.0, 0.3),
    ]
    bars = pl.DataFrame({"symbol": "A", "date": [date(2024, 1, 2), date(2024, 1, 5), date(2024, 1, 9)], "close": 10.0})
    assert adjust(bars, actions)["adj_close"].to_list() == [10.0 * 0.5 * (0.3 * 0.7 * 0.9), 10.0 * 0.3, 10.0]
