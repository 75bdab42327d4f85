"""
Fundamentals as readers ask for them: figures by period, as first filed or as restated, by either clock.

Without `recorded_by` the published files answer; with it the same figures are made again from the raw batches that had
been received by then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from typing import Literal, get_args

import polars as pl

from marketkeep.errors import BadInput, NotFound
from marketkeep.gold.fundamentals import resolve_fundamentals
from marketkeep.gold.fundamentals.told import PERIODIC
from marketkeep.model import FUNDAMENTALS, METRICS
from marketkeep.model.new_york import NEW_YORK
from marketkeep.query.terminals import Terminals
from marketkeep.raw import BatchStore
from marketkeep.stores.lake import Catalog, Lake
from marketkeep.stores.lake.fundamentals import DATASET, read_fundamentals

Period = Literal["quarter", "annual", "ttm", "instant"]
"""
Which periods: single quarters, fiscal years, trailing twelve months, or instants alone. The first three bring the
instants at the ends of such periods with them.
"""

_LABELS: dict[str, tuple[str, ...]] = {
    "quarter": ("Q1", "Q2", "Q3", "Q4"),
    "annual": ("FY",),
    "ttm": ("TTM",),
    "instant": (),
}
_NAMES = tuple(metric.name for metric in METRICS)
_COVERS = tuple(metric.name for metric in METRICS if metric.measure == "cover")
_FIGURE = ["symbol", "metric", "period", "period_end"]
_ORDER = ["symbol", "metric", "period_end", "period"]


@dataclass(frozen=True, slots=True)
class FundamentalsRequest:
    """
    What figures are asked for: published symbols, metrics (empty: all), `period_end` from `start` to `end` both
    included (None: all), which periods (None: all), and the two clocks: `as_of`, a day in New York or an instant, and
    `recorded_by`, an instant. `restated` asks for the latest version instead of the first.
    """

    symbols: tuple[str, ...]
    metrics: tuple[str, ...] = ()
    start: date | None = None
    end: date | None = None
    period: Period | None = None
    as_of: date | datetime | None = None
    recorded_by: datetime | None = None
    restated: bool = False

    def __post_init__(self) -> None:
        if self.period is not None and self.period not in get_args(Period):
            raise BadInput(f"period={self.period!r} is unknown; use {', '.join(map(repr, get_args(Period)))}")
        for name in self.metrics:
            if name not in _NAMES:
                near = get_close_matches(name, _NAMES, n=3, cutoff=0.5)
                meant = f"did you mean {' or '.join(near)}?" if near else "the data dictionary lists all"
                raise BadInput(f"there is no metric {name!r}; {meant}")


@dataclass(frozen=True, slots=True)
class FundamentalsQuery(Terminals):
    """
    A question about fundamentals; terminal methods read it.

    Columns: those of the table fundamentals (see the data dictionary), one row a figure: symbol, metric, period and
    period_end; sorted by symbol, metric, period_end and period. `value` is in `unit`; null where a derived figure was
    withdrawn by a restatement.
    """

    request: FundamentalsRequest
    _read: Callable[[FundamentalsRequest], pl.DataFrame]

    def polars(self) -> pl.DataFrame:
        """The figures as a polars frame. Raises `NotFound` for a symbol without any."""
        return self._read(self.request)


def read_figures(
    lake: Lake, batches: BatchStore, request: FundamentalsRequest, securities: Callable[[], pl.DataFrame]
) -> pl.DataFrame:
    """
    The figures asked for, as `FUNDAMENTALS` rows.

    `securities` gives `SECURITIES` rows as of the keeping time. Raises `NotFound` for a symbol without any figure.
    """
    catalog = lake.catalog()
    if request.recorded_by is None:
        held = set(catalog.entries.filter(pl.col("dataset") == DATASET)["symbol"])
        rows = read_fundamentals(lake.files, catalog, request.symbols, _years(request))
    else:
        rows = _recorded(batches, catalog, request, securities())
        held = set(rows["symbol"])
    if absent := [symbol for symbol in request.symbols if symbol not in held]:
        when = f" recorded by {request.recorded_by:%Y-%m-%dT%H:%M:%SZ}" if request.recorded_by else ""
        raise NotFound(
            f"{', '.join(absent)}: no fundamentals held{when}; they come from the SEC for companies that are followed"
        )
    return _chosen(_known(rows, request), request)


def known_figures(
    lake: Lake, batches: BatchStore, request: FundamentalsRequest, securities: Callable[[], pl.DataFrame]
) -> pl.DataFrame:
    """Every version of every figure of the symbols that could be used by the request's clocks: `FUNDAMENTALS` rows."""
    catalog = lake.catalog()
    if request.recorded_by is None:
        return _known(read_fundamentals(lake.files, catalog, request.symbols), request)
    return _known(_recorded(batches, catalog, request, securities()), request)


