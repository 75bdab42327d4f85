"""The panel as publishing keeps it: the rows of the published files, at a cost that follows what is new."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from gym_keep import published_tree

from marketkeep.files import Files
from marketkeep.operate.doctor import examine
from marketkeep.pipeline.publishing import absorb as absorbing
from marketkeep.pipeline.publishing import panel as module
from marketkeep.pipeline.publishing import pieces
from marketkeep.pipeline.publishing.absorb import absorb
from marketkeep.pipeline.publishing.panel import examine_panel, mend_panel
from marketkeep.pipeline.rebuild import rebuild
from marketkeep.stores.panel.partition import Partition, write_partition
from small_keep import SmallKeep, sessions

SYMBOLS = ("AAPL", "IBM", "MSFT")
DAYS = [*sessions("2022-12-20", 12), *sessions("2023-12-18", 12)]


def told(keep: SmallKeep, symbol: str, days: list[date], **extra: float) -> None:
    """Hand in a symbol's bars of some days; the last has the dividend or ratio that `extra` tells."""
    rows: list[tuple[object, ...]] = [(day, 100.0 + number) for number, day in enumerate(days)]
    if extra:
        rows[-1] = (*rows[-1], extra.get("dividend", 0.0), extra.get("ratio", 1.0))
    keep.bars(*rows, symbol=symbol)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> SmallKeep:
    """Three symbols in 2022, 2023 and 2024, with a split and a dividend."""
    keep = SmallKeep(tmp_path_factory.mktemp("template") / "keep")
    for symbol in SYMBOLS:
        told(keep, symbol, DAYS[:4])
        told(keep, symbol, DAYS[4:9], ratio=2.0)
        told(keep, symbol, DAYS[9:], dividend=0.7)
    return keep


