"""The exports to CSV and Parquet: every value is read back as it is, unknown stays unknown, units stand beside."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from export_keep import DAYS, INDEX, MEMBERS, SYMBOLS, UNKNOWN

import marketkeep
from marketkeep.export import Wanted, export
from marketkeep.model import ACTIONS, DAILY_BARS, MINUTE_BARS
from minute_keep import MinuteKeep
from minute_rows import minute

ALL = Wanted(universe="all")
HELD = [*SYMBOLS, "BTC-USD"]


def ours(keep: marketkeep.Keep) -> pl.DataFrame:
    """All daily bars of the keep, sorted."""
    return keep.bars(HELD).polars().sort("symbol", "date")


def test_csv_has_a_file_per_symbol(told: marketkeep.Keep, tmp_path: Path) -> None:
    """Each symbol's file read by polars is its bars, to the last bit, with null for an empty cell."""
    done = export(told, "csv", ALL, tmp_path / "out")
    files = sorted((tmp_path / "out/daily_bars").iterdir())
    assert [path.stem for path in files] == sorted(HELD)
    schema = {**told.bars("DIV").polars().schema}
    read = pl.concat([pl.read_csv(path, schema=schema) for path in files])
    assert read.sort("symbol", "date").equals(ours(told))
    assert done.bars == read.height
    assert read.filter(pl.col("volume").is_null())["date"].to_list() == [UNKNOWN]
    # As other tools read it too.
    frame = pd.read_csv(tmp_path / "out/daily_bars/DIV.csv", parse_dates=["date"], float_precision="round_trip")
    assert frame["close"].tolist() == told.bars("DIV").polars()["close"].to_list()


def test_csv_says_what_its_columns_are(told: marketkeep.Keep, tmp_path: Path) -> None:
    """Beside the bars lie the actions, applied or not, and a file with each column's unit and meaning."""
    export(told, "csv", ALL, tmp_path / "out")
    meant = pl.read_csv(tmp_path / "out/columns.csv")
    volume = meant.filter(table="daily_bars", column="volume")
    assert volume["unit"].item() == "shares"
    assert set(ACTIONS.schema) == set(meant.filter(table="actions")["column"])
    header = (tmp_path / "out/daily_bars/DIV.csv").read_text().partition("\n")[0].split(",")
    assert set(header) <= set(DAILY_BARS.schema)
    actions = pl.read_csv(tmp_path / "out/actions.csv", schema=ACTIONS.schema)
    assert actions.equals(told.actions().sort("symbol", "ex_date", "kind"))


@pytest.mark.parametrize("adjust", ["none", "splits", "all"])
def test_parquet_is_one_file(told: marketkeep.Keep, tmp_path: Path, adjust: marketkeep.query.bars.Adjust) -> None:
    """One file of all symbols, sorted, adjusted as asked, with units in its fields; plain types that every tool has."""
    export(told, "parquet", Wanted(universe="all", adjust=adjust), tmp_path / "out")
    path = tmp_path / "out/daily_bars.parquet"
    assert pl.read_parquet(path).equals(told.bars(HELD, adjust=adjust).polars().sort("symbol", "date"))
    fields = {field.name: field for field in pq.read_schema(path)}
    assert fields["close"].metadata[b"unit"] == b"currency per share"
    assert (fields["symbol"].type, fields["date"].type) == (pa.string(), pa.date32())
    assert pl.read_parquet(tmp_path / "out/actions.parquet").equals(told.actions().sort("symbol", "ex_date", "kind"))


def test_range_and_spelling(told: marketkeep.Keep, tmp_path: Path) -> None:
    """Symbols are taken in any spelling, a former name too, each once; the range has both its ends."""
    wanted = Wanted(symbols=("brk-b", "BRK.B", "OLD"), start=DAYS[55], end=DAYS[64])
    done = export(told, "parquet", wanted, tmp_path / "out")
    read = pl.read_parquet(tmp_path / "out/daily_bars.parquet")
    assert read["symbol"].unique().sort().to_list() == ["BRK.B", "NEW"]
    assert read.filter(symbol="NEW")["date"].to_list() == DAYS[55:65]
    assert (done.symbols, done.bars) == (2, 20)


def test_universe_is_whoever_was_a_member(told: marketkeep.Keep, tmp_path: Path) -> None:
    """An index brings everybody who was a member in the range, with all bars, and who was one when beside them."""
    export(told, "parquet", Wanted(universe=INDEX), tmp_path / "out")
    read = pl.read_parquet(tmp_path / "out/daily_bars.parquet")
    assert set(read["symbol"]) == set(MEMBERS)
    assert read.filter(symbol="GON").height == told.bars("GON").polars().height
    assert pl.read_parquet(tmp_path / "out/index_members.parquet").equals(told.index_members(INDEX))
    export(told, "parquet", Wanted(universe=INDEX, start=DAYS[61]), tmp_path / "later")
    later = pl.read_parquet(tmp_path / "later/daily_bars.parquet")
    assert set(later["symbol"]) == {"DIV", "SPL"}


def test_clocks_are_heeded(told: marketkeep.Keep, tmp_path: Path) -> None:
    """As of a day nothing later goes out, neither bars nor actions, and prices are adjusted for what was known."""
    export(told, "parquet", Wanted(universe="all", adjust="all", as_of=DAYS[45]), tmp_path / "out")
    read = pl.read_parquet(tmp_path / "out/daily_bars.parquet")
    assert read.equals(told.bars(HELD, adjust="all", as_of=DAYS[45]).polars().sort("symbol", "date"))
    assert pl.read_parquet(tmp_path / "out/actions.parquet")["ex_date"].max() <= DAYS[45]  # type: ignore[operator]


@pytest.fixture(scope="module")
def minutes(tmp_path_factory: pytest.TempPathFactory) -> marketkeep.Keep:
    """A keep with minutes of two sessions in two months."""
    made = MinuteKeep(tmp_path_factory.mktemp("minutes") / "keep")
    days = ("2024-01-31", "2024-02-01")
    rows = [minute(day, f"09:3{number}", 180.25 + number) for day in days for number in range(5)]
    made.take(*rows)
    return made.open()


def test_minutes_go_out_month_by_month(minutes: marketkeep.Keep, tmp_path: Path) -> None:
    """Minute bars of all months lie in one file, of a symbol or of all, with the instant in UTC."""
    held = minutes.minute_bars("AAPL").polars()
    wanted = Wanted(universe="all", minute=True)
    assert export(minutes, "parquet", wanted, tmp_path / "p").bars == held.height == 10
    assert pl.read_parquet(tmp_path / "p/minute_bars.parquet").equals(held)
    export(minutes, "csv", Wanted(symbols=("AAPL",), minute=True), tmp_path / "c")
    lines = (tmp_path / "c/minute_bars/AAPL.csv").read_text().splitlines()
    assert len(lines) == 11
    assert set(lines[0].split(",")) <= set(MINUTE_BARS.schema)
    assert "2024-02-01T14:34:00Z" in lines[-1]