def _years(request: FundamentalsRequest) -> tuple[int | None, int | None]:
    """The years to read; that before the first too, for a count on a cover is told by a period that ended earlier."""
    first = None if request.start is None else request.start.year - 1
    return first, None if request.end is None else request.end.year


def _recorded(
    batches: BatchStore, catalog: Catalog, request: FundamentalsRequest, securities: pl.DataFrame
) -> pl.DataFrame:
    """The same rows from the raw batches received by then."""
    wanted = pl.col("symbol").is_in(request.symbols) & pl.col("cik").is_not_null() & (pl.col("asset_class") == "equity")
    issuers = securities.filter(wanted).select("symbol", "cik")
    ciks = issuers["cik"].unique().to_list()
    facts, filings, companies = (
        batches.rows(dataset, catalog.batch_paths(dataset), ciks=ciks, recorded_by=request.recorded_by)
        for dataset in ("facts", "filings", "companies")
    )
    rows = resolve_fundamentals(facts, filings, companies).rows.join(issuers, on="cik")
    return rows.select(list(FUNDAMENTALS.schema))


def _known(rows: pl.DataFrame, request: FundamentalsRequest) -> pl.DataFrame:
    """What the market could use by then."""
    if request.as_of is None:
        return rows
    if isinstance(request.as_of, datetime):
        return rows.filter(pl.col("available_at") <= request.as_of)
    return rows.filter(pl.col("available_at").dt.convert_time_zone(NEW_YORK.key).dt.date() <= request.as_of)


def _chosen(rows: pl.DataFrame, request: FundamentalsRequest) -> pl.DataFrame:
    rows = _of_period(rows, request.period)
    if request.metrics:
        rows = rows.filter(pl.col("metric").is_in(request.metrics))
    if request.start is not None:
        rows = rows.filter(pl.col("period_end") >= request.start)
    if request.end is not None:
        rows = rows.filter(pl.col("period_end") <= request.end)
    # What a periodic form tells outranks the rest, however early that was.
    periodic = pl.col("form").str.strip_suffix("/A").is_in(PERIODIC)
    ranked = rows.with_columns(_other=~periodic, _formula=_of_formula()).sort(*_FIGURE, "available_at", "accession")
    better = ranked.filter(
        (pl.col("_other") == pl.col("_other").min().over(_FIGURE))
        & ((pl.col("_formula") == pl.col("_formula").min().over(_FIGURE)) | pl.col("_other"))
    )
    chosen = better.unique(_FIGURE, keep="last" if request.restated else "first", maintain_order=True)
    return chosen.drop("_other", "_formula").sort(_ORDER)


def _of_formula() -> pl.Expr:
    """Whether a figure was put together from others of its filing: then its concept names metrics."""
    return pl.col("concept").str.contains("^[a-z_]+( |$)")


def _of_period(rows: pl.DataFrame, period: Period | None) -> pl.DataFrame:
    if period is None:
        return rows
    instant = pl.col("period") == "instant"
    if period == "instant":
        return rows.filter(instant)
    spans = rows.filter(pl.col("period").is_in(_LABELS[period]))
    ends = spans.select("symbol", "period_end").unique()
    cover = pl.col("metric").is_in(_COVERS)
    at_ends = rows.filter(instant & ~cover).join(ends, on=["symbol", "period_end"], how="semi")
    counts = rows.filter(instant & cover).join(
        spans.select("symbol", "accession").unique(), on=["symbol", "accession"], how="semi"
    )
    return pl.concat([spans, at_ends, counts])
