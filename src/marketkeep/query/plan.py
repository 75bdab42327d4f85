"""
How a question about daily bars is answered: from which files, and why. It reads none of them.

There are four ways, and all of them give the same answer. The published files hold one symbol's year each; the panel
holds all symbols' year as Parquet; its maps on this machine hold the same ready for use; and what the keep held at a
past instant is made again from raw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, get_args

import polars as pl

from marketkeep.errors import BadInput
from marketkeep.query.bars import COLUMNS, BarsRequest
from marketkeep.query.fields import with_key
from marketkeep.query.panel import Panel
from marketkeep.query.panel_bars import PanelBars, Shape, panel_bars
from marketkeep.stores.lake import Catalog, Lake, touching

Way = Literal["published", "panel", "mapped", "raw"]
KEY = ("symbol", "date")
_FILE, _PARTITION, _MEGAROW = 0.3, 25.0, 90.0
"""
Milliseconds: to read a published file, to open a partition, to read a million rows of it. Measured on two cores; only
their proportions matter.
"""
_PATIENCE = 50.0
"""What takes longer than this many milliseconds without maps is worth making them: who asks much asks again."""
_READS = {
    "published": "the published files, one a symbol and year",
    "panel": "the panel's Parquet files",
    "mapped": "the panel, mapped into memory",
    "raw": "the raw batches received by then",
}


@dataclass(frozen=True, eq=False)
class Plan:
    """A request (symbols as published) and the way it is answered; `panel` are the maps, once they are open."""

    request: BarsRequest
    catalog: Catalog
    bars: PanelBars
    way: Way
    reason: str
    panel: Panel | None = None

    @property
    def last(self) -> date | None:
        """The last day looked at."""
        return last_day(self.request)

    @property
    def shape(self) -> Shape:
        """The columns of the answer, and how they are adjusted."""
        asked = self.request
        return Shape(with_key(asked.fields, COLUMNS, KEY), asked.adjust, asked.as_of)

    def ready(self) -> Plan:
        """
        The plan with its maps open, made where they are missing; where nothing can be mapped, the one by Parquet.

        Raises `CorruptFile` when a partition to be mapped is not what the catalog tells.
        """
        if self.way != "mapped" or self.panel is not None:
            return self
        panel = self.bars.panel(self.bars.near(self.request.start, self.last), made=True)
        if panel is None:
            return replace(self, way="panel", reason="nothing can be mapped here")
        return replace(self, panel=panel)

    def told(self) -> str:
        """The plan in words: what is read, how much of it, how prices are adjusted, and why this way."""
        asked, entries = self.request, entries_of(self.catalog, self.request)
        rows = "an unknown number of" if self.way == "raw" else f"at most {int(entries['rows'].sum()):,}"
        lines = [
            f"Reads {_READS[self.way]}: {self._parts(entries)}.",
            f"Rows: {rows}, of {_symbols(asked)}, {_days(asked.start, self.last)}.",
            f"Columns: {', '.join(self.shape.columns)}.",
            f"Prices: {_adjustment(self.shape)}.",
            f"Because {self.reason}.",
        ]
        return "\n".join(lines)

    def _parts(self, entries: pl.DataFrame) -> str:
        match self.way:
            case "published":
                return _counted(len(entries), "file")
            case "raw":
                paths = self.catalog.batch_paths("daily_bars") + self.catalog.batch_paths("actions")
                return f"{_counted(len(paths), 'batch', 'es')}, in which those of other symbols are skipped"
            case _:
                return f"{_counted(len(self.bars.near(self.request.start, self.last)), 'partition')} of a year each"


def plan_bars(lake: Lake, catalog: Catalog, request: BarsRequest, way: Way | None = None) -> Plan:
    """
    The plan for a request whose symbols are published ones; none means every symbol held.

    `way` takes that one, where it can be gone, whatever it costs.
    """
    if way is not None and way not in get_args(Way):
        raise BadInput(f"way={way!r} is unknown; use one of {', '.join(get_args(Way))}")
    bars = panel_bars(lake, catalog)
    if request.recorded_by is not None:
        return Plan(request, catalog, bars, "raw", "what was held at a past instant is made again from what had come")
    wanted = bars.near(request.start, last_day(request))
    if way is None and bars.complete and wanted:
        return _best(catalog, request, bars)
    if way is None or (way in ("panel", "mapped") and not (bars.complete and wanted)):
        why = "has no sessions of these" if bars.complete else "does not have all that is published"
        return Plan(request, catalog, bars, "published", f"the panel {why}")
    return Plan(request, catalog, bars, way, "it was asked for")


def _best(catalog: Catalog, request: BarsRequest, bars: PanelBars) -> Plan:
    """The maps where all that is needed is mapped, else what costs least; heavy questions are worth making maps for."""
    wanted = bars.near(request.start, last_day(request))
    panel = bars.panel(wanted)
    if panel is not None:
        return Plan(request, catalog, bars, "mapped", "all of it is mapped on this machine", panel)
    entries = entries_of(catalog, request)
    rows = sum(source.rows for source in wanted) / 1e6
    share = entries["symbol"].n_unique() / max(1, len(held(catalog)))
    published, parquet = len(entries) * _FILE, len(wanted) * _PARTITION + rows * share * _MEGAROW
    if min(published, parquet) > _PATIENCE:
        return Plan(request, catalog, bars, "mapped", "what is not mapped yet is worth mapping")
    if published <= parquet:
        return Plan(request, catalog, bars, "published", f"{_counted(len(entries), 'file')} cost less than partitions")
    return Plan(request, catalog, bars, "panel", f"partitions cost less than {_counted(len(entries), 'file')}")


def held(catalog: Catalog) -> frozenset[str]:
    """The symbols of which there are bars."""
    if "held" not in catalog.worked_out:
        catalog.worked_out["held"] = frozenset(catalog.symbols())
    known: frozenset[str] = catalog.worked_out["held"]
    return known


def last_day(request: BarsRequest) -> date | None:
    """The last day to look at: nothing later than what the market knew."""
    return min((day for day in (request.end, request.as_of) if day), default=None)


def entries_of(catalog: Catalog, request: BarsRequest) -> pl.DataFrame:
    """The catalog's entries of daily bars that a request touches."""
    entries = catalog.entries.filter(pl.col("dataset") == "daily_bars")
    if request.symbols:
        entries = entries.filter(pl.col("symbol").is_in(list(request.symbols)))
    return touching(entries, request.start, last_day(request))


def _symbols(asked: BarsRequest) -> str:
    named: Sequence[str] = asked.symbols
    if asked.universe == "all" and not named:
        return "every symbol held"
    who = ", ".join(named) if len(named) <= 5 else f"{len(named):,} symbols"
    if asked.universe in (None, "all"):
        return who
    return f"the members of {asked.universe}" + (f" among {who}" if named else "") + ", each while it was one"


def _days(first: date | None, last: date | None) -> str:
    if first is None and last is None:
        return "all sessions held"
    return f"sessions{f' from {first}' if first else ''}{f' through {last}' if last else ''}"


def _adjustment(shape: Shape) -> str:
    until = f" with an ex-date through {shape.as_of}" if shape.as_of else ""
    match shape.adjust:
        case "splits":
            return f"multiplied, and volumes divided, by the factors of later splits{until}, as they are read"
        case "all":
            return f"multiplied by the factors of later splits and dividends{until}, as they are read"
        case _:
            return "as traded" + (f"; adj_close by the factors of later actions{until}" if shape.factored else "")


def _counted(number: int, noun: str, plural: str = "s") -> str:
    return f"{number:,} {noun}{'' if number == 1 else plural}"
