"""The reference tables as published: from all raw batches, the same however they came."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from gold.told import changes, directory, kept, of, tickers
from marketkeep.model import RAW_TABLES, Batch
from marketkeep.pipeline.publishing import folded as module
from marketkeep.pipeline.publishing.reference import identified, publish_reference
from marketkeep.pipeline.securities import add_symbols
from marketkeep.stores.lake import batch_rows, layout
from small_keep import SmallKeep

MON, TUE, WED, THU = (date(2024, 6, 3) + timedelta(days=n) for n in range(4))
ACME, ZETA = "Acme Holdings, Inc. - Common Stock", "Zeta Mining Corp. - Common Stock"


def published(keep: SmallKeep) -> dict[str, bytes]:
    """The published reference files."""
    paths = [keep.root / path for path in (layout.METADATA, layout.HISTORY, layout.TICKERS)]
    return {path.name: path.read_bytes() for path in paths if path.exists()}


@pytest.fixture
def keep(tmp_path: Path) -> SmallKeep:
    """An empty keep."""
    return SmallKeep(tmp_path / "keep")


@pytest.fixture
def came(keep: SmallKeep) -> list[Batch]:
    """Four days of directory and list: a rename with a new name, a delisting proven by a form."""
    days = {
        MON: {"ACME": ACME, "GONE": "Gone Co. - Common Stock"},
        TUE: {"ZETA": ZETA, "GONE": "Gone Co. - Common Stock"},
        WED: {"ZETA": ZETA},
        THU: {"ZETA": ZETA},
    }
    found = [kept(keep.work.batches, directory(day, lines)) for day, lines in days.items()]
    found.append(kept(keep.work.batches, tickers(MON, {"ACME": (7, "Acme"), "GONE": (9, "Gone Co")})))
    found.append(kept(keep.work.batches, tickers(TUE, {"ZETA": (7, "Zeta Mining"), "GONE": (9, "Gone Co")})))
    filing = {"cik": 9, "accession": "9-1", "form": "25-NSE", "filed": WED, "payload": 0}
    other = {"cik": 9, "accession": "9-2", "form": "10-K", "filed": MON, "payload": 0}
    filings = pl.DataFrame([filing, other], schema_overrides={**RAW_TABLES["filings"].schema})
    found.append(kept(keep.work.batches, filings.with_columns(source=pl.lit("sec")), "filings"))
    return found


def entries(keep: SmallKeep) -> pl.DataFrame:
    """The catalog's entries, none here."""
    return keep.work.lake.catalog().entries


def test_tables_are_made_from_all_that_raw_tells(keep: SmallKeep, came: list[Batch]) -> None:
    """Listings, filings and statements come together: renamed with its follower's wish, delisted with its proof."""
    keep.now = datetime(2024, 6, 3, 12, tzinfo=UTC)
    add_symbols(keep.work, ["ACME"])
    statements = [keep.work.batches.load(path) for path in keep.work.batches.paths() if "/securities/" in path]
    publish_reference(keep.work, entries(keep), batch_rows([*came, *statements]))
    securities, history = keep.work.lake.securities(), keep.work.lake.ticker_history()
    assert changes(history) == [("GONE", None, WED), ("ACME", "ZETA", TUE)]
    assert (of(securities, "ZETA")["followed"], of(securities, "ZETA")["cik"]) == (True, 7)
    assert of(securities, "GONE")["delisting_reason"] == "form_25"
    assert securities["symbol"].to_list() == ["GONE", "ZETA"]


def test_update_and_rebuild_write_the_same_bytes(keep: SmallKeep, came: list[Batch]) -> None:
    """Published after every batch, the last files are those of all batches at once, in any order and in small parts."""
    for count in range(1, len(came) + 1):
        publish_reference(keep.work, entries(keep), batch_rows(came[:count]))
    step_by_step = published(keep)
    assert set(step_by_step) == {"ticker_metadata.parquet", "ticker_history.parquet", "tickers.parquet"}
    for batches in (came, came[::-1], came[3:] + came[:3]):
        publish_reference(keep.work, entries(keep), batch_rows(batches))
        assert published(keep) == step_by_step


def test_parts_bound_what_is_read_at_once(keep: SmallKeep, came: list[Batch], monkeypatch: pytest.MonkeyPatch) -> None:
    """Read a batch at a time, the tables are the same."""
    publish_reference(keep.work, entries(keep), batch_rows(came))
    whole = published(keep)
    monkeypatch.setattr(module, "_PART_ROWS", 1)
    shutil.rmtree(keep.root / "catalog" / "folded")
    publish_reference(keep.work, entries(keep), batch_rows(came))
    assert published(keep) == whole


def test_symbology_is_told_before_anything_is_published(keep: SmallKeep, came: list[Batch]) -> None:
    """Who had which ticker is made from raw alone, and is what is written beside the other tables afterwards."""
    told = identified(keep.work, batch_rows(came)).tickers
    assert told.select("ticker", "symbol", "security_id", "from", "to").rows() == [
        ("ACME", "ZETA", "ACME", None, TUE),
        ("GONE", "GONE", "GONE", None, WED),
        ("ZETA", "ZETA", "ACME", TUE, None),
    ]
    evening = datetime(2024, 6, 4, 22, tzinfo=UTC)
    assert told["known_at"].to_list() == [None, None, evening]
    assert told["closed_at"].to_list() == [evening, datetime(2024, 6, 5, 22, tzinfo=UTC), None]
    publish_reference(keep.work, entries(keep), batch_rows(came))
    assert keep.work.lake.tickers().equals(told)


def test_history_goes_with_the_batches_that_told_it(keep: SmallKeep, came: list[Batch]) -> None:
    """Without its batches there is no file of history, as after a rebuild over damaged ones."""
    publish_reference(keep.work, entries(keep), batch_rows(came))
    publish_reference(keep.work, entries(keep), batch_rows(came[:1]))
    assert set(published(keep)) == {"ticker_metadata.parquet", "tickers.parquet"}
    assert keep.work.lake.securities()["symbol"].to_list() == ["ACME", "GONE"]
