"""Which way a question is answered, what is said of it, and what happens when files are not what they were."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest

import marketkeep
from marketkeep.errors import CorruptFile, NotFound
from marketkeep.query.bars import BarsRequest
from marketkeep.query.plan import Plan, Way
from marketkeep.query.result_cache import RESULTS
from marketkeep.stores.lake import read_catalog, write_catalog
from marketkeep.stores.panel.mapped import folder, forget, sources
from marketkeep.stores.panel.mapped_files import make
from panel_keep import MARKET, bare_keep, market_keep
from small_keep import SmallKeep


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    """
    No map is open and no answer kept from another test.
    """
    forget()
    RESULTS.limited(0)
    RESULTS.limited(64 * 1024 * 1024)
    yield
    forget()


@pytest.fixture
def small(tmp_path: Path) -> SmallKeep:
    """
    A keep of the small market as its writer has it; nothing is mapped.
    """
    return market_keep(tmp_path / "keep").small


def plan(keep: marketkeep.Keep, *symbols: str, way: Way | None = None, universe: str | None = None) -> Plan:
    """How a question about symbols is answered."""
    return keep._bars_reader.plan(BarsRequest(symbols, universe=universe), way)


def map_all(root: Path) -> None:
    """Map every partition."""
    assert plan(marketkeep.open(root), universe="all", way="mapped").ready().panel is not None


def test_a_few_files_are_read_as_they_are(small: SmallKeep) -> None:
    """
    While nothing is mapped, a few published files cost less than a partition, and nothing is mapped for them.
    """
    keep = small.open()
    assert plan(keep, "AAA").way == "published"
    assert keep.bars("AAA").polars().height > 0
    assert not folder(keep._files.scratch).exists()


def test_maps_are_used_where_they_are(small: SmallKeep) -> None:
    """
    What is mapped is read from the map, by processes that come later too.
    """
    map_all(small.root)
    assert plan(small.open(), "AAA").way == "mapped"
    forget()
    assert plan(small.open(), "AAA").way == "mapped"


def test_a_heavy_question_makes_maps(tmp_path: Path) -> None:
    """
    A question that would take long from files is worth mapping what it reads, and the next one finds it mapped.
    """
    bare_keep(tmp_path / "keep", 400, [2022, 2023, 2024], 20)
    keep = marketkeep.open(tmp_path / "keep")
    asked = keep.bars(universe="all", start="2023-01-01")
    assert "what is not mapped yet is worth mapping" in asked.explain_plan()
    assert not folder(keep._files.scratch).exists()
    assert asked.polars().height == 400 * 20 * 2
    assert len(list(folder(keep._files.scratch).iterdir())) == 2
    assert "all of it is mapped on this machine" in asked.explain_plan()


def test_where_nothing_can_be_mapped_parquet_is_read(tmp_path: Path) -> None:
    """
    With a scratch folder that cannot be written the answer comes from the panel's Parquet, the same.
    """
    bare_keep(tmp_path / "keep", 400, [2023, 2024], 10)
    shutil.rmtree(tmp_path / "keep" / "scratch", ignore_errors=True)
    (tmp_path / "keep" / "scratch").write_text("in the way")
    keep = marketkeep.open(tmp_path / "keep")
    found = keep.bars(universe="all", fields="close").polars()
    assert found.height == 400 * 10 * 2
    for way in (None, "mapped"):
        assert plan(keep, universe="all", way=way).ready().way == "panel"  # type: ignore[arg-type]


def test_without_a_whole_panel_published_files_are_read(small: SmallKeep) -> None:
    """
    A panel that lacks a published year, or the factors of what has actions, is not used at all.
    """
    files = small.work.files
    catalog = read_catalog(files)
    for lost in (pl.col("period") == 2023, pl.col("dataset") == "factors"):
        kept = catalog.panels.filter(~lost)
        write_catalog(files, catalog.entries, catalog.batches, catalog.asked, catalog.tickers, kept)
        for way in (None, "panel", "mapped"):
            found = plan(small.open(), universe="all", way=way)  # type: ignore[arg-type]
            assert (found.way, found.reason) == ("published", "the panel does not have all that is published")


def test_a_spoilt_partition_is_passed_by(small: SmallKeep) -> None:
    """
    A Parquet file that is damaged or lost does not stop a question: the published files have the rows too.
    """
    reader = small.open()._bars_reader
    expected = reader.read(BarsRequest(MARKET), "published")
    [key] = read_catalog(small.work.files).panels.filter(pl.col("period") == 2023)["key"]
    path = small.root / key
    data = path.read_bytes()
    for spoil in (lambda: path.write_bytes(data[:-9] + b"123456789"), path.unlink):
        spoil()
        for way in ("panel", "mapped"):
            assert small.open()._bars_reader.read(BarsRequest(MARKET), way).equals(expected)  # type: ignore[arg-type]


def test_a_spoilt_published_file_is_said(small: SmallKeep) -> None:
    """
    A published file that cannot be read has nothing behind it: the error names it.
    """
    (small.root / "ticks/daily/AAA/2023/ticks.json").write_text("{")
    with pytest.raises(CorruptFile, match="AAA/2023"):
        plan(small.open(), "AAA") and small.open().bars("AAA").polars()


def test_a_question_follows_the_writer(small: SmallKeep) -> None:
    """
    A query asked before a write and read after it has the new rows, though the maps were of the old ones; those are
    made anew by the writer.
    """
    map_all(small.root)
    query = small.open().bars("AAA", "2024-01-19")
    before = query.polars()
    small.bars((date(2024, 1, 19), 55.5), symbol="AAA")
    assert query.polars().height == before.height
    assert query.polars()["close"].to_list() != before["close"].to_list()
    assert plan(small.open(), "AAA").way == "mapped"
    panels = read_catalog(small.work.files).panels
    wanted = {source.name for source in sources(panels, "daily_bars")}
    assert {path.name for path in folder(small.work.files.scratch).iterdir()} == wanted


def test_the_plan_in_words(small: SmallKeep) -> None:
    """
    It tells what is read, how much, how prices are adjusted, and why; it reads no bar.
    """
    keep = small.open()
    told = keep.bars(["AAA", "BBB"], "2023-01-01", adjust="all", as_of="2024-01-05").explain_plan()
    later = "later splits and dividends"
    assert told.splitlines() == [
        "Reads the published files, one a symbol and year: 4 files.",
        f"Rows: at most {plan_rows(small, '2023')}, of AAA, BBB, sessions from 2023-01-01 through 2024-01-05.",
        "Columns: symbol, date, open, high, low, close, adj_close, volume, score, source.",
        f"Prices: multiplied by the factors of {later} with an ex-date through 2024-01-05, as they are read.",
        "Because 4 files cost less than partitions.",
    ]
    map_all(small.root)
    told = small.open().bars(universe="sp500", fields="close", end="2022-12-31").explain_plan()
    assert "Reads the panel, mapped into memory: 1 partition of a year each." in told
    assert "of the members of sp500, each while it was one, sessions through 2022-12-31" in told
    assert "Columns: symbol, date, close.\nPrices: as traded." in told
    everything = small.open().bars(universe="all", adjust="splits").explain_plan()
    assert "of every symbol held, all sessions held" in everything
    assert "multiplied, and volumes divided, by the factors of later splits, as they are read" in everything


def plan_rows(small: SmallKeep, year: str) -> int:
    """The rows of AAA and BBB from a year on."""
    entries = read_catalog(small.work.files).entries
    mine = entries.filter(
        (pl.col("dataset") == "daily_bars") & pl.col("symbol").is_in(["AAA", "BBB"]) & (pl.col("period") >= int(year))
    )
    return int(mine["rows"].sum())


def test_heavy_answers_are_kept_and_maps_are_not(small: SmallKeep, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The same question about a past instant is worked out once a version of the catalog; mapped answers are never kept.
    """
    asked = BarsRequest(("AAA",), recorded_by=small.now)
    first = small.open()._bars_reader.read(asked)
    assert small.open()._bars_reader.read(asked) is first
    assert RESULTS.bytes > 0
    small.bars((date(2024, 1, 19), 55.5), symbol="BBB")
    again = small.open()._bars_reader.read(asked)
    assert again is not first
    assert again.equals(first)
    kept = RESULTS.bytes
    map_all(small.root)
    small.open().bars(universe="all").polars()
    assert RESULTS.bytes == kept


def test_an_empty_keep_has_no_universe(tmp_path: Path) -> None:
    """
    A universe of which nothing is held is told as such, by every way and as a matrix too.
    """
    keep = SmallKeep(tmp_path / "keep").open()
    with pytest.raises(NotFound, match="no bar of any symbol is held in this range"):
        keep.bars(universe="all").polars()
    with pytest.raises(NotFound, match="no bar of any symbol is held in this range"):
        keep.matrix("close").numpy()


def test_made_maps_are_those_of_the_catalog(small: SmallKeep) -> None:
    """
    Each map has the rows that the catalog's content digest tells of.
    """
    files = small.work.files
    for source in sources(read_catalog(files).panels, "daily_bars"):
        mapped = make(files, source)
        assert mapped is not None
        assert len(mapped.frame) == source.rows
