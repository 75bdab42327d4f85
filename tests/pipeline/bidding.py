"""Sources that only plan, and catalogs of what is held and answered: what the tests of planning share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import polars as pl

from marketkeep.calendars import XNYS
from marketkeep.model import (
    ASKED,
    BATCHES,
    CATALOG,
    Access,
    Frames,
    Offer,
    Payload,
    Policy,
    Query,
    Rate,
    Request,
    Source,
    Whole,
)
from marketkeep.pipeline.collecting.gaps import Window
from marketkeep.pipeline.collecting.planning import Planner, Task
from marketkeep.stores.lake import Catalog

# Thursday evening in New York: the session of that day is final.
NOW = datetime(2024, 3, 7, 23, tzinfo=UTC)
FIRST, END = date(2024, 1, 2), date(2024, 3, 8)
SESSIONS = XNYS.sessions(FIRST, END)
POLICY = Policy(trailing_sessions=0, priority=("first", "second"))
BARS = {"daily_bars": Offer()}
_RATE, _ACCESS = Rate(1), Access("None.")
Told = tuple[str, str, str, str | None, date, date, datetime]


@dataclass(frozen=True, slots=True)
class Bidder(Whole):
    """
    A source that plans one call for `each` symbol, for each session (`grouped`), or for all there is (`bulk`).

    What it was asked to plan is in `queries`.
    """

    name: str
    form: str = "each"
    rate: Rate = _RATE
    offers: Mapping[str, Offer] = field(default_factory=lambda: BARS)
    quota: int | None = None
    access: Access = _ACCESS
    queries: list[Query] = field(default_factory=list, compare=False)

    def plan(self, query: Query) -> list[Request]:
        """As its form says."""
        self.queries.append(query)
        span = query.start, query.end
        if self.form == "bulk":
            return [Request(self.name, query.dataset, f"http://{self.name}/all.zip", (), query.symbols, *span)]
        if self.form == "grouped":
            days = XNYS.sessions(*span)
            return [self._request(query, f"{day}", query.symbols, day, day + timedelta(1)) for day in days]
        return [self._request(query, one, (one,), *span) for one in query.symbols]

    def _request(self, query: Query, path: str, symbols: tuple[str, ...], start: date, end: date) -> Request:
        params = (("from", str(start)), ("to", str(end)))
        return Request(
            self.name, query.dataset, f"http://{self.name}/{query.dataset}/{path}", params, symbols, start, end
        )

    def parse(self, request: Request, payload: Payload) -> Frames:
        """Never asked."""
        raise NotImplementedError

    def probe(self, now: datetime) -> Request:
        """Never asked."""
        raise NotImplementedError


def catalog(
    held: Mapping[str, Sequence[date]] | None = None, told: Iterable[Told] = (), dataset: str = "daily_bars"
) -> Catalog:
    """A catalog of sessions held by symbol, all of one year, and of what was answered, as rows of the ledger."""
    rows = []
    for symbol, days in (held or {}).items():
        holes = [day for day in XNYS.sessions(days[0], days[-1] + timedelta(1)) if day not in days]
        rows.append((dataset, symbol, days[0].year, len(days), days[0], days[-1], holes, 100.0, "00"))
    entries = pl.DataFrame(rows, schema=CATALOG.schema, orient="row")
    return Catalog("v", entries, BATCHES.empty(), pl.DataFrame(list(told), schema=ASKED.schema, orient="row"))


def windows(*symbols: str, start: date = FIRST, end: date = END, dataset: str = "daily_bars") -> list[Window]:
    """A window of each symbol."""
    return [Window(symbol, start, end, dataset=dataset) for symbol in symbols]


def numbered(count: int) -> list[str]:
    """So many symbols."""
    return [f"S{number:03}" for number in range(count)]


def tasks(
    sources: Sequence[Source], wanted: Sequence[Window], known: Catalog | None = None, **options: object
) -> dict[str, list[Request]]:
    """What each source is asked, by name."""
    planner = Planner(POLICY, NOW, sources, **options)  # type: ignore[arg-type]
    made: list[Task] = planner.tasks(known or catalog(), wanted)
    return {task.source.name: list(task.requests) for task in made}


def asked(made: Mapping[str, Sequence[Request]]) -> dict[str, list[str]]:
    """The symbols that each source is asked for, in order."""
    return {name: [symbol for request in all_ for symbol in request.symbols] for name, all_ in made.items()}
