"""
Qlib's own files: `calendars/day.txt`, `instruments/*.txt` and a file of 32-bit floats per symbol and field.

Qlib reads prices as adjusted and wants `factor` beside them, so that price / factor is what was traded and volume x
factor what changed hands: `volume` is divided by all of `factor`, dividends included, as in Qlib's own data sets.
`change` is the close over that of the bar before, less one. A field's file begins with its first session's place in
the calendar; a session without a bar, and an unknown value, is NaN.

What the form cannot hold: 32-bit floats have seven digits, so every value is rounded to its nearest; there is no
daily `vwap` in a keep, so the field is absent; actions are in the factor alone. Qlib reads the tickers NA and NULL in a
list of instruments as nothing, so they are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from marketkeep.calendars import XNYS
from marketkeep.errors import NotFound
from marketkeep.export.wanted import Reader

FIELDS = ("open", "high", "low", "close", "volume", "factor", "change")
# Names of devices on Windows: Qlib's own reader looks for them under another.
_DEVICES = frozenset({"CON", "PRN", "AUX", "NUL"} | {f"{name}{n}" for name in ("COM", "LPT") for n in range(10)})
_READ_AS_NOTHING = frozenset({"NA", "NULL"})
_ALL = "all"

_Runs = list[tuple[str, date, date]]


@dataclass(frozen=True, slots=True)
class _Calendar:
    """The sessions from the first bar to the last, and each one's place."""

    days: list[date]
    frame: pl.DataFrame = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "frame", pl.DataFrame({"date": self.days}).with_row_index("place"))


def write_qlib(reader: Reader, folder: Path) -> int:
    """Write calendar, instruments and features; how many bars."""
    reader.leave_out(_READ_AS_NOTHING, "Qlib reads this ticker in its list of instruments as nothing")
    first, last = reader.spans.select(pl.col("first").min(), pl.col("last").max()).row(0)
    calendar = _Calendar([*XNYS.sessions(first, last), last])
    spells: dict[str, _Runs] = {name: [] for name in _indices(reader)}
    bars = 0
    everyone: _Runs = []
    for group in reader.pieces():
        found = _fields(reader, group)
        for symbol, mine in _each(found):
            _write_features(folder / "features" / _file_name(symbol), mine, calendar)
            everyone.append((symbol, mine["date"][0], mine["date"][-1]))
        for index in spells:
            spells[index] += _member_runs(reader, group, index, found)
        bars += found.height
    _write_lines(folder / "calendars" / "day.txt", (str(day) for day in calendar.days))
    for name, runs in {**spells, _ALL: everyone}.items():
        if runs:
            lines = ("\t".join(map(str, run)) for run in sorted(runs))
            _write_lines(folder / "instruments" / f"{name.lower()}.txt", lines)
    reader.notes.append("values are 32-bit floats: about seven digits; there is no field vwap")
    return bars


def _fields(reader: Reader, group: Sequence[str]) -> pl.DataFrame:
    """symbol, date and the fields, sorted: prices as `Keep.bars` adjusts them."""
    traded = reader.bars(group, "none")
    prices = traded if reader.adjust == "none" else reader.bars(group)
    return prices.select("symbol", "date", "open", "high", "low", "close").with_columns(
        factor=prices["close"] / traded["close"],
        volume=traded["volume"] / (prices["close"] / traded["close"]),
        change=(pl.col("close") / pl.col("close").shift() - 1).over("symbol"),
    )


def _each(bars: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    for (symbol,), mine in bars.partition_by("symbol", as_dict=True, maintain_order=True).items():
        yield str(symbol), mine


def _write_features(folder: Path, bars: pl.DataFrame, calendar: _Calendar) -> None:
    placed = bars.join(calendar.frame, on="date", maintain_order="left")
    places = placed["place"].to_numpy()
    start = int(places[0])
    folder.mkdir(parents=True)
    for name in FIELDS:
        body = np.full(int(places[-1]) - start + 2, np.nan, dtype="<f4")
        body[0] = start
        body[1 + places - start] = placed[name].cast(pl.Float32).to_numpy()
        body.tofile(folder / f"{name}.day.bin")


def _indices(reader: Reader) -> list[str]:
    """The indices that get a list of instruments of their own."""
    known = reader.keep.index_members(**reader.wanted.clocks)["index"].unique().sort().to_list()
    reader.note(known.count(_ALL), f"indices without a list, because Qlib calls everything {_ALL!r}")
    return [name for name in known if name != _ALL]


def _member_runs(reader: Reader, group: Sequence[str], index: str, bars: pl.DataFrame) -> _Runs:
    """Of each symbol the sessions on which it was a member, first and last of each run; a hole ends none."""
    try:
        inside = reader.bars(group, universe=index).select("symbol", "date", member=pl.lit(value=True))
    except NotFound:
        return []
    told = bars.select("symbol", "date").join(inside, on=["symbol", "date"], how="left", maintain_order="left")
    numbered = told.with_columns(run=pl.col("member").is_not_null().rle_id().over("symbol"))
    runs = numbered.drop_nulls("member").group_by("symbol", "run", maintain_order=True)
    return list(runs.agg(first=pl.col("date").min(), last=pl.col("date").max()).drop("run").iter_rows())


def _file_name(symbol: str) -> str:
    return f"_qlib_{symbol}".lower() if symbol in _DEVICES else symbol.lower()


def _write_lines(path: Path, lines: Iterator[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
