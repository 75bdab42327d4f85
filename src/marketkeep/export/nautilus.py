"""
A Nautilus Trader data catalog: bars and instruments as the Parquet files that `ParquetDataCatalog` reads.

The form is that of Nautilus 1.221 in its usual build of 128 bits: a price or volume is a whole number of 10^-16, bar
type and precision stand in the file's schema. A bar is stamped with its end in UTC: the close of the session, or of
the minute. Instruments are `Equity`s, called by symbol and market code (AAPL.XNAS), or `US` where the keep does not
know the exchange; a price has as many decimals as the finest of the symbol's needs, at least two.

What the form cannot hold: actions, so they lie beside it in actions.parquet, and adjusted prices are had with
`adjust`; more than 16 decimals, to which adjusted prices are rounded where they need them; parts of a share, so
volumes are rounded to whole ones; an unknown volume, which is 0; a bar whose open, high or low is unknown or whose
high and low do not hold the others, which is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from marketkeep.calendars import XNYS
from marketkeep.errors import BadInput
from marketkeep.export.wanted import Reader
from marketkeep.model import ACTIONS

_DECIMALS = 16
_LEAST = 2
_RAW = pa.binary(16)
_GROUP = 5_000
_PRICES = ("open", "high", "low", "close")
_MOST = 1.7e13
_MARKETS = {
    "NASDAQ": "XNAS",
    "NYSE": "XNYS",
    "NYSE American": "XASE",
    "NYSE Arca": "ARCX",
    "NYSE Texas": "XCHI",
    "Cboe BZX": "BATS",
    "IEX": "IEXG",
    "OTC": "OTCM",
}
_ELSEWHERE = "US"
_EQUITY = pa.schema(
    [
        ("id", pa.dictionary(pa.int64(), pa.string())),
        ("raw_symbol", pa.string()),
        ("currency", pa.dictionary(pa.int16(), pa.string())),
        ("price_precision", pa.uint8()),
        ("price_increment", pa.dictionary(pa.int16(), pa.string())),
        ("lot_size", pa.dictionary(pa.int16(), pa.string())),
        ("isin", pa.string()),
        ("margin_init", pa.string()),
        ("margin_maint", pa.string()),
        ("maker_fee", pa.string()),
        ("taker_fee", pa.string()),
        ("info", pa.binary()),
        ("ts_event", pa.uint64()),
        ("ts_init", pa.uint64()),
    ],
    metadata={"class": "Equity"},
)


def write_nautilus(reader: Reader, folder: Path) -> int:
    """Write `data/bar`, `data/equity` and actions.parquet; how many bars."""
    ids = instrument_ids(reader)
    told = _Told()
    bars = 0
    for mine in _each(reader):
        symbol = str(mine["symbol"][0])
        whole = _whole(mine)
        told.look(mine, whole)
        if whole.is_empty():
            continue
        places, exact = _places(symbol, whole)
        told.rounded += 0 if exact else 1
        _write_bars(folder / "data" / "bar", ids[symbol], whole, places, minute=reader.wanted.minute)
        _write_equity(folder / "data" / "equity", ids[symbol], symbol, places)
        bars += whole.height
    actions = ACTIONS.conform(reader.actions(reader.symbols).sort("symbol", "ex_date", "kind"))
    actions.write_parquet(folder / "actions.parquet", compression="zstd")
    told.tell(reader)
    return bars


def instrument_ids(reader: Reader) -> dict[str, str]:
    """By symbol what Nautilus calls it. Its reader makes SQL names of them, in which no `~` may stand."""
    known = reader.keep.securities(**reader.wanted.clocks).select("symbol", "exchange").rows()
    markets = {symbol: _MARKETS.get(exchange, _ELSEWHERE) for symbol, exchange in known}
    return {symbol: f"{symbol.replace('~', '_')}.{markets.get(symbol, _ELSEWHERE)}" for symbol in reader.symbols}


class _Told:
    """Counts what Nautilus does not hold as it is."""

    def __init__(self) -> None:
        self.left_out = self.volumes = self.parts = self.rounded = 0

    def look(self, bars: pl.DataFrame, whole: pl.DataFrame) -> None:
        """Count one symbol's."""
        self.left_out += bars.height - whole.height
        self.volumes += whole["volume"].null_count()
        self.parts += whole.filter(pl.col("volume") != pl.col("volume").round()).height

    def tell(self, reader: Reader) -> None:
        """Put it into the notes."""
        reader.note(self.left_out, "bars left out, because open, high or low is unknown or cannot be")
        reader.note(self.volumes, "unknown volumes written as 0")
        reader.note(self.parts, "volumes rounded to whole shares")
        reader.note(self.rounded, "symbols with prices rounded to 16 decimals")


