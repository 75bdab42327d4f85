"""
A marketkeep keep of the benchmark's market, made the honest way: raw batches, then everything published from them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from marketkeep.model import RAW_TABLES, Lineage, Policy
from marketkeep.pipeline.publishing.absorb import absorb
from marketkeep.pipeline.workspace import Workspace, open_workspace
from marketkeep.stores.lake import Lake
from marketkeep.stores.lake.fundamentals import DATASET, read_fundamentals
from reads import market as data
from reads.market import Market

SOURCE = "bench"
_BATCH_ROWS = 500_000
_CONCEPTS = (
    ("Revenues", "USD", 4e9),
    ("NetIncomeLoss", "USD", 3e8),
    ("OperatingIncomeLoss", "USD", 5e8),
    ("Assets", "USD", 3e10),
    ("StockholdersEquity", "USD", 1e10),
)
_INSTANTS = ("Assets", "StockholdersEquity")


def make(market: Market, place: Path, root: Path) -> Path:
    """The keep at `root`; made when it is not whole yet."""
    if (root / "bench-whole").exists():
        return root
    shutil.rmtree(root, ignore_errors=True)
    Lake(root).create(Policy())
    work = open_workspace(root)
    actions = pl.read_parquet(place / "actions.parquet")
    for path in data.daily(place):
        bars = pl.read_parquet(path).drop("adj_close")
        told = actions.join(bars.select("symbol").unique(), on="symbol", how="semi")
        write(work, "actions", told.with_columns(text=pl.col("amount").cast(pl.String).fill_null("split")), data.LAST)
        write(work, "daily_bars", bars, data.LAST)
    for path in data.minutes(place):
        write(work, "minute_bars", pl.read_parquet(path).with_columns(feed=pl.lit("sip")), data.LAST)
    for dataset, frame in statements(market) if market.companies else ():
        write(work, dataset, frame, data.LAST)
    absorb(work)
    (root / "bench-whole").touch()
    return root


def write(work: Workspace, dataset: str, rows: pl.DataFrame, day: date) -> None:
    """Write raw batches of at most so many rows, received on the evening of `day`."""
    moment = datetime.combine(day, time(23), UTC) + timedelta(days=1)
    known = rows.with_columns(payload=pl.lit(0, dtype=pl.UInt32))
    if "basis" in RAW_TABLES[dataset].schema:
        known = known.with_columns(basis=pl.lit("as_traded"))
    for part in known.iter_slices(_BATCH_ROWS):
        lineage = Lineage("sha256:0", None, None, "https://example.com", (), None, None, moment, rows=part.height)
        work.batches.write(dataset, SOURCE, "bench", part, [lineage])


def statements(market: Market) -> Iterable[tuple[str, pl.DataFrame]]:
    """Raw companies, filings and facts: quarterly statements of some, now and then restated a year later."""
    ciks = range(1, market.companies + 1)
    names = market.names()[: market.companies]
    yield "securities", pl.DataFrame({"symbol": names, "asset_class": "equity", "followed": True})
    listed = market.names()
    directory = pl.DataFrame({"symbol": listed, "name": listed, "cik": range(1, market.symbols + 1)})
    yield (
        "listings",
        directory.with_columns(
            pl.lit(data.LAST).alias("date"),
            exchange=pl.lit("NYSE"),
            etf=pl.lit(value=False),
            test_issue=pl.lit(value=False),
        ),
    )
    yield (
        "companies",
        pl.DataFrame({"cik": list(ciks), "name": names}).with_columns(
            symbols=pl.concat_list(pl.Series(names)),
            exchanges=pl.concat_list(pl.lit("NYSE")),
            former_names=pl.lit([], dtype=RAW_TABLES["companies"].schema["former_names"]),
        ),
    )
    quarters = _quarters(market)
    every = pl.DataFrame({"cik": list(ciks)}, schema={"cik": pl.Int64}).join(quarters, how="cross")
    every = every.with_columns(accession=pl.format("{}-{}", pl.col("cik").cast(pl.String).str.zfill(10), "serial"))
    yield (
        "filings",
        every.select(
            "cik",
            "accession",
            "form",
            "filed",
            report_date="end",
            accepted_at=pl.col("filed").cast(pl.Datetime("us", "UTC")) + timedelta(hours=21),
        ),
    )
    yield "facts", pl.concat(_facts(every, number, market.seed) for number in range(len(_CONCEPTS)))


def _quarters(market: Market) -> pl.DataFrame:
    """A filing a row: its serial, form, day, the period's end, and the start of its quarter and year."""
    first = market.days()[0].year
    rows = []
    for year in range(first, data.LAST.year + 1):
        for quarter, (month, last) in enumerate(((3, 31), (6, 30), (9, 30), (12, 31))):
            end = date(year, month, last)
            filed = end + timedelta(days=40 if quarter < 3 else 55)
            start = date(year, month - 2, 1)
            if filed <= data.LAST:
                form = "10-K" if quarter == 3 else "10-Q"
                period = "FY" if quarter == 3 else f"Q{quarter + 1}"
                rows.append((f"{year % 100:02d}-{quarter + 1:06d}", form, filed, end, start, date(year, 1, 1), period))
    columns = ["serial", "form", "filed", "end", "quarter_start", "year_start", "fiscal_period"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def _facts(filings: pl.DataFrame, number: int, seed: int) -> pl.DataFrame:
    concept, unit, size = _CONCEPTS[number]
    rng = np.random.default_rng([seed, 11, number])
    value = np.round(size * np.exp(rng.normal(0, 0.2, filings.height)), -3)
    told = filings.with_columns(value=pl.Series(value))
    if concept in _INSTANTS:
        told = told.with_columns(start=pl.lit(None, dtype=pl.Date))
    else:
        # A year's figure is that of its quarters together, as reports have it: Q4 is told by the year alone.
        year = pl.col("value").sum().over("cik", pl.col("end").dt.year())
        annual = pl.col("form") == "10-K"
        told = told.with_columns(
            value=pl.when(annual).then(year).otherwise("value"),
            start=pl.when(annual).then("year_start").otherwise("quarter_start"),
        )
    known = told.select("cik", "start", "end", "value", "accession", "form", "filed", "fiscal_period")
    # One in ten is told again with the figures of a year later, a little different.
    later = filings.select(
        "cik", "accession", "form", "filed", end=pl.col("end").dt.offset_by("-1y"), fiscal_period="fiscal_period"
    )
    again = known.drop("accession", "form", "filed").join(later, on=["cik", "end", "fiscal_period"])
    restated = again.filter(pl.Series(rng.random(again.height) < 0.1)).with_columns(value=pl.col("value") * 1.01)
    return (
        pl.concat([known, restated.select(known.columns)])
        .with_columns(taxonomy=pl.lit("us-gaap"), concept=pl.lit(concept), unit=pl.lit(unit))
        .with_columns(fiscal_year=pl.col("filed").dt.year())
    )


def figures(root: Path) -> pl.DataFrame:
    """Every version of every figure that the keep publishes: what a peer loads for the point-in-time panel."""
    lake = Lake(root)
    catalog = lake.catalog()
    held = catalog.entries.filter(pl.col("dataset") == DATASET)["symbol"].unique().sort()
    return read_fundamentals(lake.files, catalog, held, (None, None))
