"""How every question can be ended: the same answer as a frame of each library and in each kind of file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import marketkeep
from marketkeep.errors import BadInput, NotFound, StoreError
from marketkeep.query.terminals import Terminals
from small_keep import SmallKeep, sessions

DAYS = sessions("2024-01-02", 6)
FRAME = pl.DataFrame(
    {
        "symbol": ["AAPL", "AAPL", "O\"K, 'S"],
        "date": [date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 2)],
        "ts": [datetime(2024, 1, 2, 14, 30, tzinfo=UTC), None, datetime(2024, 1, 2, 21, tzinfo=UTC)],
        "close": [1.5, None, 0.1 + 0.2],
        "score": pl.Series([100, 95, None], dtype=pl.Int16),
    }
)


@dataclass
class Answer(Terminals):
    """A question whose answer is known, in parts of so many rows."""

    frame: pl.DataFrame
    rows: int = 1_000

    def polars(self) -> pl.DataFrame:
        """The answer."""
        return self.frame

    def _batches(self) -> Iterator[pl.DataFrame]:
        yield self.frame.head(self.rows)
        for start in range(self.rows, self.frame.height, self.rows):
            yield self.frame.slice(start, self.rows)


@dataclass
class Broken(Answer):
    """A question whose answer breaks off behind its first part."""

    def _batches(self) -> Iterator[pl.DataFrame]:
        yield self.frame
        raise NotFound("the rest is gone")


@pytest.fixture(scope="module")
def keep(tmp_path_factory: pytest.TempPathFactory) -> marketkeep.Keep:
    """Bars of two symbols."""
    small = SmallKeep(tmp_path_factory.mktemp("terminals") / "keep")
    for symbol in ("AAPL", "MSFT"):
        small.bars(*((day, 10.0 + n) for n, day in enumerate(DAYS)), symbol=symbol)
    return small.open()


def test_frames_of_every_library_hold_the_same() -> None:
    """
    Arrow, pandas, NumPy and DuckDB get the rows that Polars gets.
    """
    answer = Answer(FRAME)
    assert pl.DataFrame(answer.arrow()).equals(FRAME)
    assert answer.pandas()["close"].tolist()[::2] == [1.5, 0.1 + 0.2]
    records = answer.numpy()
    assert records.dtype.names == tuple(FRAME.columns)
    assert records["date"].tolist() == FRAME["date"].to_list()
    assert np.isnan(records["close"][1])
    assert answer.duckdb().order("date, symbol").fetchall()[1][0] == "O\"K, 'S"


def test_duckdb_joins_the_connection_it_is_given() -> None:
    """
    A relation can be of a connection of the caller's, and be queried there by its name.
    """
    with duckdb.connect() as connection:
        bars = Answer(FRAME).duckdb(connection)
        assert isinstance(bars, duckdb.DuckDBPyRelation)
        assert bars.query("bars", "select count(*), max(close) from bars").fetchall() == [(3, 1.5)]


@pytest.mark.parametrize("rows", [1, 2, 1_000])
def test_files_are_the_same_in_parts(tmp_path: Path, rows: int) -> None:
    """
    However many parts an answer comes in, a file of it holds every row once, in order, with its types.
    """
    answer, whole = Answer(FRAME, rows), Answer(FRAME)
    assert answer.csv(tmp_path / "a.csv").read_bytes() == whole.csv(tmp_path / "b.csv").read_bytes()
    assert answer.json(tmp_path / "a.json").read_bytes() == whole.json(tmp_path / "b.json").read_bytes()
    assert pl.read_parquet(answer.parquet(tmp_path / "a.parquet")).equals(FRAME)
    assert pl.read_parquet(whole.parquet(tmp_path / "b.parquet")).equals(FRAME)
    assert pq.read_schema(tmp_path / "a.parquet").names == FRAME.columns


def test_csv_is_plain(tmp_path: Path) -> None:
    """
    CSV has a header, nothing for null, days as YYYY-MM-DD and instants with a Z, and floats that read back the same.
    """
    assert Answer(FRAME).csv(tmp_path / "bars.csv").read_text().splitlines() == [
        "symbol,date,ts,close,score",
        "AAPL,2024-01-02,2024-01-02T14:30:00Z,1.5,100",
        "AAPL,2024-01-03,,,95",
        '"O""K, \'S",2024-01-02,2024-01-02T21:00:00Z,0.30000000000000004,',
    ]


def test_json_is_an_array_of_records(tmp_path: Path) -> None:
    """
    JSON is one array, a record a line, also of nothing.
    """
    path = Answer(FRAME, 2).json(tmp_path / "bars.json")
    told = json.loads(path.read_text())
    assert [record["close"] for record in told] == [1.5, None, 0.1 + 0.2]
    assert len(path.read_text().splitlines()) == 5
    assert Answer(FRAME.clear()).json(tmp_path / "none.json").read_text() == "[]\n"


def test_an_answer_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    """
    Files of an empty answer have its columns and no row.
    """
    answer = Answer(FRAME.clear())
    assert answer.csv(tmp_path / "a.csv").read_text() == "symbol,date,ts,close,score\n"
    assert pl.read_parquet(answer.parquet(tmp_path / "a.parquet")).schema == FRAME.schema


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_no_file_is_left_half(tmp_path: Path, form: str) -> None:
    """
    When an answer breaks off, the file of before is still whole and nothing lies beside it.
    """
    path = tmp_path / f"bars.{form}"
    getattr(Answer(FRAME), form)(path)
    before = path.read_bytes()
    with pytest.raises(NotFound):
        getattr(Broken(FRAME), form)(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_what_cannot_be_answered_makes_no_folder(keep: marketkeep.Keep, tmp_path: Path, form: str) -> None:
    """
    A question without an answer leaves no file and no folder; a folder that is missing is made for one that has one.
    """
    path = tmp_path / "new" / f"bars.{form}"
    with pytest.raises(NotFound):
        getattr(keep.bars("NONE"), form)(path)
    assert not path.parent.exists()
    assert getattr(keep.bars("AAPL"), form)(str(path)) == path
    assert path.exists()


def test_where_nothing_can_be_written_is_told(tmp_path: Path) -> None:
    """
    A path that cannot be written is a `StoreError` that names it.
    """
    (tmp_path / "file").write_text("in the way")
    path = tmp_path / "file" / "bars.csv"
    with pytest.raises(StoreError, match=f"cannot write {path}"):
        Answer(FRAME).csv(path)


def test_sql_is_written_as_it_comes(keep: marketkeep.Keep, tmp_path: Path) -> None:
    """
    The answer of a SQL query can be ended in every way too.
    """
    query = keep.sql("select symbol, date, close, sum(score) as score from daily_bars group by all order by all")
    frame = query.polars()
    assert frame.height == 12
    assert pl.read_parquet(query.parquet(tmp_path / "a.parquet")).equals(frame)
    assert pl.read_csv(query.csv(tmp_path / "a.csv"), try_parse_dates=True).equals(frame)
    assert json.loads(query.json(tmp_path / "a.json").read_text())[0]["close"] == 10.0
    assert isinstance(query.arrow(), pa.Table)
    assert query.duckdb().aggregate("count(*)").fetchall() == [(12,)]
    assert query.pandas().shape == (12, 4)
    none = keep.sql("select symbol, close from daily_bars where symbol = 'NONE'")
    assert pl.read_parquet(none.parquet(tmp_path / "none.parquet")).schema == {"symbol": pl.String, "close": pl.Float64}
    assert none.csv(tmp_path / "none.csv").read_text() == "symbol,close\n"


def test_sql_types_of_every_kind_can_be_written(keep: marketkeep.Keep, tmp_path: Path) -> None:
    """
    Decimals, lists, records and times of a SQL answer go into JSON and Parquet too.
    """
    query = keep.sql("select 1.5 as d, [1, 2] as l, {'a': 1} as r, time '10:00' as t, true as y, null as n")
    told = json.loads(query.json(tmp_path / "a.json").read_text())[0]
    assert told == {"d": 1.5, "l": [1, 2], "r": {"a": 1}, "t": "10:00:00", "y": True, "n": None}
    assert pl.read_parquet(query.parquet(tmp_path / "a.parquet")).height == 1


@pytest.mark.parametrize(("column", "kind"), [("interval 1 day", "month_day_nano_interval"), ("'x'::blob", "binary")])
def test_sql_types_that_files_cannot_hold_are_told(keep: marketkeep.Keep, column: str, kind: str) -> None:
    """
    A column that not every frame and file can hold is told, with the way out.
    """
    with pytest.raises(BadInput) as told:
        keep.sql(f"select {column} as odd").polars()
    assert str(told.value) == f"column 'odd' is of type {kind}; make it text, as in (odd)::varchar"
