"""What raw tells of securities, made by hand: directories of days, statements, companies and filings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from marketkeep.gold.identity import Told, reference, sightings
from marketkeep.model import RAW_TABLES, Batch, Lineage
from marketkeep.raw import BatchStore

LINEAGE = {
    "source": pl.String,
    "fetched_at": pl.Datetime("us", "UTC"),
    "digest": pl.String,
    "batch_id": pl.String,
}
Row = dict[str, Any]
# A real directory has both halves of the market every day; its test issues alone make sure of that.
_TESTS = ({"symbol": "ZVZZT", "exchange": "NASDAQ"}, {"symbol": "NTEST", "exchange": "NYSE"})


def directory(
    day: date, lines: Mapping[str, str], *, etfs: Iterable[str] = (), source: str = "nasdaq_trader"
) -> pl.DataFrame:
    """A whole directory of a day: name by symbol, on NASDAQ."""
    rows: list[Row] = [
        {"symbol": symbol, "name": name, "exchange": "NASDAQ", "etf": symbol in set(etfs), "test_issue": False}
        for symbol, name in lines.items()
    ]
    rows += [{"name": "Test Stock", "etf": False, "test_issue": True, **one} for one in _TESTS]
    return frame("listings", ({"date": day, "source": source, **row} for row in rows))


def tickers(day: date, ciks: Mapping[str, tuple[int, str]]) -> pl.DataFrame:
    """The SEC's list of a day: number and company by symbol."""
    rows = [{"symbol": symbol, "cik": cik, "name": name, "exchange": "NASDAQ"} for symbol, (cik, name) in ciks.items()]
    return frame("listings", ({"date": day, "source": "sec_tickers", **row} for row in rows))


def stated(symbol: str, day: date, *, followed: bool = True, **more: Any) -> Row:
    """A user's statement of a day."""
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    told = {"symbol": symbol, "asset_class": "equity", "followed": followed, "fetched_at": at, "source": "manual"}
    return {**told, "batch_id": f"{at:%Y%m%d}-{symbol}", **more}


def company(cik: int, name: str, symbols: Sequence[str], *, former: Sequence[str] = (), asked: date) -> Row:
    """A company as the SEC's submissions have it on a day."""
    return {
        "cik": cik,
        "name": name,
        "symbols": list(symbols),
        "exchanges": ["Nasdaq"] * len(symbols),
        "former_names": [{"name": one, "from": None, "to": None} for one in former],
        "fetched_at": datetime(asked.year, asked.month, asked.day, 12, tzinfo=UTC),
    }


def frame(dataset: str, rows: Iterable[Row]) -> pl.DataFrame:
    """Rows of a raw table with their lineage; what is not told is null."""
    return pl.DataFrame(list(rows), schema={**RAW_TABLES[dataset].schema, **LINEAGE})


def tables(
    listings: Sequence[pl.DataFrame],
    *,
    statements: Iterable[Row] = (),
    history: Iterable[Row] = (),
    companies: Iterable[Row] = (),
    filings: Iterable[tuple[int, str, date]] = (),
    held: Iterable[tuple[str, date, date]] = (),
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Ticker metadata and ticker history from all of it."""
    return reference(
        told_of(listings, statements=statements, history=history, companies=companies, filings=filings, held=held)
    )


def told_of(
    listings: Sequence[pl.DataFrame],
    *,
    statements: Iterable[Row] = (),
    history: Iterable[Row] = (),
    companies: Iterable[Row] = (),
    filings: Iterable[tuple[int, str, date]] = (),
    held: Iterable[tuple[str, date, date]] = (),
) -> Told:
    """All of it, as gold takes it."""
    return Told(
        sightings(pl.concat(listings) if listings else frame("listings", ())),
        frame("securities", statements),
        frame("ticker_history", history),
        frame("companies", companies),
        pl.DataFrame(list(filings), schema={"cik": pl.Int64, "form": pl.String, "filed": pl.Date}, orient="row"),
        pl.DataFrame(
            list(held),
            schema={"symbol": pl.String, "first_session": pl.Date, "last_session": pl.Date},
            orient="row",
        ),
    )


def step(symbol: str, old: str, new: str | None, day: date, source: str = "lean") -> Row:
    """A row of ticker history as a file tells it, received at noon of its day."""
    names = {"symbol": symbol, "old_symbol": old, "new_symbol": new, "effective_date": day}
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return {**names, "source": source, "batch_id": "b", "fetched_at": at}


def kept(store: BatchStore, rows: pl.DataFrame, dataset: str = "listings") -> Batch:
    """A raw batch of one payload's rows, received in the evening of their day."""
    source, day = rows["source"][0], rows["date" if "date" in rows.columns else "filed"][0]
    at = datetime(day.year, day.month, day.day, 22, tzinfo=UTC)
    lineage = Lineage("sha256:00", None, None, "https://example.org", (), day, day + timedelta(days=1), at, rows.height)
    told = rows.drop(*(name for name in LINEAGE if name in rows.columns), "payload", strict=False)
    batch = store.write(dataset, source, "run", told.with_columns(payload=pl.lit(0)), [lineage])
    assert batch is not None
    return batch


def changes(history: pl.DataFrame) -> list[tuple[str, str | None, date]]:
    """Ticker history as old ticker, new ticker and day."""
    return history.select("old_symbol", "new_symbol", "effective_date").rows()


def of(securities: pl.DataFrame, symbol: str) -> Row:
    """The one row of a symbol."""
    (row,) = securities.filter(pl.col("symbol") == symbol).to_dicts()
    return row
