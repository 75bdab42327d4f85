"""New lines in a published file: what comes out is what writing all of it anew would give, to the byte."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkeep.files import Folder
from marketkeep.stores.lake import records
from marketkeep.stores.lake.bar_files import put_bars
from marketkeep.stores.lake.splicing import lines_of, spliced

START = date(2024, 1, 1)
SYMBOLS = ("A", "B", "C")
YEARS = [(symbol, 2024) for symbol in SYMBOLS]
DAYS = st.sets(st.integers(0, 12))


def bars(days: set[int], close: float = 1.5, symbol: str = "BRK.B") -> pl.DataFrame:
    """Bars of some days of the year."""
    rows = [
        (symbol, START + timedelta(days=day), None, 2.0 + day, 0.1 * day, close, close, None, 100, "a")
        for day in sorted(days)
    ]
    return pl.DataFrame(rows, schema=records.no_ticks().schema, orient="row")


def dump(frame: pl.DataFrame) -> bytes:
    """The file of bars of one symbol and year."""
    return next(iter(records.dump_ticks(frame).values()), b"[]\n")


@given(before=DAYS, after=DAYS, first=st.integers(0, 12), length=st.integers(0, 12))
@settings(deadline=None, max_examples=300)
def test_spliced_is_dumped(before: set[int], after: set[int], first: int, length: int) -> None:
    """Whatever days were there and are there now, the lines of a span replaced give the file of all rows."""
    inside = {day for day in after if first <= day <= first + length}
    outside = {day for day in before if not first <= day <= first + length}
    new, old = bars(inside, close=2.25), bars(before)
    kept = old.filter(pl.col("date").is_in([START + timedelta(days=day) for day in outside]))
    span = START + timedelta(days=first), START + timedelta(days=first + length)
    lines = lines_of(dump(new)) if inside else b""
    assert spliced(dump(old), *span, lines) == dump(pl.concat([kept, new]).sort("date"))


def test_only_what_is_other_is_written(tmp_path: Path) -> None:
    """A file that comes out as it was is not written, one of another hash is made whole, and one is patched."""
    files = Folder(tmp_path)
    before = pl.concat(bars({1, 2, 3}, symbol=symbol) for symbol in SYMBOLS)
    hashes = put_bars(files, before, YEARS, {}, {})
    key = "ticks/daily/{}/2024/ticks.json"
    stamp = (tmp_path / key.format("A")).stat().st_ino
    files.write(key.format("B"), b"nonsense")
    news = {"A": bars({1, 2, 3}, symbol="A"), "B": bars({1, 2, 3, 4}, 9.0, "B"), "C": bars({1, 2, 3, 4}, symbol="C")}
    within = dict.fromkeys(SYMBOLS, (START + timedelta(days=3), START + timedelta(days=9)))
    after = pl.concat(news.values())
    assert put_bars(files, after, YEARS, hashes, within) == put_bars(Folder(tmp_path / "anew"), after, YEARS, {}, {})
    assert {symbol: files.read(key.format(symbol)) for symbol in SYMBOLS} == {
        symbol: dump(frame) for symbol, frame in news.items()
    }
    assert (tmp_path / key.format("A")).stat().st_ino == stamp
