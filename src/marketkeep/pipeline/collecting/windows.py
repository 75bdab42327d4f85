"""
Windows: what a keep should hold of each dataset, from its policy and the securities it follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from marketkeep.errors import NotFound
from marketkeep.gold.symbology import Symbology
from marketkeep.model import EVERYTHING, Symbol
from marketkeep.model.new_york import new_york_date
from marketkeep.pipeline.collecting.gaps import Window, expected_end
from marketkeep.pipeline.workspace import Workspace

INDICES = ("sp500", "nasdaq100", "dow_jones", "russell_1000")
"""The indices whose members are collected."""

REFERENCE = ("listings", "index_members")
"""What tells the universe, and so comes before all that is collected of its symbols."""

DATASETS = (*REFERENCE, "treasury_yields", "daily_bars", "actions", "minute_bars", "filings", "facts")
"""Every dataset that is collected from sources, in the order in which it is asked for."""

RANKS = {"high": 0, "medium": 1, "low": 2}
_LISTED = "SPY"
_COMPANY = frozenset({"filings", "facts"})
_OF_SYMBOLS = frozenset({"daily_bars", "actions", "minute_bars"})


@dataclass(frozen=True, slots=True)
class Range:
    """Dates to be held, both included; with `bounded` no earlier than each symbol's own start."""

    start: date
    end: date | None = None
    bounded: bool = False


def windows(
    work: Workspace,
    datasets: Iterable[str],
    now: datetime,
    *,
    symbols: Sequence[str] | None = None,
    within: Range | None = None,
    settled: bool = True,
) -> list[Window]:
    """
    The windows of these datasets at `now` (UTC): for the symbols named, for all that are followed when none are.

    `settled=False` counts no earlier answer as one, but for actions beside bars, which come with these. A symbol named
    may be an old ticker. A former holder of a ticker (`REUS~2015`) is wanted only when it is named: few sources can be
    asked for it (see `renamed`). Raises `NotFound` for a symbol that the keep does not know.
    """
    wanted = list(datasets)
    found: list[Window] = []
    securities = _securities(work, symbols) if {*_OF_SYMBOLS, *_COMPANY} & set(wanted) else []
    for dataset in wanted:
        if dataset in _OF_SYMBOLS:
            known = settled or (dataset == "actions" and "daily_bars" in wanted)
            found += _of_symbols(work, dataset, securities, now, within, settled=known)
        elif dataset in _COMPANY:
            found += _of_companies(dataset, securities, now, settled=settled)
        elif dataset == "index_members":
            found += [_state(dataset, index, now, settled=settled) for index in INDICES]
        elif dataset == "treasury_yields":
            start = within.start if within else work.policy.start
            found.append(Window(EVERYTHING, start, _Ends(work, now, within).of(_LISTED, dataset), settled, dataset))
        else:
            found.append(_state(dataset, EVERYTHING, now, settled=settled))
    return found


def known_symbols(work: Workspace, symbols: Sequence[str]) -> list[str]:
    """
    These symbols as they are published: an old ticker as the one its security has now.

    Raises `NotFound` when the keep does not know one, or several securities had it.
    """
    known = set(work.lake.securities()["symbol"])
    symbology = Symbology.of(work.lake.tickers())
    meant = {one: [one] if one in known else sorted(known & set(symbology.symbols_of([one]))) for one in symbols}
    if unknown := [one for one, found in meant.items() if not found]:
        raise NotFound(f"{', '.join(unknown)}: not in this keep; add with: marketkeep add-symbol {' '.join(unknown)}")
    if several := [f"{one}: {' or '.join(found)}" for one, found in meant.items() if len(found) > 1]:
        raise NotFound(f"{'; '.join(several)}: several had it and nobody has it now; name the one that is meant")
    return list(dict.fromkeys(found[0] for found in meant.values()))


def _securities(work: Workspace, symbols: Sequence[str] | None) -> list[dict[str, Any]]:
    known = work.lake.securities()
    if symbols is None:
        rows = known.filter(pl.col("followed") & pl.col("active")).to_dicts()
        return [one for one in rows if not Symbol(one["symbol"]).former]
    return known.filter(pl.col("symbol").is_in(known_symbols(work, symbols))).to_dicts()


def _of_symbols(
    work: Workspace,
    dataset: str,
    securities: Iterable[dict[str, Any]],
    now: datetime,
    within: Range | None,
    *,
    settled: bool,
) -> Iterator[Window]:
    """From each symbol's start to its last final session, or to its last one."""
    recent = new_york_date(now) - timedelta(days=work.policy.minute_days)
    ends = _Ends(work, now, within)
    for one in securities:
        symbol = one["symbol"]
        own = one["start"] or work.policy.start
        if within is not None:
            start = max(own, within.start) if within.bounded else within.start
        else:
            start = max(own, recent) if dataset == "minute_bars" else own
        end = ends.of(symbol, dataset)
        if one["delisting_date"] is not None:
            end = min(end, one["delisting_date"])
        yield Window(symbol, start, end, settled, dataset, RANKS.get(one["priority"], 1))


def _of_companies(
    dataset: str, securities: Iterable[dict[str, Any]], now: datetime, *, settled: bool
) -> Iterator[Window]:
    ranks: dict[int, int] = {}
    for one in securities:
        if one["cik"] is not None:
            rank = RANKS.get(one["priority"], 1)
            ranks[one["cik"]] = min(rank, ranks.get(one["cik"], rank))
    for cik, rank in ranks.items():
        yield _state(dataset, f"CIK{cik:010d}", now, settled=settled, rank=rank)


def _state(dataset: str, symbol: str, now: datetime, *, settled: bool, rank: int = 0) -> Window:
    today = new_york_date(now)
    return Window(symbol, today, today + timedelta(days=1), settled, dataset, rank)


@dataclass(slots=True)
class _Ends:
    """Where windows end: behind the last final session, the same for all symbols of a class."""

    work: Workspace
    now: datetime
    within: Range | None
    known: dict[tuple[str, bool], date] = field(default_factory=dict)

    def of(self, symbol: str, dataset: str) -> date:
        """The end of a symbol's window."""
        key = Symbol(symbol).asset_class, dataset == "minute_bars"
        if key not in self.known:
            end = expected_end(symbol, self.work.policy, self.now, evening=key[1])
            last = self.within.end if self.within else None
            self.known[key] = min(end, last + timedelta(days=1)) if last else end
        return self.known[key]
