"""The published minute files: where they lie, that the same rows give the same bytes, and that damage is named."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from marketkeep.errors import CorruptFile
from marketkeep.files import Folder, write_atomic
from marketkeep.model import ASKED, BATCHES, CATALOG, MINUTE_BARS
from marketkeep.stores.lake import Catalog, layout, minutes
from minute_rows import minute

MONDAY, TUESDAY, THURSDAY = date(2024, 3, 4), date(2024, 3, 5), date(2024, 3, 7)


def bars(day: date, symbol: str = "AAPL") -> pl.DataFrame:
    """Two published minutes of a session."""
    gold = {"segment": "regular", "source": "csv", "score": 100, "batch_id": "b"}
    rows = [minute(day, clock, symbol=symbol) | gold for clock in ("10:00", "10:01")]
    return MINUTE_BARS.conform(pl.DataFrame(rows).select(list(MINUTE_BARS.schema)))


def publish(root: Path, *files: tuple[str, date]) -> None:
    """Write files as they would be published."""
    for symbol, day in files:
        write_atomic(root / layout.minute_ticks(symbol, day), minutes.dump_minutes(bars(day, symbol)))


def catalog(*entries: tuple[object, ...]) -> Catalog:
    """A catalog of minute bars: symbol, period, first, last, missing."""
    rows = [
        ("minute_bars", symbol, period, 2, first, last, missing, 100.0, "")
        for symbol, period, first, last, missing in entries
    ]
    return Catalog("v", pl.DataFrame(rows, schema=CATALOG.schema, orient="row"), BATCHES.empty(), ASKED.empty())


def test_layout_is_what_was_promised() -> None:
    """
    A session's file lies under symbol, year, month and day, names that a system reserves spelled around.
    """
    assert layout.minute_ticks("BRK.B", MONDAY) == "ticks/minute/BRK.B/2024/03/04/ticks.parquet"
    assert layout.minute_ticks("CON", MONDAY) == "ticks/minute/CON_/2024/03/04/ticks.parquet"
    assert minutes.month_of(date(2024, 12, 31)) == 202412


def test_same_rows_are_the_same_bytes(tmp_path: Path) -> None:
    """
    Writing is repeatable, and what is read is what was written.
    """
    assert minutes.dump_minutes(bars(MONDAY)) == minutes.dump_minutes(bars(MONDAY))
    publish(tmp_path, ("AAPL", MONDAY), ("AAPL", TUESDAY))
    read = minutes.load_minutes(Folder(tmp_path), [("AAPL", MONDAY), ("AAPL", TUESDAY)])
    assert read.equals(pl.concat([bars(MONDAY), bars(TUESDAY)]))
    assert minutes.load_minutes(Folder(tmp_path), []).equals(MINUTE_BARS.empty())


def test_sessions_follow_from_the_catalog() -> None:
    """
    The sessions of an entry are those of the asset's calendar between first and last without those missing.
    """
    held = catalog(("AAPL", 202403, MONDAY, THURSDAY, [TUESDAY]), ("BTC-USD", 202403, date(2024, 3, 2), MONDAY, []))
    assert list(minutes.files_held(held.entries)) == [
        ("AAPL", 202403, [MONDAY, date(2024, 3, 6), THURSDAY]),
        ("BTC-USD", 202403, [date(2024, 3, 2), date(2024, 3, 3), MONDAY]),
    ]


def test_reading_opens_what_the_catalog_names(tmp_path: Path) -> None:
    """
    Files within the dates asked for are read, both ends included; one that the catalog does not name is not.
    """
    publish(tmp_path, *(("AAPL", day) for day in (MONDAY, TUESDAY, date(2024, 3, 6), THURSDAY)))
    publish(tmp_path, ("MSFT", MONDAY), ("MSFT", date(2024, 4, 1)))
    held = catalog(
        ("AAPL", 202403, MONDAY, THURSDAY, [TUESDAY]),
        ("MSFT", 202403, MONDAY, MONDAY, []),
        ("MSFT", 202404, date(2024, 4, 1), date(2024, 4, 1), []),
    )

    def days(symbols: list[str], first: date | None = None, last: date | None = None) -> list[tuple[str, date]]:
        read = minutes.read_minutes(Folder(tmp_path), held, symbols, first, last)
        return read.select("symbol", "date").unique(maintain_order=True).rows()

    assert days(["AAPL"]) == [("AAPL", MONDAY), ("AAPL", date(2024, 3, 6)), ("AAPL", THURSDAY)]
    assert days(["MSFT", "AAPL"], last=MONDAY) == [("AAPL", MONDAY), ("MSFT", MONDAY)]
    assert days(["MSFT"], first=TUESDAY) == [("MSFT", date(2024, 4, 1))]
    assert days(["AAPL"], first=TUESDAY, last=TUESDAY) == []
    assert days(["NA"]) == []


def test_hash_of_a_month(tmp_path: Path) -> None:
    """
    A month's hash is taken over its files' own, in order; a file that is gone has none.
    """
    publish(tmp_path, ("AAPL", MONDAY))
    found = minutes.file_digests(Folder(tmp_path), [("AAPL", MONDAY), ("AAPL", TUESDAY)])
    assert found["AAPL", MONDAY] == hashlib.sha256(minutes.dump_minutes(bars(MONDAY))).hexdigest()
    assert found["AAPL", TUESDAY] is None
    assert minutes.month_hash(["a", "b"]) == hashlib.sha256(b"ab").hexdigest() != minutes.month_hash(["b", "a"])


@pytest.mark.parametrize("harm", ["gone", "cut", "other", "json"])
def test_damage_is_named(tmp_path: Path, harm: str) -> None:
    """
    A file that is gone, cut or of another form raises `CorruptFile` with its path, not that of a sound one.
    """
    publish(tmp_path, ("AAPL", MONDAY), ("AAPL", TUESDAY))
    path = tmp_path / layout.minute_ticks("AAPL", TUESDAY)
    if harm == "gone":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[:-50])
    elif harm == "other":
        bars(TUESDAY).drop("close").write_parquet(path)
    else:
        path.write_text("[]")
    with pytest.raises(CorruptFile) as raised:
        minutes.load_minutes(Folder(tmp_path), [("AAPL", MONDAY), ("AAPL", TUESDAY)])
    assert raised.value.path == path