def _each(reader: Reader) -> Iterator[pl.DataFrame]:
    """The bars of one symbol after the other, with `ts`, the end of the bar; one symbol's minutes are read at once."""
    for group in reader.pieces():
        if reader.wanted.minute:
            for symbol in group:
                if months := list(reader.minutes(symbol)):
                    yield pl.concat(months).with_columns(ts=pl.col("ts") + timedelta(minutes=1))
        else:
            found = reader.bars(group)
            closes = XNYS.frame(found["date"].min(), found["date"].max() + timedelta(days=1))  # type: ignore[arg-type, operator]
            stamped = found.join(
                closes.select(date="session", ts="close"), on="date", how="left", maintain_order="left"
            )
            yield from stamped.partition_by("symbol", maintain_order=True)


def _whole(bars: pl.DataFrame) -> pl.DataFrame:
    """The bars that Nautilus takes."""
    inside = (pl.col("high") >= pl.max_horizontal("open", "low", "close")) & (
        pl.col("low") <= pl.min_horizontal("open", "close")
    )
    return bars.drop_nulls(_PRICES).filter(inside)


def _places(symbol: str, bars: pl.DataFrame) -> tuple[int, bool]:
    """How many decimals hold every price, and whether they do so exactly."""
    prices = np.concatenate([bars[name].to_numpy() for name in _PRICES])
    if not (prices < _MOST).all() or not (bars["volume"].fill_null(0) < _MOST).all():
        raise BadInput(f"{symbol} has a price or volume above {_MOST:g}: Nautilus cannot hold it; leave it out")
    for places in range(_LEAST, _DECIMALS + 1):
        if np.array_equal(np.round(prices, places), prices):
            return places, True
    return _DECIMALS, False


def _write_bars(folder: Path, identity: str, bars: pl.DataFrame, places: int, *, minute: bool) -> None:
    kind = f"{identity}-1-{'MINUTE' if minute else 'DAY'}-LAST-EXTERNAL"
    stamps = bars["ts"].cast(pl.Datetime("ns", "UTC")).cast(pl.Int64).cast(pl.UInt64).to_arrow()
    columns = [_raw(bars[name].to_arrow(), places) for name in _PRICES]
    columns.append(_raw(bars["volume"].fill_null(0.0).round().to_arrow(), 0))
    schema = pa.schema(
        [
            *(pa.field(name, _RAW, nullable=False) for name in (*_PRICES, "volume")),
            *(pa.field(name, pa.uint64(), nullable=False) for name in ("ts_event", "ts_init")),
        ],
        metadata={
            "bar_type": kind,
            "instrument_id": identity,
            "price_precision": str(places),
            "size_precision": "0",
        },
    )
    table = pa.Table.from_arrays([*columns, stamps, stamps], schema=schema)
    first, last = bars["ts"][0], bars["ts"][-1]
    (folder / kind).mkdir(parents=True)
    pq.write_table(table, folder / kind / _file_name(first, last), row_group_size=_GROUP)


def _raw(values: pa.Array, places: int) -> pa.Array:
    """Values as whole numbers of 10^-16 in 16 bytes, little-endian: what the buffer of a decimal of that scale is."""
    rounded = pc.cast(values, pa.decimal128(38, places))
    scaled = pc.cast(rounded, pa.decimal128(38, _DECIMALS))
    return pa.Array.from_buffers(_RAW, len(scaled), [None, scaled.buffers()[1]], offset=scaled.offset)


def _write_equity(folder: Path, identity: str, symbol: str, places: int) -> None:
    row = {
        "id": identity,
        "raw_symbol": symbol,
        "currency": "USD",
        "price_precision": places,
        "price_increment": f"{10**-places:.{places}f}",
        "lot_size": "1",
        **dict.fromkeys(("margin_init", "margin_maint", "maker_fee", "taker_fee"), "0"),
        "info": b"null",
        "ts_event": 0,
        "ts_init": 0,
    }
    (folder / identity).mkdir(parents=True)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    pq.write_table(pa.Table.from_pylist([row], schema=_EQUITY), folder / identity / _file_name(epoch, epoch))


def _file_name(first: datetime, last: datetime) -> str:
    return "_".join(f"{when:%Y-%m-%dT%H-%M-%S-%f}000Z" for when in (first, last)) + ".parquet"
