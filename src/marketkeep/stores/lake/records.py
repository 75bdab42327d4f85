"""
The published JSON: an array with one record a line, read as it is by pandas, DuckDB, Polars and jq.

Numbers are written as the shortest text that reads back to the same float64, so the same bars give the same bytes.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from marketkeep.errors import CorruptFile
from marketkeep.model import ACTIONS, DAILY_BARS
from marketkeep.model.tables import Dtype

TICK_COLUMNS = ("symbol", "date", "open", "high", "low", "close", "adj_close", "volume", "score", "source")
_TICK_SCHEMA = {name: DAILY_BARS.schema[name] for name in TICK_COLUMNS}


def no_ticks() -> pl.DataFrame:
    """A frame of published bars without rows."""
    return pl.DataFrame(schema=_TICK_SCHEMA)


def lines(frame: pl.DataFrame) -> pl.Series:
    """Each row as one JSON object."""
    return frame.select(pl.struct(pl.all()).struct.json_encode().alias("line"))["line"]


def array(text: str) -> bytes:
    """Lines joined by comma and newline, as the whole file."""
    return f"[\n{text}\n]\n".encode() if text else b"[]\n"


def dump_ticks(bars: pl.DataFrame) -> dict[tuple[str, int], bytes]:
    """The files of daily bars (sorted by symbol and date) by symbol and year; each begins and ends in brackets."""
    if bars.is_empty():
        return {}
    chosen = bars.select(TICK_COLUMNS)
    files = (
        chosen.select("symbol", year=pl.col("date").dt.year(), line=lines(chosen))
        .group_by("symbol", "year", maintain_order=True)
        .agg(text=pl.col("line").str.join(",\n"))
    )
    return {(symbol, year): array(text) for symbol, year, text in files.iter_rows()}


def load_ticks(paths: list[Path]) -> pl.DataFrame:
    """
    The bars of these files, in their order, in `TICK_COLUMNS`.

    Raises `CorruptFile` naming the first file that is not what `dump_ticks` writes.
    """
    return _load(paths, _TICK_SCHEMA, DAILY_BARS.key)


def dump_actions(actions: pl.DataFrame) -> dict[str, bytes]:
    """The files of actions by symbol, each sorted by ex-date and kind."""
    chosen = ACTIONS.conform(actions).sort("symbol", "ex_date", "kind")
    if chosen.is_empty():
        return {}
    files = (
        chosen.select("symbol", line=lines(chosen))
        .group_by("symbol", maintain_order=True)
        .agg(text=pl.col("line").str.join(",\n"))
    )
    return {symbol: array(text) for symbol, text in files.iter_rows()}


def load_actions(paths: list[Path]) -> pl.DataFrame:
    """The actions of these files."""
    return _load(paths, ACTIONS.schema, ACTIONS.key)


def _load(paths: list[Path], schema: dict[str, Dtype], key: tuple[str, ...]) -> pl.DataFrame:
    bodies = [_body(path) for path in paths]
    filled = [body for body in bodies if body]
    if not filled:
        return pl.DataFrame(schema=schema)
    text = {name: pl.String if dtype == pl.Date else dtype for name, dtype in schema.items()}
    try:
        frame = pl.read_json(b"[" + b",".join(filled) + b"]", schema=text)
        dates = [name for name, dtype in schema.items() if dtype == pl.Date]
        read = frame.with_columns(pl.col(name).str.to_date("%Y-%m-%d", strict=True) for name in dates)
        if read.select(pl.any_horizontal(pl.col(key).null_count() > 0)).item():
            raise pl.exceptions.SchemaError(f"a record without {' or '.join(key)}")
        return read
    except pl.exceptions.PolarsError as error:
        for path in paths:
            if len(paths) > 1:
                _load([path], schema, key)
        raise CorruptFile(paths[0], f"it does not hold the records it should ({error})", derived=True) from error


def _body(path: Path) -> bytes:
    try:
        data = path.read_bytes().strip()
    except OSError as error:
        raise CorruptFile(path, f"it cannot be read ({error.strerror})", derived=True) from error
    if not (data.startswith(b"[") and data.endswith(b"]")):
        raise CorruptFile(path, "it is not a JSON array", derived=True)
    return data[1:-1].strip()
