"""Fundamentals from raw batches to files: only what is touched, the same bytes as a rebuild, whatever the order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fact_keep import FactKeep, of
from fact_rows import company, fact, filing, year
from marketkeep.errors import CorruptFile
from marketkeep.files import Files, Folder, Versions
from marketkeep.model import FINDINGS, FUNDAMENTALS, PANEL_FUNDAMENTALS
from marketkeep.operate.doctor import examine
from marketkeep.pipeline.publishing import panel, panel_rows
from marketkeep.pipeline.publishing.fundamentals import publish_fundamentals
from marketkeep.pipeline.publishing.panel import examine_panel, mend_panel
from marketkeep.stores.lake import layout, write_catalog
from marketkeep.stores.lake.fundamentals import load_fundamentals, read_fundamentals
from marketkeep.stores.panel.partition import Partition

REVENUE = "Revenues"


@pytest.fixture
def keep(tmp_path: Path) -> FactKeep:
    """A keep that follows three symbols of two companies."""
    return FactKeep(tmp_path / "keep", {"MADE": 42, "MADE.B": 42, "OTHR": 43})


def days(keep: FactKeep) -> list[str]:
    """Raw in three days: two companies, then a report more, then when it was accepted; what was touched each day."""
    first = year(REVENUE, 2022, (1, 2, 3, 4))
    touched = []
    keep.take("companies", [company(), company(6022, cik=43)])
    keep.take("facts", [*first, *of(43, first)])
    touched.append(keep.publish())
    more = fact(REVENUE, "2023-01-01/2023-03-31", 5, "2023-05-01")
    keep.take("facts", [*first, more], at=1)
    touched.append(keep.publish())
    keep.take("filings", [filing("43-2022-05-01-10-Q", "2022-05-02T10:00:00+00:00", cik=43)], at=2)
    touched.append(keep.publish())
    return [" ".join(sorted(one.symbols)) for one in touched]


def test_only_touched_companies_are_made_again(keep: FactKeep) -> None:
    """
    A batch of facts or filings of a company touches its symbols and no other.
    """
    assert days(keep) == ["MADE MADE.B OTHR", "MADE MADE.B", "OTHR"]


def test_files_lie_by_symbol_and_year(keep: FactKeep) -> None:
    """
    One JSON array a symbol and year of period_end; the classes of one company share its figures.
    """
    days(keep)
    names = sorted(name for name in keep.files() if name.startswith("fundamental/"))
    assert names == [
        *(f"fundamental/MADE.B/{year}/fundamental.json" for year in (2022, 2023)),
        *(f"fundamental/MADE/{year}/fundamental.json" for year in (2022, 2023)),
        "fundamental/OTHR/2022/fundamental.json",
    ]
    rows = read_fundamentals(Folder(keep.root), keep.work.lake.catalog(), ["MADE", "MADE.B"])
    assert rows.schema == FUNDAMENTALS.schema
    mine, other = (rows.filter(pl.col("symbol") == name).drop("symbol") for name in ("MADE", "MADE.B"))
    assert mine.equals(other)
    assert rows.filter(pl.col("period") == "Q4")["value"].unique().to_list() == [4.0]


def test_catalog_tells_each_file(keep: FactKeep) -> None:
    """
    Rows, first and last period_end, and a score by symbol and year.
    """
    days(keep)
    entries = keep.work.lake.catalog().entries.filter(pl.col("symbol") == "MADE").sort("period")
    found = entries.select("dataset", "period", pl.col("first", "last").cast(pl.String), "score").rows()
    # The yearly report lacks assets, equity and more.
    assert found == [
        ("fundamentals", 2022, "2022-03-31", "2022-12-31", 90.0),
        ("fundamentals", 2023, "2023-03-31", "2023-03-31", 100.0),
    ]


def test_rebuild_gives_the_same_bytes(keep: FactKeep) -> None:
    """
    Day by day or all at once, files, catalog and the table of issuers are the same.
    """
    days(keep)
    before = keep.files()
    keep.clear()
    keep.publish()
    assert keep.files() == before


def panels(keep: FactKeep) -> dict[int, pl.DataFrame]:
    """The rows that the panel has by year, in its order."""
    told = keep.work.lake.catalog().panels.filter(dataset="fundamentals")
    return {row["period"]: Partition.open(keep.work.files, row).read() for row in told.iter_rows(named=True)}


def test_the_panel_has_every_row_by_year(keep: FactKeep) -> None:
    """
    A file a year of `period_end` with the figures of all symbols, in the order of the published files.
    """
    days(keep)
    catalog, rows = keep.work.lake.catalog(), panels(keep)
    assert catalog.panels["key"].to_list() == [
        "panel/fundamentals/year=2022/figures.parquet",
        "panel/fundamentals/year=2023/figures.parquet",
    ]
    assert catalog.panels["last"].to_list() == [date(2022, 12, 31), date(2023, 3, 31)]
    published = read_fundamentals(keep.work.files, catalog, ["MADE", "MADE.B", "OTHR"])
    for told, found in rows.items():
        assert found.equals(published.filter(pl.col("period_end").dt.year() == told))
        assert found.equals(found.sort(PANEL_FUNDAMENTALS.key))
    # Derived is null where a figure was reported as it is.
    assert {0, rows[2022].height}.isdisjoint({rows[2022]["derived"].null_count()})
    assert dict(examine_panel(keep.work.files, catalog)) == dict.fromkeys(catalog.panels["key"])


def test_an_update_writes_the_years_alone_that_it_changed(keep: FactKeep, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A report of another year leaves the panel's older years as they are; those of other companies are not read again.
    """
    keep.take("facts", [*year(REVENUE, 2022, (1, 2, 3, 4)), *of(43, year(REVENUE, 2022, (1, 2, 3, 4)))])
    keep.publish()
    read: list[str] = []
    written: list[int] = []
    real, load = panel.write_partition, panel_rows.load_fundamentals

    def loading(files: Files, keys: Sequence[str], versions: Versions) -> pl.DataFrame:
        read.extend(keys)
        return load(files, keys, versions)

    def writing(files: Files, dataset: str, period: int, frames: Iterable[pl.DataFrame]) -> dict[str, Any] | None:
        written.append(period)
        return real(files, dataset, period, frames)

    monkeypatch.setattr(panel_rows, "load_fundamentals", loading)
    monkeypatch.setattr(panel, "write_partition", writing)
    more = fact(REVENUE, "2023-01-01/2023-03-31", 5, "2023-05-01")
    keep.take("facts", [more], at=1)
    keep.publish()
    assert written == [2023]
    keep.take("facts", of(43, [more]), at=2)
    keep.publish()
    assert written == [2023, 2023]
    assert read[-1:] == [layout.fundamentals("OTHR", 2023)]
    assert not [key for key in read[2:] if "MADE" in key]


