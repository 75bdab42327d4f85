"""The published JSON: what is written is read back to the bit, by us and by others, and anything else is named."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from marketkeep.errors import CorruptFile
from marketkeep.files import Folder
from marketkeep.model import ACTIONS
from marketkeep.stores.lake import records

NUMBERS = st.one_of(
    st.none(),
    st.sampled_from([0.0, 1e-7, 1e16, 1e22, 1e300, 5e-324, 0.1 + 0.2, 1 / 3, 129.0399932861328, 2**53 + 2.0]),
    st.floats(allow_nan=False, allow_infinity=False),
)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["AAPL", "BRK.B", "NA", "TRUE", "NULL", "BTC-USD", "^GSPC"]),
        st.dates(date(1962, 1, 2), date(2030, 12, 31)),
        *[NUMBERS] * 4,
        st.floats(allow_nan=False, allow_infinity=False),
        NUMBERS,
        st.integers(0, 100),
        st.sampled_from(["yahoo", 'my "own"', "é,\\n"]),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda row: row[:2],
)


def frame_of(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    """Bars as they are published, sorted."""
    return pl.DataFrame(sorted(rows, key=lambda row: row[:2]), schema=records.no_ticks().schema, orient="row")


def put(folder: Path, files: dict[Any, bytes]) -> tuple[Folder, list[str]]:
    """Write files in order and name them."""
    keys = [f"{number}.json" for number in range(len(files))]
    for key, data in zip(keys, files.values(), strict=True):
        (folder / key).write_bytes(data)
    return Folder(folder), keys


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that examples write over."""
    return tmp_path_factory.mktemp("records")


TINY = ("AAPL", date(2020, 1, 2), 1e-7, 1e16, None, 5e-324, 1.7976931348623157e308, None, 0, "x")


@given(rows=ROWS)
@example(rows=[TINY])
@settings(max_examples=200, deadline=None)
def test_bars_come_back_to_the_bit(folder: Path, rows: list[tuple[Any, ...]]) -> None:
    """
    Any floats, tiny and huge ones and nulls among them, are read back as the very same.
    """
    frame = frame_of(rows)
    files = records.dump_ticks(frame)
    assert set(files) == {(symbol, day.year) for symbol, day in frame.select("symbol", "date").rows()}
    assert records.load_ticks(*put(folder, files)).equals(frame)
    assert records.dump_ticks(frame_of(rows[::-1])) == files


@given(rows=ROWS)
@settings(max_examples=100, deadline=None)
def test_files_are_plain_json_with_a_record_a_line(rows: list[tuple[Any, ...]]) -> None:
    """
    Any JSON reader sees an array of records, each on a line of its own, in the order of columns promised.
    """
    frame = frame_of(rows)
    seen = []
    for data in records.dump_ticks(frame).values():
        head, *lines, tail, end = data.decode().split("\n")
        assert (head, tail, end) == ("[", "]", "")
        told = json.loads(data)
        assert [json.loads(line.rstrip(",")) for line in lines] == told
        seen += told
    assert all(list(record) == list(records.TICK_COLUMNS) for record in seen)
    assert [{**one, "date": date.fromisoformat(one["date"])} for one in seen] == frame.rows(named=True)


def test_other_tools_read_the_file(tmp_path: Path) -> None:
    """
    DuckDB and polars read the published file as it is.
    """
    frame = frame_of([("NA", date(2020, 1, day), 1.5, 2.0, None, 1e-7, 1e16, 12.0, 95, "csv") for day in (2, 3, 6)])
    _, [key] = put(tmp_path, records.dump_ticks(frame))
    path = tmp_path / key
    query = "select symbol, date, open, low, close, adj_close, volume from read_json(?) order by date"
    assert duckdb.execute(query, [str(path)]).fetchall() == [
        ("NA", date(2020, 1, day), 1.5, None, 1e-7, 1e16, 12.0) for day in (2, 3, 6)
    ]
    assert pl.read_json(path)["close"].to_list() == [1e-7] * 3


def test_nothing_to_write_and_nothing_to_read(tmp_path: Path) -> None:
    """
    No bars make no file; an empty array has no bars; no file has none either.
    """
    assert records.dump_ticks(records.no_ticks()) == {}
    assert records.load_ticks(Folder(tmp_path), []).equals(records.no_ticks())
    assert records.load_ticks(*put(tmp_path, {0: b"[]\n"})).equals(records.no_ticks())
    assert records.dump_actions(ACTIONS.empty()) == {}
    assert records.load_actions(*put(tmp_path, {0: b"[]\n"})).equals(ACTIONS.empty())


@given(amount=NUMBERS, factor=NUMBERS, new=st.integers(1, 2**62))
@settings(max_examples=100, deadline=None)
def test_actions_come_back_to_the_bit(folder: Path, amount: float | None, factor: float | None, new: int) -> None:
    """
    Actions are read back as written, sorted by ex-date and kind, integers beyond 2^53 included.
    """
    blank = dict.fromkeys(ACTIONS.schema)
    told = {**blank, "symbol": "NA", "status": "single", "witnesses": 'a="1",b'}
    rows = [
        {**told, "ex_date": date(2020, 8, 31), "kind": "split", "numerator": new, "denominator": 1000},
        {**told, "ex_date": date(2020, 8, 7), "kind": "dividend", "amount": amount, "adjustment_factor": factor},
    ]
    frame = pl.DataFrame(rows, schema=ACTIONS.schema)
    where, keys = put(folder, {0: records.dump_actions(frame)["NA"]})
    assert records.load_actions(where, keys).equals(frame.sort("ex_date", "kind"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[",
        b'[\n{"symbol":"AAPL","date":"2020-01-02"',
        b'[{"symbol":"AAPL","date":"2020-01-02"},]',
        b"[1]",
        b"[null]",
        b"[{}]",
        b'[{"other":1}]',
        b'[{"symbol":"AAPL","date":"soon"}]',
        b'[{"symbol":"AAPL","date":null}]',
        b'[{"symbol":null,"date":"2020-01-02"}]',
        b'[{"symbol":"AAPL","date":"2020-01-02","close":"ten"}]',
        b"\x00" * 100,
        b"[\xff]",
    ],
)
def test_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    """
    A file that is not what is published is `CorruptFile` naming it, alone and among good ones.
    """
    good = records.dump_ticks(frame_of([TINY]))
    where, keys = put(tmp_path, {0: next(iter(good.values())), 1: content, 2: next(iter(good.values()))})
    for asked in ([keys[1]], keys):
        with pytest.raises(CorruptFile) as caught:
            records.load_ticks(where, asked)
        assert caught.value.path == tmp_path / keys[1]


def test_file_gone_is_named(tmp_path: Path) -> None:
    """
    A file that the catalog lists and that is not there is `CorruptFile` too.
    """
    with pytest.raises(CorruptFile, match="cannot be read"):
        records.load_ticks(Folder(tmp_path), ["gone.json"])
