"""
The published JSON: an array with one record a line, read as it is by pandas, DuckDB, Polars and jq.

Numbers are written as the shortest text that reads back to the same float64, so the same bars give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from marketkeep.errors import CorruptFile
from marketkeep.files import Files, Versions
from marketkeep.model import ACTIONS, DAILY_BARS, UTC
from marketkeep.model.tables import Dtype

TICK_COLUMNS = ("symbol", "date", "open", "high", "low", "close", "adj_close", "volume", "score", "source")
INSTANT = "%Y-%m-%dT%H:%M:%SZ"
"""How an instant is told: in UTC, to the second."""
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


def load_ticks(
    files: Files, keys: Sequence[str], versions: Versions | None = None, *, absent: bool = False
) -> pl.DataFrame:
    """
    The bars of these files, in their order, in `TICK_COLUMNS`; with `absent` those that are not there have none.

    Raises `CorruptFile` naming the first file that is not what `dump_ticks` writes.
    """
    return load(files, keys, versions, (_TICK_SCHEMA, DAILY_BARS.key), absent=absent)


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


def load_actions(
    files: Files, keys: Sequence[str], versions: Versions | None = None, *, absent: bool = False
) -> pl.DataFrame:
    """The actions of these files, as `load_ticks` reads bars."""
    return load(files, keys, versions, (ACTIONS.schema, ACTIONS.key), absent=absent)


Form = tuple[dict[str, Dtype], tuple[str, ...]]
"""The columns of records, and those that none may lack."""


def load(files: Files, keys: Sequence[str], versions: Versions | None, form: Form, *, absent: bool) -> pl.DataFrame:
    """The records of these files, parsed together, as `load_ticks` reads bars; `form` are their columns and key."""
    return _parsed(files, _bodies(files, keys, versions, absent=absent), *form)


_Bodies = list[tuple[str, bytes]]
"""By key what lies between the brackets of its array."""


def _parsed(files: Files, bodies: _Bodies, schema: dict[str, Dtype], key: tuple[str, ...]) -> pl.DataFrame:
    filled = [body for _, body in bodies if body]
    if not filled:
        return pl.DataFrame(schema=schema)
    text = {name: pl.String if dtype in (pl.Date, UTC) else dtype for name, dtype in schema.items()}
    try:
        frame = pl.read_json(b"[" + b",".join(filled) + b"]", schema=text)
        read = frame.with_columns(_dated(name, dtype) for name, dtype in schema.items() if dtype in (pl.Date, UTC))
        if read.select(pl.any_horizontal(pl.col(key).null_count() > 0)).item():
            raise pl.exceptions.SchemaError(f"a record without {' or '.join(key)}")
        return read
    except pl.exceptions.PolarsError as error:
        for one in bodies:
            if len(bodies) > 1:
                _parsed(files, [one], schema, key)
        name = files.name(bodies[0][0])
        raise CorruptFile(name, f"it does not hold the records it should ({error})", derived=True) from error


def _dated(name: str, dtype: Dtype) -> pl.Expr:
    if dtype == pl.Date:
        return pl.col(name).str.to_date("%Y-%m-%d", strict=True)
    return pl.col(name).str.to_datetime(INSTANT, time_unit="us", strict=True).cast(UTC)


def _bodies(files: Files, keys: Sequence[str], versions: Versions | None, *, absent: bool) -> _Bodies:
    found: _Bodies = []
    try:
        for key, data in files.stream(keys, versions):
            if data is None:
                if not absent:
                    raise CorruptFile(files.name(key), "it cannot be read (it is not there)", derived=True)
                continue
            text = data.strip()
            if not (text.startswith(b"[") and text.endswith(b"]")):
                raise CorruptFile(files.name(key), "it is not a JSON array", derived=True)
            found.append((key, text[1:-1].strip()))
    except OSError as error:
        raise CorruptFile(str(error.filename), f"it cannot be read ({error.strerror})", derived=True) from error
    return found
