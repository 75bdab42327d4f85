"""The export to Nautilus Trader: what its data catalog reads, and what the form does not hold."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from export_keep import DAYS, SYMBOLS, returns
from partner_reader import read_back

import marketkeep
from marketkeep.calendars import XNYS
from marketkeep.derive.total_return import total_return
from marketkeep.export import Wanted, export
from marketkeep.query import Keep

PRICES = ["open", "high", "low", "close"]


@pytest.fixture(scope="module", params=["none", "all"])
def adjust(request: pytest.FixtureRequest) -> Any:
    """Prices as traded, and adjusted for everything."""
    return request.param


@pytest.fixture(scope="module")
def read(told: Keep, adjust: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What Nautilus reads of everything."""
    out = tmp_path_factory.mktemp("nautilus") / "out"
    export(told, "nautilus", Wanted(universe="all", adjust=adjust), out)
    return read_back("nautilus", out)


def bars_of(read: Any, symbol: str) -> list[list[Any]]:
    """The bars that Nautilus has of a symbol."""
    return [row for row in read["bars"] if row[0] == f"{symbol}.US-1-DAY-LAST-EXTERNAL"]


@pytest.mark.slow
@pytest.mark.parametrize("symbol", SYMBOLS)
def test_nautilus_reads_our_bars(told: Keep, read: Any, adjust: Any, symbol: str) -> None:
    """
    Prices are ours: as traded to the last digit, adjusted to 16 decimals; a bar is stamped with its session's close.
    """
    ours = told.bars(symbol, adjust=adjust).polars().drop_nulls(PRICES)
    theirs = bars_of(read, symbol)
    assert len(theirs) == ours.height
    for row, bar in zip(ours.iter_rows(named=True), theirs, strict=True):
        _, ended, known, *values, places = bar
        close = XNYS.session_close(row["date"])
        assert ended == known == int(close.timestamp()) * 10**9
        for name, value in zip(PRICES, values, strict=False):
            exact = Decimal(repr(row[name])) if places < 16 else Decimal(row[name])
            assert abs(Decimal(value) - exact) <= (0 if places < 16 else Decimal("1e-16"))
        assert Decimal(values[4]) == round(row["volume"] or 0)


@pytest.mark.slow
@pytest.mark.parametrize("symbol", SYMBOLS)
def test_nautilus_reads_our_total_return(told: Keep, read: Any, adjust: Any, symbol: str) -> None:
    """
    Adjusted closes as Nautilus reads them move as our total return does, to 13 digits; closes as traded do so with the
    actions that lie beside the catalog.
    """
    whole = told.bars(symbol).polars().drop_nulls(PRICES)
    index = returns(told, symbol).filter(pl.col("date").is_in(whole["date"].implode()))["total_return"]
    closes = whole.select("symbol", "date").with_columns(
        close=pl.Series([float(bar[6]) for bar in bars_of(read, symbol)])
    )
    theirs = closes["close"] if adjust == "all" else total_return(closes, told.actions(symbol))["total_return"]
    assert (((theirs / theirs[0]) / (index / index[0]) - 1).abs() <= 1e-13).all()


@pytest.mark.slow
def test_nautilus_has_an_instrument_for_each(read: Any, adjust: Any) -> None:
    """Each symbol has an equity whose precision is that of its bars, which Nautilus' backtests ask for."""
    places = {identity: precision for identity, _, precision, _, _ in read["instruments"]}
    assert sorted(places) == [f"{symbol}.US" for symbol in SYMBOLS]
    assert {bar[0].partition("-1-DAY")[0]: bar[8] for bar in read["bars"]} == places
    for _, _, precision, step, size in read["instruments"]:
        assert (Decimal(step), size) == (Decimal(1).scaleb(-precision), 0)
    if adjust == "none":
        assert set(places.values()) == {2}
    name, count = read["of_one"]
    assert count == len([bar for bar in read["bars"] if bar[0] == name])


def test_file_says_what_it_holds(told: marketkeep.Keep, tmp_path: Path) -> None:
    """A file's schema names bar type, instrument and precision; its name is its first and last stamp."""
    export(told, "nautilus", Wanted(symbols=("BRK/B",), end=DAYS[3]), tmp_path / "out")
    [path] = (tmp_path / "out/data/bar").rglob("*.parquet")
    assert path.parent.name == "BRK.B.US-1-DAY-LAST-EXTERNAL"
    assert path.name == "2023-01-03T21-00-00-000000000Z_2023-01-06T21-00-00-000000000Z.parquet"
    schema = pq.read_schema(path)
    assert schema.metadata == {
        b"bar_type": b"BRK.B.US-1-DAY-LAST-EXTERNAL",
        b"instrument_id": b"BRK.B.US",
        b"price_precision": b"2",
        b"size_precision": b"0",
    }
    assert [str(kind) for kind in schema.types] == ["fixed_size_binary[16]"] * 5 + ["uint64"] * 2


def test_what_nautilus_cannot_hold_is_told(told: marketkeep.Keep, tmp_path: Path) -> None:
    """A bar without an open is left out, an unknown volume is 0, and actions lie beside the catalog."""
    done = export(told, "nautilus", Wanted(universe="all"), tmp_path / "out")
    assert [note.rpartition(": ")[2] for note in done.notes[1:]] == ["1", "1"]
    assert done.bars == sum(told.bars(symbol).polars().height for symbol in SYMBOLS) - 1
    assert pl.read_parquet(tmp_path / "out/actions.parquet").equals(
        told.actions(SYMBOLS).sort("symbol", "ex_date", "kind")
    )