@pytest.fixture
def keep(tmp_path: Path, template: SmallKeep) -> SmallKeep:
    """A copy of it."""
    shutil.copytree(template.root, tmp_path / "keep")
    return SmallKeep(tmp_path / "keep", now=template.now)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The partitions that are written, as they are."""
    keys: list[str] = []
    real = write_partition

    def noted(files: Files, dataset: str, period: int, frames: Iterator[pl.DataFrame]) -> dict[str, Any] | None:
        keys.append(f"{dataset} {period}")
        return real(files, dataset, period, frames)

    monkeypatch.setattr(module, "write_partition", noted)
    return keys


def rows_of(keep: SmallKeep, dataset: str) -> pl.DataFrame:
    """All rows that the panel has of a dataset, by the catalog."""
    panels = keep.work.lake.catalog().panels.filter(pl.col("dataset") == dataset)
    return pl.concat(Partition.open(keep.work.files, row).read() for row in panels.iter_rows(named=True))


def faults(keep: SmallKeep) -> dict[str, str]:
    """What is wrong with the panel, by key."""
    found = examine_panel(keep.work.files, keep.work.lake.catalog())
    return {key: fault for key, fault in found if fault is not None}


def test_panel_holds_what_is_published(keep: SmallKeep) -> None:
    """The rows are those of the published files, and closes times the factors their adjusted closes, bit for bit."""
    catalog = keep.work.lake.catalog()
    published = keep.work.lake.bars(catalog, SYMBOLS, None, None)
    bars, factors = rows_of(keep, "daily_bars").sort("symbol", "date"), rows_of(keep, "factors")
    assert bars.equals(published.drop("adj_close"))
    assert catalog.panels["key"].to_list() == [
        "panel/daily_bars/year=2022/bars.parquet",
        "panel/daily_bars/year=2023/bars.parquet",
        "panel/daily_bars/year=2024/bars.parquet",
        "panel/factors/factors.parquet",
    ]
    later = bars.join(factors, on="symbol").filter(pl.col("until") > pl.col("date"))
    first = later.group_by("symbol", "date").agg(pl.col("split_factor", "dividend_factor").sort_by("until").first())
    met = bars.join(first, on=["symbol", "date"], how="left").sort("symbol", "date")
    adjusted = met["close"] * met["split_factor"].fill_null(1.0) * met["dividend_factor"].fill_null(1.0)
    assert adjusted.equals(published["adj_close"], check_names=False)
    assert faults(keep) == {}


def test_a_new_session_writes_its_year_alone(keep: SmallKeep, written: list[str]) -> None:
    """Bars of one session write the partition of its year, and no other."""
    told(keep, "IBM", sessions("2024-01-08", 1))
    assert written == ["daily_bars 2024"]
    assert faults(keep) == {}


def test_a_dividend_writes_factors_and_no_old_year(keep: SmallKeep, written: list[str]) -> None:
    """A dividend changes all published files of a symbol, and of the panel the factors and the year of its bar."""
    old = (keep.root / "ticks/daily/IBM/2022/ticks.json").read_bytes()
    told(keep, "IBM", sessions("2024-06-03", 2), dividend=0.5)
    assert (keep.root / "ticks/daily/IBM/2022/ticks.json").read_bytes() != old
    assert written == ["daily_bars 2024", "factors 0"]
    assert faults(keep) == {}


def test_told_again_changes_nothing(keep: SmallKeep) -> None:
    """Rows that were told before leave every byte of the panel as it was."""
    before = {key: keep.work.files.read(key) for key in keep.work.files.keys("panel/")}
    told(keep, "IBM", DAYS[9:], dividend=0.7)
    assert {key: keep.work.files.read(key) for key in keep.work.files.keys("panel/")} == before


@pytest.mark.parametrize("harm", ["lost", "damaged"])
def test_what_stays_comes_from_published_files_where_the_panel_is_harmed(keep: SmallKeep, harm: str) -> None:
    """A year that is lost or damaged is whole again when rows of one of its symbols are new."""
    key = "panel/daily_bars/year=2024/bars.parquet"
    if harm == "lost":
        keep.work.files.remove([key])
    else:
        keep.work.files.write(key, b"nonsense")
    assert list(faults(keep)) == [key]
    told(keep, "IBM", sessions("2024-01-08", 1))
    assert faults(keep) == {}
    before = published_tree(keep.root)
    rebuild(keep.work)
    assert published_tree(keep.root) == before


def test_a_run_with_nothing_new_makes_what_is_lost(keep: SmallKeep, written: list[str]) -> None:
    """Files of the panel that are gone are made by the next run, and nothing is written where none is."""
    before = published_tree(keep.root)
    absorb(keep.work)
    assert written == []
    keep.work.files.remove(["panel/daily_bars/year=2022/bars.parquet", "panel/factors/factors.parquet"])
    absorb(keep.work)
    assert published_tree(keep.root) == before


def test_mending_finds_what_is_damaged(keep: SmallKeep) -> None:
    """To mend the panel reads all of it and makes again what is not as the catalog says."""
    before, key = published_tree(keep.root), "panel/daily_bars/year=2023/bars.parquet"
    keep.work.files.write(key, keep.work.files.read("panel/daily_bars/year=2022/bars.parquet"))
    assert mend_panel(keep.work, deep=False) == []
    assert mend_panel(keep.work) == [key]
    assert published_tree(keep.root) == before
    assert mend_panel(keep.work) == []


def test_rows_set_aside_make_the_same_bytes(keep: SmallKeep, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rebuild whose rows do not fit in memory writes what one whose rows do writes, and leaves nothing aside."""
    before = published_tree(keep.root)
    monkeypatch.setattr(pieces, "_ROWS", 1)
    monkeypatch.setattr(absorbing, "_GROUP_SYMBOLS", 1)
    rebuild(keep.work)
    assert published_tree(keep.root) == before
    assert not (keep.work.files.scratch / "pieces").exists()


class Stop(Exception):
    """The run is over here."""


@pytest.mark.parametrize("at", range(5))
def test_cut_short_anywhere_the_next_run_mends(keep: SmallKeep, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends between two files of the panel, or before the catalog, leaves nothing that the next does not."""
    count = 0
    real = write_partition

    def stopping(*args: Any) -> dict[str, Any] | None:
        nonlocal count
        if count == at:
            raise Stop
        count += 1
        return real(*args)

    def unwritten(*_: object, **__: object) -> None:
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_partition", stopping)
        patch.setattr(absorbing, "write_catalog", unwritten)
        with pytest.raises(Stop):
            told(keep, "IBM", [DAYS[2], DAYS[6], *sessions("2024-06-03", 2)], dividend=0.5)
    told(keep, "MSFT", sessions("2024-06-05", 1))
    assert faults(keep) == {}
    before = published_tree(keep.root)
    rebuild(keep.work)
    assert published_tree(keep.root) == before


def test_the_doctor_compares_rows(keep: SmallKeep) -> None:
    """A partition that is what the catalog says, but has other rows than the published files, is found."""
    assert examine(keep.root).problems == ()
    key = "ticks/daily/IBM/2022/ticks.json"
    keep.work.files.write(key, keep.work.files.read(key).replace(b'"close":101.0', b'"close":101.5'))
    found = {problem.path: problem.found for problem in examine(keep.root).problems if problem.part == "panel"}
    assert found == {"panel/daily_bars/year=2022/bars.parquet": "its rows are not those of the published files"}
    assert examine(keep.root).looked_at["panel"] == 4