@pytest.mark.parametrize("harm", ["lost", "damaged"])
def test_a_harmed_year_of_the_panel_is_made_again(keep: FactKeep, harm: str) -> None:
    """
    What the panel's file no longer tells of other companies comes from their published files.
    """
    days(keep)
    key = layout.panel("fundamentals", 2022)
    if harm == "lost":
        keep.work.files.remove([key])
    else:
        keep.work.files.write(key, keep.work.files.read(key)[:-5] + b"wrong")
    keep.take("facts", of(43, [fact(REVENUE, "2022-01-01/2022-03-31", 9, "2024-05-01")]), at=5)
    keep.publish()
    before = keep.files()
    assert dict(examine_panel(keep.work.files, keep.work.lake.catalog()))[key] is None
    keep.clear()
    keep.publish()
    assert keep.files() == before


def test_a_keep_from_before_has_the_panel_made(keep: FactKeep) -> None:
    """
    A keep whose catalog tells of no figures in the panel has them after the next run, with the bytes of a rebuild.
    """
    days(keep)
    before, catalog = keep.files(), keep.work.lake.catalog()
    keep.work.files.remove(catalog.panels["key"])
    write_catalog(keep.root, catalog.entries, catalog.batches, catalog.asked, catalog.tickers)
    assert mend_panel(keep.work, deep=False) == catalog.panels["key"].to_list()
    assert keep.files() == before


def test_a_second_publishing_writes_nothing(keep: FactKeep) -> None:
    """
    Without new batches nothing is touched, and no file is written again.
    """
    days(keep)
    before = {keep.root / key: (keep.root / key).stat().st_mtime_ns for key in layout.published(keep.root)}
    again = keep.publish()
    assert (again.symbols, again.keys, again.findings.height) == (set(), set(), 0)
    catalog = keep.root / layout.CURRENT
    assert {path: path.stat().st_mtime_ns for path in before if path != catalog} == {
        path: at for path, at in before.items() if path != catalog
    }


