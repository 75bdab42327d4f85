"""
The quality of what is held: how many bars, how they score, and per check what is open and what was cured.

It reads what every raw row was found to be when it was taken in, and works out what can only be told of the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from marketkeep.model import Policy
from marketkeep.query import market_time
from marketkeep.query.clocks import Clocks
from marketkeep.query.coverage import scored
from marketkeep.query.holdings import by_symbol, cut, entries_of
from marketkeep.query.issues import in_runs, issues
from marketkeep.query.states import State

_BARS = ("daily_bars", "minute_bars")
_TOLD = {
    "check": pl.String,
    "severity": pl.String,
    "dataset": pl.String,
    "symbol": pl.String,
    "first": pl.Date,
    "last": pl.Date,
    "count": pl.Int64,
    "open": pl.Boolean,
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What quality is asked of: these symbols (None: all), this dataset (None: all), days from `since` on."""

    symbols: tuple[str, ...] | None = None
    dataset: str | None = None
    since: date | None = None

    def holds(self, column: str = "last") -> list[pl.Expr]:
        """The rows of a table with symbol and dataset that are in it; `column` has the last day concerned."""
        wanted = [pl.lit(value=True)]
        if self.symbols is not None:
            wanted.append(pl.col("symbol").is_in(list(self.symbols)))
        if self.dataset is not None:
            wanted.append(pl.col("dataset") == self.dataset)
        if self.since is not None:
            wanted.append(pl.col(column).is_null() | (pl.col(column) >= self.since))
        return wanted


@dataclass(frozen=True, slots=True, eq=False)
class Quality:
    """
    The quality of a scope. `bars` has dataset, symbols, rows, missing (sessions) and score (mean, 0 to 100);
    `checks` has check, severity, dataset, open and resolved (runs of findings), count (rows of the open ones),
    symbols (those with open ones), first and last (of the open ones), worst first. `open_errors` sums up the errors.
    """

    bars: pl.DataFrame
    checks: pl.DataFrame

    @property
    def open_errors(self) -> int:
        """How many findings of severity error are open."""
        return int(self.checks.filter(pl.col("severity") == "error")["open"].sum())


def quality(state: State, policy: Policy, clocks: Clocks, scope: Scope, now: datetime | None) -> Quality:
    """The quality of a scope, by both clocks; freshness is looked at when `now`, an instant (UTC), is given."""
    standing = issues(state, policy, clocks, now=now, info=True).filter(*scope.holds())
    past = market_time.findings_on(state.findings(), clocks.as_of).filter(pl.col("resolved_at").is_not_null())
    cured = past.filter(*scope.holds())
    both = pl.concat(
        [
            standing.with_columns(open=pl.lit(value=True)).select(list(_TOLD)),
            in_runs(cured).with_columns(open=pl.lit(value=False)).select(list(_TOLD)),
        ]
    )
    return Quality(_bars(state, clocks, scope), _checks(both))


def _checks(told: pl.DataFrame) -> pl.DataFrame:
    stands = pl.col("open")
    grouped = told.group_by("check", "severity", "dataset").agg(
        open=stands.sum().cast(pl.Int64),
        resolved=stands.not_().sum().cast(pl.Int64),
        count=pl.col("count").filter(stands).sum(),
        symbols=pl.col("symbol").filter(stands).n_unique().cast(pl.Int64),
        first=pl.col("first").filter(stands).min(),
        last=pl.col("last").filter(stands).max(),
    )
    order = pl.col("severity").replace_strict({"error": 0, "warning": 1, "info": 2}, return_dtype=pl.Int8)
    return grouped.sort(order, pl.col("open").neg(), "check", "dataset")


def _bars(state: State, clocks: Clocks, scope: Scope) -> pl.DataFrame:
    found = []
    for dataset in _BARS:
        if scope.dataset not in (None, dataset):
            continue
        held = cut(state.entries(dataset), clocks.as_of).filter(*scope.holds())
        if scope.since is not None and not held.is_empty():
            days = state.days(dataset, held["symbol"].unique().to_list(), scope.since, clocks.as_of)
            held = entries_of(days, dataset)
        else:
            held = scored(state, held, dataset, clocks.as_of)
        each = by_symbol(held)
        found.append(
            each.select(
                dataset=pl.lit(dataset),
                symbols=pl.len().cast(pl.Int64),
                rows=pl.col("rows").sum(),
                missing=pl.col("missing").sum(),
                score=(pl.col("score") * pl.col("rows")).sum() / pl.col("rows").sum(),
            ).filter(pl.col("symbols") > 0)
        )
    none = {"dataset": pl.String, "symbols": pl.Int64, "rows": pl.Int64, "missing": pl.Int64, "score": pl.Float64}
    return pl.concat([pl.DataFrame(schema=none), *found])
