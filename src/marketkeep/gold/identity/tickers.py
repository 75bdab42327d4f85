"""
Tickers: the table of who had which ticker when, from what directories show and files or hands tell beside them.

Directories decide wherever they know; what is told of the time before, between or without them is taken in: a map file
that says FB became META dates the change, joins the two, and leaves the directories' later FB to another security. A
told change that contradicts a directory is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from marketkeep.calendars import XNYS
from marketkeep.errors import CalendarError
from marketkeep.gold.identity.events import Events, on_or_after
from marketkeep.gold.identity.steps import EVER, NEVER, Node, follow
from marketkeep.gold.identity.tenancies import Tenancies, day_of
from marketkeep.model import TICKERS, UTC
from marketkeep.model.tables import Dtype

_NODES: dict[str, Dtype] = {
    "ticker": pl.String,
    "from": pl.Date,
    "to": pl.Date,
    "earliest": pl.Date,
    "security": pl.Int64,
    "name": pl.String,
    "known_at": UTC,
    "closed_at": UTC,
}
_STEP: dict[str, Dtype] = {"old_symbol": pl.String, "new_symbol": pl.String, "effective_date": pl.Date}


@dataclass(frozen=True, slots=True)
class Named:
    """`rows` as `TICKERS`; `tenants` and `steps` have security_id and symbol of each tenancy and of each told step."""

    rows: pl.DataFrame
    tenants: pl.DataFrame
    steps: pl.DataFrame


def tickers(held: Tenancies, found: Events, told: pl.DataFrame) -> Named:
    """
    Who had which ticker when.

    `told` are renames and delistings of files or hands: old_symbol, new_symbol (null: delisted), effective_date and
    fetched_at.
    """
    nodes = _from_directories(held, found)
    tenants = list(nodes)
    order = ["effective_date", "old_symbol", "new_symbol"]
    once = told.group_by(order).agg(pl.col("fetched_at").min()).sort(order)
    followed = follow(nodes, once.iter_rows(named=True))
    facts = [(n.ticker, n.start, n.end, _earliest(n), n.security, n.name, n.known_at, n.closed_at) for n in nodes]
    named = _published(_with_id(pl.DataFrame(facts, schema=_NODES, orient="row")))
    by_security = named.select("security", "security_id", "symbol").unique("security")
    of_tenants = found.heirs.select("tenancy").with_columns(
        security=pl.Series([node.security for node in tenants], dtype=pl.Int64)
    )
    of_steps = pl.DataFrame(followed, schema={**_STEP, "security": pl.Int64}, orient="row")
    return Named(
        _table(named),
        of_tenants.join(by_security, on="security").drop("security"),
        of_steps.join(by_security, on="security").drop("security"),
    )


def known_by(rows: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """
    `TICKERS` rows as they were known at `moment` (UTC): what was learned later is gone, and what it ended is open.

    Securities keep their ids; what they are published under is what it was then.
    """
    learned = rows.filter(pl.col("known_at").is_null() | (pl.col("known_at") <= moment))
    later = (pl.col("closed_at") > moment).fill_null(value=False)
    then = learned.with_columns(pl.when(later.not_()).then(pl.col(name)).alias(name) for name in ("to", "closed_at"))
    numbered = then.with_columns(security=pl.col("security_id").rank("dense").cast(pl.Int64))
    return _table(_published(numbered.drop("symbol")))


def _from_directories(held: Tenancies, found: Events) -> list[Node]:
    """The tenancies that directories show, in their order."""
    if not held.days:
        return []
    first, last = pl.col("first"), pl.col("last")
    ended = found.rows.select("tenancy", "effective_date", "reason")
    # A delisting is told by two directories without it, or the one that has a new holder; a rename or a form by one.
    proof = pl.when(pl.col("reason") == "directory").then(pl.min_horizontal(2, pl.col("absences") + 1)).otherwise(1)
    heard = pl.when(pl.col("effective_date").is_not_null()).then(last + proof)
    rows = (
        held.rows.join(found.heirs, on="tenancy", maintain_order="left")
        .join(ended, on="tenancy", how="left", maintain_order="left")
        .with_columns(
            since=day_of(first, held.days),
            unseen=day_of(first - 1, held.days),
            seen=day_of(last, held.days),
            closed=heard,
        )
    )
    columns = ["symbol", "heir", "name", "first", "since", "unseen", "seen", "effective_date", "closed"]
    return [_node(row, held.heard) for row in rows.select(columns).iter_rows(named=True)]


def _node(row: Mapping[str, Any], heard: Sequence[datetime | None]) -> Node:
    start = on_or_after(row["since"]) if row["unseen"] else None
    end, closed = row["effective_date"], row["closed"]
    earliest = row["unseen"].toordinal() + 1 if row["unseen"] else EVER
    begun = (earliest, max(earliest, (start or row["since"]).toordinal()))
    behind = row["seen"].toordinal() + 1
    over = (behind, max(behind, end.toordinal()) if end else NEVER)
    known_at = heard[row["first"]] if start else None
    closed_at = heard[min(closed, len(heard) - 1)] if closed is not None else None
    return Node(row["symbol"], row["heir"], start, end, begun, over, row["name"], known_at, closed_at)


def _earliest(node: Node) -> date | None:
    return None if node.start is None or node.begun[0] == EVER else date.fromordinal(node.begun[0])


def _with_id(rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` with the id of each security: its first ticker, numbered where others had that first before it."""
    firsts = _ordered(rows, "security").unique("security", keep="first", maintain_order=True)
    nth = (pl.int_range(pl.len()) + 1).over("ticker")
    ids = _ordered(firsts, "ticker").with_columns(nth=nth)
    several = pl.when(pl.col("nth") > 1).then(pl.format("{}#{}", "ticker", "nth"))
    return rows.join(ids.select("security", security_id=several.otherwise("ticker")), on="security")


def _published(rows: pl.DataFrame) -> pl.DataFrame:
    """
    `rows` with the symbol that each security is published under: its last ticker.

    Where another took that ticker later, the year of its last session under it stands behind.
    """
    taken = (pl.int_range(pl.len()) < pl.len() - 1).over("ticker")
    by_ticker = _ordered(rows, "ticker").with_columns(
        taken=taken, until=pl.coalesce("to", pl.col("from").shift(-1).over("ticker"))
    )
    lasts = _ordered(by_ticker, "security").unique("security", keep="last", maintain_order=True)
    days = lasts["until"].unique().drop_nulls()
    years = {day: _last_session_before(day).year for day in days}
    year = pl.col("until").replace_strict(years, default=None, return_dtype=pl.Int32)
    numbered = _ordered(lasts.with_columns(year=pl.when("taken").then(year)), "ticker").with_columns(
        nth=(pl.int_range(pl.len()) + 1).over("ticker", "year")
    )
    again = pl.when(pl.col("nth") > 1).then(pl.format(".{}", "nth")).otherwise(pl.lit(""))
    former = pl.format("{}~{}{}", "ticker", "year", again)
    symbols = numbered.select("security", symbol=pl.when(pl.col("year").is_not_null()).then(former).otherwise("ticker"))
    return rows.join(symbols, on="security", maintain_order="left")


def _ordered(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    return rows.sort(key, "from", "to", "ticker", nulls_last=[False, False, True, False], maintain_order=True)


def _table(rows: pl.DataFrame) -> pl.DataFrame:
    table = TICKERS.conform(rows.select(list(TICKERS.schema)))
    return table.sort("ticker", "from", "to", "security_id", nulls_last=[False, False, True, False])


def _last_session_before(day: date) -> date:
    try:
        return XNYS.previous_session(day)
    except CalendarError:
        return day
