"""
Daily bars over the mapped panel of one version of the catalog: which maps there are, the factors, the rows asked for.

What it opened it keeps for as long as the catalog is kept, so that the next question finds it open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import cast

import polars as pl

from marketkeep.files import Files
from marketkeep.query.bars import COLUMNS, Adjust
from marketkeep.query.panel import Panel, Wanted, select
from marketkeep.query.panel_steps import Factors, Steps, scaled, together
from marketkeep.stores.lake import Catalog, Lake
from marketkeep.stores.panel.mapped import Mapped, Source, open_mapped, sources
from marketkeep.stores.panel.mapped_files import make
from marketkeep.stores.panel.partition import Partition

PRICES = ("open", "high", "low", "close")
_STORED = tuple(name for name in COLUMNS if name != "adj_close")
_EPOCH = date(1970, 1, 1)
_AGES = -(2**30), 2**30


@dataclass(frozen=True, slots=True)
class Shape:
    """What of each bar is wanted: columns in order, and how prices are adjusted, knowing actions up to a day."""

    columns: Sequence[str]
    adjust: Adjust = "none"
    as_of: date | None = None

    @property
    def factored(self) -> bool:
        """Whether any column needs factors."""
        return "adj_close" in self.columns or (
            self.adjust != "none" and any(name in PRICES or name == "volume" for name in self.columns)
        )


class PanelBars:
    """The panel's daily bars as `catalog` tells of them."""

    def __init__(self, lake: Lake, catalog: Catalog) -> None:
        self._lake, self._catalog = lake, catalog
        self.sources = sources(catalog.panels, "daily_bars")
        self._steps: dict[date | None, Steps] = {}
        self._open: dict[int, Mapped] = {}
        self._panels: dict[tuple[int, ...], Panel] = {}

    @property
    def files(self) -> Files:
        """Where the keep lies."""
        return self._lake.files

    @cached_property
    def complete(self) -> bool:
        """Whether the panel has the bars of every year that are published, and their factors."""
        datasets = self._catalog.panels["dataset"]
        held = self._catalog.entries.filter(pl.col("dataset") == "daily_bars")["period"].unique()
        told = (self._catalog.entries["dataset"] == "actions").any()
        return set(held) == {source.period for source in self.sources} and (not told or "factors" in datasets)

    def near(self, first: date | None, last: date | None) -> list[Source]:
        """The partitions that have rows between two days."""
        return [
            source
            for source in self.sources
            if (first is None or source.last >= first) and (last is None or source.first <= last)
        ]

    def panel(self, wanted: Sequence[Source], *, made: bool = False) -> Panel | None:
        """These partitions mapped, None when one is not; with `made` those missing are made first."""
        for source in wanted:
            if source.period not in self._open:
                opened = make(self.files, source) if made else open_mapped(self.files.scratch, source)
                if opened is None:
                    return None
                self._open[source.period] = opened
        # One for all questions, where it can be, so that what it works out of itself is worked out once.
        chosen = self.sources if len(self._open) == len(self.sources) else wanted
        periods = tuple(source.period for source in chosen)
        if periods not in self._panels:
            self._panels[periods] = Panel([self._open[period] for period in periods])
        return self._panels[periods]

    def frame(self, panel: Panel, wanted: Wanted, shape: Shape) -> pl.DataFrame:
        """The bars wanted, by symbol and day, in the columns of `shape`."""
        found, counts = panel.frame(wanted, stored(shape))
        if not shape.factored:
            return select(found, shape.columns)
        days = found.get_column("date").cast(pl.Int32).to_numpy()
        factors = self.steps(shape.as_of, wanted.symbols).over(wanted.symbols, counts, days)
        return pl.DataFrame([adjusted(found.get_column, name, factors, shape.adjust) for name in shape.columns])

    def steps(self, as_of: date | None, symbols: Sequence[str] | None = None) -> Steps:
        """The factors of all symbols; of a past day those of `symbols`, all without any."""
        if None not in self._steps:
            rows = self._catalog.panels.filter(pl.col("dataset") == "factors").rows(named=True)
            self._steps[None] = Steps(Partition.open(self.files, rows[0]).read()) if rows else Steps()
        now = self._steps[None]
        if as_of is None:
            return now
        changed = now.later_than(as_of)
        if symbols is not None:
            changed = sorted(set(changed) & set(symbols))
        if not changed:
            return now
        from marketkeep.gold import factor_steps  # noqa: PLC0415  most questions are about now

        # Of those that changed since, what was known then is multiplied anew: a product is not taken apart again.
        events = self._lake.actions(changed, self._catalog).filter(pl.col("ex_date") <= as_of)
        others = now.table.filter(~pl.col("symbol").is_in(changed))
        return Steps(pl.concat([others, factor_steps(events)]).sort("symbol", "until"))


def panel_bars(lake: Lake, catalog: Catalog) -> PanelBars:
    """The panel as a version of the catalog tells of it, the same for every question about that version."""
    found = catalog.worked_out.get("panel_bars")
    if found is None:
        found = catalog.worked_out.setdefault("panel_bars", PanelBars(lake, catalog))
    return cast("PanelBars", found)


def stored(shape: Shape) -> list[str]:
    """The columns of the panel that a shape is made from; the date is always there."""
    needed = {"date", *shape.columns} | ({"close"} if "adj_close" in shape.columns else set())
    return [name for name in _STORED if name in needed]


def adjusted(column: Callable[[str], pl.Series], name: str, factors: Factors, adjust: Adjust) -> pl.Series:
    """A column of bars by the factors of its rows, as `scale` and `gold.factors.adjust` reckon it."""
    if name == "adj_close":
        return scaled(column("close"), factors.split, factors.dividend).alias(name)
    values = column(name)
    if adjust == "none":
        return values
    if name in PRICES:
        return scaled(values, together(factors) if adjust == "all" else factors.split)
    if name == "volume" and factors.split is not None:
        return values / pl.Series(factors.split)
    return values


def wanted_days(first: date | None, last: date | None) -> tuple[int, int]:
    """Both bounds as days since 1970, open ones beyond any bar."""
    return (
        _AGES[0] if first is None else (first - _EPOCH).days,
        _AGES[1] if last is None else (last - _EPOCH).days,
    )
