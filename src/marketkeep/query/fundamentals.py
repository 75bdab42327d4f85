"""
Fundamentals as readers ask for them: figures by period, as first filed or as restated, by either clock.

Without `recorded_by` the published files answer; with it the same figures are made again from the raw batches that had
been received by then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from typing import Literal, get_args

import polars as pl

from marketkeep.errors import BadInput, NotFound
from marketkeep.gold.fundamentals import resolve_fundamentals
from marketkeep.gold.fundamentals.told import FORMULA_TIER, OTHER_TIER, PERIODIC, PERIODIC_TIER
from marketkeep.model import FUNDAMENTALS, METRICS
from marketkeep.model.new_york import NEW_YORK
from marketkeep.query.published_figures import published_figures
from marketkeep.query.terminals import Terminals
from marketkeep.raw import BatchStore
from marketkeep.stores.lake import Catalog, Lake
from marketkeep.stores.lake.fundamentals import DATASET, Years

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
_REPORTS = tuple(form + amended for form in PERIODIC for amended in ("", "/A"))
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
        rows = published_figures(lake, catalog, set(request.symbols), _years(request), _wanted(request))
    else:
        rows = _recorded(batches, catalog, request, securities())
        held = set(rows["symbol"])
        rows = rows.filter(*_wanted(request))
    if absent := [symbol for symbol in request.symbols if symbol not in held]:
        when = f" recorded by {request.recorded_by:%Y-%m-%dT%H:%M:%SZ}" if request.recorded_by else ""
        raise NotFound(
            f"{', '.join(absent)}: no fundamentals held{when}; they come from the SEC for companies that are followed"
        )
    return _chosen(rows, request)


def known_figures(
    lake: Lake, batches: BatchStore, request: FundamentalsRequest, securities: Callable[[], pl.DataFrame]
) -> pl.DataFrame:
    """Every version of every figure of the symbols that could be used by the request's clocks: `FUNDAMENTALS` rows."""
    catalog = lake.catalog()
    if request.recorded_by is None:
        return published_figures(lake, catalog, set(request.symbols), wanted=_usable(request))
    return _recorded(batches, catalog, request, securities()).filter(*_usable(request))


def _years(request: FundamentalsRequest) -> Years:
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


def _usable(request: FundamentalsRequest) -> list[pl.Expr]:
    """What the market could use by then."""
    until, available = request.as_of, pl.col("available_at")
    if isinstance(until, datetime):
        return [available <= until]
    if until is None or until == date.max:
        return []
    # Compared with an instant, rows of a file that came too late are not even read.
    behind = datetime.combine(until + timedelta(days=1), time(), tzinfo=NEW_YORK)
    return [available < behind.astimezone(UTC)]


def _wanted(request: FundamentalsRequest) -> list[pl.Expr]:
    """What can be asked of each row by itself: which instants come with a period is told by rows of every metric."""
    by_metric = request.metrics and request.period in (None, "instant")
    return [*_usable(request), *([pl.col("metric").is_in(request.metrics)] if by_metric else [])]


def _chosen(rows: pl.DataFrame, request: FundamentalsRequest) -> pl.DataFrame:
    rows = _of_period(rows, request.period)
    if request.metrics:
        rows = rows.filter(pl.col("metric").is_in(request.metrics))
    if request.start is not None:
        rows = rows.filter(pl.col("period_end") >= request.start)
    if request.end is not None:
        rows = rows.filter(pl.col("period_end") <= request.end)
    # In the order of the answer, the version to be chosen is the first of its figure, or the last if restated.
    order = [*_ORDER, "_tier", "available_at", "accession"]
    ranked = rows.with_columns(_tier=_tier(rows)).sort(
        order, descending=[name == "_tier" and request.restated for name in order]
    )
    ends = (pl.col(name) != pl.col(name).shift(-1 if request.restated else 1) for name in _ORDER)
    return ranked.filter(pl.any_horizontal(ends).fill_null(value=True)).drop("_tier")


def _tier(rows: pl.DataFrame) -> pl.Expr:
    """
    How good a version is: what a periodic form tells outranks what was put together from such a form's figures, and
    this the rest, however early that was told.
    """
    concepts = rows["concept"].unique()
    # A figure that was put together has metrics for a concept.
    formulas = concepts.filter(concepts.str.contains("^[a-z_]+( |$)")).implode()
    told = pl.when(pl.col("concept").is_in(formulas)).then(FORMULA_TIER).otherwise(PERIODIC_TIER)
    return pl.when(pl.col("form").is_in(_REPORTS)).then(told).otherwise(OTHER_TIER)


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
