"""The export to Qlib: what Qlib's own reader makes of it, and its files byte by byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from export_keep import DAYS, HOLE, INDEX, SYMBOLS, UNKNOWN, returns
from partner_reader import read_back

import marketkeep
from marketkeep.calendars import XNYS
from marketkeep.errors import BadInput
from marketkeep.export import Wanted, export
from small_keep import SmallKeep

PRICES = ["open", "high", "low", "close"]


@pytest.fixture(scope="module")
def folder(told: marketkeep.Keep, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything exported."""
    out = tmp_path_factory.mktemp("qlib") / "out"
    export(told, "qlib", Wanted(universe="all"), out)
    return out


@pytest.fixture(scope="module")
def read(folder: Path) -> Any:
    """What Qlib reads of it."""
    return read_back("qlib", folder, "all", INDEX)


@pytest.fixture(scope="module")
def rows(read: Any) -> pl.DataFrame:
    """Qlib's features as a frame; null for its NaN."""
    names = ["symbol", "date", *PRICES, "volume", "factor", "change", "change_again"]
    frame = pl.DataFrame(read["rows"], schema=names, orient="row", infer_schema_length=None)
    return frame.with_columns(pl.col("date").str.to_date(), pl.col(names[2:]).cast(pl.Float64))


def single(values: pl.Expr) -> pl.Expr:
    """Values as 32-bit floats hold them."""
    return values.cast(pl.Float32).cast(pl.Float64)


@pytest.mark.slow
@pytest.mark.parametrize("symbol", SYMBOLS)
def test_qlib_reads_our_adjusted_prices(told: marketkeep.Keep, rows: pl.DataFrame, symbol: str) -> None:
    """Prices that Qlib reads are ours adjusted for everything, each as the nearest 32-bit float; a hole is NaN."""
    ours = told.bars(symbol, adjust="all").polars().select("date", single(pl.col(PRICES)))
    theirs = rows.filter(pl.col("symbol") == symbol).select("date", *PRICES)
    assert theirs.filter(pl.col("date") != HOLE if symbol == "DIV" else pl.lit(value=True)).equals(ours)
    assert theirs.height == len(XNYS.sessions(ours["date"][0], ours["date"][-1])) + 1


@pytest.mark.slow
@pytest.mark.parametrize("symbol", SYMBOLS)
def test_qlib_reads_our_total_return(told: marketkeep.Keep, rows: pl.DataFrame, symbol: str) -> None:
    """Qlib's closes move as our total return does, to the seven digits of its form, and `change` is their step."""
    theirs = rows.filter(pl.col("symbol") == symbol, pl.col("close").is_not_null())
    met = returns(told, symbol).join(theirs, on="date", validate="1:1", maintain_order="left")
    index = met["close"] / met["close"][0]
    assert ((index / met["total_return"] - 1).abs() <= 2e-7).all()
    steps = met["total_return"] / met["total_return"].shift() - 1
    assert ((steps - met["change"]).abs().drop_nulls() <= 1e-8).all()
    known = theirs.drop_nulls("change_again")
    assert ((known["change"] - known["change_again"]).abs() <= 2e-7).all()


@pytest.mark.slow
def test_qlib_finds_what_was_traded(told: marketkeep.Keep, rows: pl.DataFrame) -> None:
    """Price / factor is the price as traded and volume x factor what changed hands; an unknown volume is NaN."""
    for symbol in SYMBOLS:
        met = told.bars(symbol).polars().join(rows.filter(pl.col("symbol") == symbol), on="date", suffix="_qlib")
        worst = met.select(
            pl.max_horizontal(
                ((pl.col("close_qlib") / pl.col("factor")) / pl.col("close") - 1).abs(),
                ((pl.col("volume_qlib") * pl.col("factor")) / pl.col("volume") - 1).abs(),
            ).max()
        ).item()
        assert worst <= 3e-7
        assert met.select(pl.col("volume").is_null() == pl.col("volume_qlib").is_null()).to_series().all()
    assert rows.filter(pl.col("volume").is_null(), pl.col("close").is_not_null())["date"].to_list() == [UNKNOWN]


@pytest.mark.slow
def test_qlib_lists_instruments_and_members(read: Any) -> None:
    """Everyone is listed from the first bar to the last, members of an index for as long as they were some."""
    last = str(DAYS[-1])
    assert read["calendar"] == [str(day) for day in DAYS]
    assert read["markets"]["all"] == {
        "BRK.B": [[str(DAYS[0]), last]],
        "DIV": [[str(DAYS[0]), last]],
        "GON": [[str(DAYS[0]), str(DAYS[70])]],
        "NEW": [[str(DAYS[0]), last]],
        "SPL": [[str(DAYS[0]), last]],
    }
    # A hole of DIV does not end its membership.
    assert read["markets"][INDEX] == {
        "DIV": [[str(DAYS[0]), last]],
        "GON": [[str(DAYS[10]), str(DAYS[59])]],
        "SPL": [[str(DAYS[20]), last]],
    }


def test_features_are_floats_behind_their_first_session(told: marketkeep.Keep, folder: Path) -> None:
    """A field's file is little-endian 32-bit floats: the place of its first session, then a value per session."""
    close = np.fromfile(folder / "features/brk.b/close.day.bin", dtype="<f4")
    ours = told.bars("BRK.B", adjust="all").polars()["close"].cast(pl.Float32).to_numpy()
    assert close[0] == 0
    assert np.array_equal(close[1:], ours)
    hole = np.fromfile(folder / "features/div/close.day.bin", dtype="<f4")
    assert np.flatnonzero(np.isnan(hole)).tolist() == [1 + DAYS.index(HOLE)]


def test_a_later_beginner_starts_at_its_place(told: marketkeep.Keep, tmp_path: Path) -> None:
    """The calendar begins with the first bar exported, and a file's first number counts from there."""
    export(told, "qlib", Wanted(symbols=("DIV",), start=DAYS[5], adjust="none"), tmp_path / "out")
    assert (tmp_path / "out/calendars/day.txt").read_text().split()[0] == str(DAYS[5])
    factor = np.fromfile(tmp_path / "out/features/div/factor.day.bin", dtype="<f4")
    assert (factor[0], set(factor[1:][~np.isnan(factor[1:])].tolist())) == (0.0, {1.0})


def test_tickers_that_qlib_cannot_list(tmp_path: Path) -> None:
    """NA, which Qlib's reader takes for nothing, is refused when named and told when it came with all others."""
    made = SmallKeep(tmp_path / "keep")
    for symbol in ("NA", "CON"):
        made.bars(*((day, 10.0) for day in DAYS[:3]), symbol=symbol)
    keep = made.open()
    with pytest.raises(BadInput, match="NA: Qlib reads this ticker"):
        export(keep, "qlib", Wanted(symbols=("NA", "CON")), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    done = export(keep, "qlib", Wanted(universe="all"), tmp_path / "out")
    assert (done.symbols, any("left out: NA" in note for note in done.notes)) == (1, True)
    # A name that Windows keeps for a device lies where Qlib looks for it.
    assert (tmp_path / "out/features/_qlib_con/close.day.bin").exists()
