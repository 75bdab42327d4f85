"""Questions about members, yields and securities, as a reader asks them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from marketkeep.errors import BadInput, BadRange, NotFound
from marketkeep.model import RAW_TABLES, Lineage
from marketkeep.pipeline.publishing.absorb import absorb
from marketkeep.pipeline.securities import add_symbols
from member_rows import rows, told
from small_keep import SmallKeep

DAYS = [date(2025, 1, 2) + timedelta(days=n) for n in range(3)]


def receive(keep: SmallKeep, dataset: str, source: str, frame: pl.DataFrame) -> None:
    """One raw batch, received at the keep's time."""
    lineage = Lineage(f"sha256:{source}", "pack", 0, "https://x.example/", (), None, None, keep.now)
    columns = list(RAW_TABLES[dataset].schema)
    keep.work.batches.write(dataset, source, "run", frame.select(columns), [lineage])


@pytest.fixture
def keep(tmp_path: Path) -> SmallKeep:
    """Members with a change announced for later, a curve of three days, and two symbols, one of them followed."""
    # Behind midnight in London, the evening before in New York.
    made = SmallKeep(tmp_path / "keep", now=datetime(2025, 1, 3, 2, tzinfo=UTC))
    changes = (told("added", "A", "2024-01-02"), told("added", "B", "2024-01-02"), told("removed", "B", "2025-01-03"))
    more = (told("added", "C", "2025-01-03"), told("added", "D", "2020-01-02", index="own"))
    receive(made, "index_members", "csv", rows(*changes, *more))
    points = [(day, tenor, rate) for day in DAYS for tenor, rate in (("3M", 4.3), ("10Y", 4.6))]
    curve = pl.DataFrame(points, schema=["date", "tenor", "yield"], orient="row")
    numbered = curve.with_columns(payload=pl.lit(0, dtype=pl.UInt32))
    receive(made, "treasury_yields", "treasury", numbered)
    add_symbols(made.work, ["A"])
    made.bars(("2025-01-02", 10.0), symbol="B")
    absorb(made.work)
    return made


def test_members_on_a_day_and_on_the_newest(keep: SmallKeep) -> None:
    """Without a day it is the last one in New York that a source told of members: what is announced is not yet so."""
    reader = keep.open()
    assert reader.members("sp500") == ["A", "B"]
    assert reader.members("sp500", "2025-01-03") == ["A", "C"]
    assert reader.members("sp500", date(2023, 12, 29)) == []


def test_intervals_of_one_index_or_all(keep: SmallKeep) -> None:
    """Intervals tell from when to when; without a name those of all indices."""
    reader = keep.open()
    assert reader.index_members("sp500").filter(pl.col("symbol") == "B").select("from", "to").rows() == [
        (date(2024, 1, 2), date(2025, 1, 3))
    ]
    assert set(reader.index_members()["index"]) == {"sp500", "own"}
    with pytest.raises(NotFound, match="it has those of: own, sp500"):
        reader.index_members("nasdaq100")


def test_yields_by_day_and_tenor(keep: SmallKeep) -> None:
    """Both bounds are included; a tenor is one row a day; 3M is the rate without risk."""
    reader = keep.open()
    assert reader.treasury_yields().height == 6
    assert reader.treasury_yields("2025-01-03", "2025-01-03")["tenor"].to_list() == ["3M", "10Y"]
    assert reader.treasury_yields(end="2025-01-03", tenor="3M")["yield"].to_list() == [4.3, 4.3]
    with pytest.raises(NotFound, match="no yields of tenor 5Y; it has 3M, 10Y"):
        reader.treasury_yields(tenor="5Y")
    with pytest.raises(BadRange):
        reader.treasury_yields("2025-01-03", "2025-01-02")
    with pytest.raises(BadInput):
        reader.treasury_yields("January")


def test_securities_followed_or_not(keep: SmallKeep) -> None:
    """The points of the curve and what is held alone are known and not followed."""
    reader = keep.open()
    assert reader.securities(followed=True)["symbol"].to_list() == ["A"]
    assert reader.securities(followed=False)["symbol"].to_list() == ["B", "^UST10Y", "^UST3M"]
    assert reader.securities().height == 4
