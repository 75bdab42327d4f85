"""Reading in blocks: the size of a block changes nothing but the memory used."""

from __future__ import annotations

import io
from datetime import date, timedelta

import polars as pl
import pytest
from files_given import Given
from hypothesis import given
from hypothesis import strategies as st

from marketkeep.sources.files import Tally, read, recognise

HEADER = "Date,Open,High,Low,Close,Adj Close,Volume,Dividends,Stock Splits,Ticker"
CELL = st.sampled_from(["1", "2.5", "1e3", "", "null", '"1,234.5"', " 7 "])
ROW = st.tuples(
    CELL, CELL, CELL, CELL, CELL, CELL, st.sampled_from(["0", "0.0", "0.25"]), st.sampled_from(["0.0", "7:1"])
)
ENDING = st.sampled_from(["\n", "\r\n", "\n\n"])


def _lines(rows: list[tuple[str, ...]], symbols: int, *, by_date: bool) -> list[str]:
    spread = [(index % symbols, index // symbols) if by_date else (index // 5, index % 5) for index in range(len(rows))]
    return [
        ",".join([str(date(2020, 1, 2) + timedelta(day)), *cells, f"SYM{'ABCDEFGHIJKL'[number]}"])
        for (number, day), cells in zip(spread, rows, strict=True)
    ]


@given(st.lists(ROW, min_size=1, max_size=60), st.integers(1, 61), st.integers(1, 9), st.booleans(), ENDING)
def test_any_chunk_size_gives_the_same_rows(
    rows: list[tuple[str, ...]], chunk_rows: int, symbols: int, by_date: bool, ending: str
) -> None:
    """
    Sorted by date or by symbol, cut anywhere, a file gives the same bars, actions and counts.
    """
    content = ending.join([HEADER, *_lines(rows, symbols, by_date=by_date)])
    whole, cut = Given(content), Given(content, chunk_rows=chunk_rows)
    assert whole.bars.equals(cut.bars)
    assert whole.actions.equals(cut.actions)
    assert whole.tally == cut.tally
    assert cut.chunks == -(-len(rows) // chunk_rows)


def test_repeats_across_blocks() -> None:
    """
    A row said again right behind a block's end is left out as within a block.
    """
    content = "date,close,ticker\n2020-01-02,1,A\n2020-01-02,1,A\n2020-01-03,1,A\n2020-01-03,1,A\n"
    for chunk_rows in (1, 2, 3, 4):
        given_file = Given(content, chunk_rows=chunk_rows)
        assert given_file.bars["date"].to_list() == [date(2020, 1, 2), date(2020, 1, 3)]
        assert given_file.tally.repeated == 2


@pytest.mark.parametrize("by_date", [True, False])
def test_a_large_file_in_small_blocks(by_date: bool) -> None:
    """
    A file of many parsed blocks comes whole and in order, with splits applied up to the last date of all.
    """
    symbols = [f"SYM{'ABCDEFGHIJ'[i // 10]}{'ABCDEFGHIJ'[i % 10]}" for i in range(100)]
    days = [date(2019, 1, 1) + timedelta(i) for i in range(500)]
    pairs = [(d, s) for d in days for s in symbols] if by_date else [(d, s) for s in symbols for d in days]
    lines = [f"{day},1.5,2.5,0.5,{index / 8},{index},{symbol}" for index, (day, symbol) in enumerate(pairs)]
    stream = io.BytesIO("\n".join(["date,open,high,low,close,volume,ticker", *lines]).encode())
    form = recognise("all.csv", stream, basis="split_adjusted")
    tally = Tally()
    frames = [one["daily_bars"] for one in read("all.csv", stream, form, chunk_rows=7_000, tally=tally)]
    assert [frame.height for frame in frames] == [7_000] * 7 + [1_000]
    bars = pl.concat(frames)
    assert bars.select("date", "symbol").rows() == pairs
    assert bars["close"].to_list() == [index / 8 for index in range(50_000)]
    assert bars["basis_date"].unique().to_list() == [days[-1]]
    assert tally == Tally(rows=50_000, bars=50_000)


def test_stopping_early_leaves_the_stream_open() -> None:
    """
    A reader that stops in the middle lets go of the stream without closing it.
    """
    stream = io.BytesIO(
        "\n".join(["date,close", *(f"{1900 + i // 28}-01-{i % 28 + 1:02d},1" for i in range(3_000))]).encode()
    )
    form = recognise("AAPL.csv", stream)
    frames = read("AAPL.csv", stream, form, chunk_rows=10)
    assert next(frames)["daily_bars"].height == 10
    del frames
    assert not stream.closed
    assert sum(one["daily_bars"].height for one in read("AAPL.csv", stream, form)) == 3_000