def test_symbols_follow_their_company(keep: FactKeep) -> None:
    """
    A symbol that came to another company has that one's figures, one that was renamed leaves its folder.
    """
    days(keep)
    keep.name({"MADE": 42, "NEWB": 42, "OTHR": 42})
    result = keep.publish()
    assert result.symbols == {"MADE.B", "NEWB", "OTHR"}
    rows = read_fundamentals(Folder(keep.root), keep.work.lake.catalog(), ["MADE", "MADE.B", "NEWB", "OTHR"])
    assert dict(rows.select("symbol", "cik").unique().iter_rows()) == {"MADE": 42, "NEWB": 42, "OTHR": 42}
    assert not any(name.startswith("fundamental/MADE.B/") for name in keep.files())
    before = keep.files()
    keep.clear()
    keep.publish()
    assert keep.files() == before


def test_what_was_cut_short_is_made_again(keep: FactKeep) -> None:
    """
    An update that wrote files but not the catalog is redone: the catalog knows those files.
    """
    keep.take("facts", year(REVENUE, 2022, (1, 2, 3, 4)))
    keep.publish()
    held = {path: path.read_bytes() for path in (keep.root / "catalog").glob("*") if path.is_file()}
    keep.name({"MADE": 42, "LATE": 42})
    keep.publish()
    whole = keep.files()
    for path in (keep.root / "catalog").glob("*.parquet"):
        path.unlink()
    for path, data in held.items():
        path.write_bytes(data)
    assert keep.publish().symbols >= {"LATE"}
    assert keep.files() == whole


def test_a_damaged_table_of_issuers_costs_a_redo(keep: FactKeep) -> None:
    """
    It is derived: unreadable, everything is made again and comes out the same.
    """
    days(keep)
    before = keep.files()
    (keep.root / layout.ISSUERS).write_bytes(b"no table")
    assert keep.publish().symbols == {"MADE", "MADE.B", "OTHR"}
    assert keep.files() == before


def test_findings_are_whole_for_touched_symbols(keep: FactKeep) -> None:
    """
    They come in the columns of the table, with the batch of the report concerned.
    """
    keep.take("companies", [company()])
    batch = keep.take("facts", year(REVENUE, 2022, (1, 2, 3, 4)))
    found = keep.publish().findings
    assert found.schema == FINDINGS.schema
    mine = found.filter(pl.col("symbol") == "MADE")
    assert mine.select("check", "batch_id").rows() == [("metric_missing", batch.batch_id)]
    assert mine["detail"].item() == (
        "The report for the year to 2022-12-31 has no assets, equity, net_income, operating_cash_flow."
    )


def test_a_damaged_file_is_named(keep: FactKeep) -> None:
    """
    What is not an array of figures raises with the file's name.
    """
    days(keep)
    path = keep.root / layout.fundamentals("MADE", 2022)
    for data in (b"[\n", b'[{"symbol":"MADE"}]', b"{}"):
        path.write_bytes(data)
        with pytest.raises(CorruptFile) as caught:
            load_fundamentals(Folder(path.parent), [path.name])
        assert caught.value.path == path


def test_a_batch_that_is_left_out_is_forgotten(keep: FactKeep) -> None:
    """
    When a damaged batch no longer counts, figures rest on what is left, as if it had never been there.
    """
    keep.take("facts", year(REVENUE, 2022, (1, 2, 3, 4)))
    keep.publish()
    before = keep.files()
    more = keep.take("facts", [fact(REVENUE, "2023-01-01/2023-03-31", 5, "2023-05-01")], at=1)
    keep.publish()
    catalog = keep.work.lake.catalog()
    left = catalog.batches.filter(pl.col("path") != more.path)
    result = publish_fundamentals(keep.work, catalog, left, [])
    assert result.symbols == {"MADE", "MADE.B", "OTHR"}
    gone = {name for name in before if name.startswith("fundamental/")}
    assert {name for name in keep.files() if name.startswith("fundamental/")} == gone


def test_doctor_names_a_damaged_file(keep: FactKeep) -> None:
    """
    A published file of figures that was altered is named, and no other; as it was written it is sound.
    """
    days(keep)
    assert [one.path for one in examine(keep.root).problems if one.path.startswith("fundamental/")] == []
    damaged = keep.root / layout.fundamentals("MADE", 2022)
    damaged.write_bytes(damaged.read_bytes().replace(b"10-Q", b"10-K"))
    found = [one.path for one in examine(keep.root).problems if one.path.startswith("fundamental/")]
    assert found == [layout.fundamentals("MADE", 2022)]
