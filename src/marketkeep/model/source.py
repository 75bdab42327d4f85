"""
What a source is: a vendor that declares what it serves, and plans requests and reads payloads without network, clock
or disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol

from marketkeep.model.exchange import Frames, Payload, Query, Request

NOT_FOUND = "not_found"
EMPTY = "empty"
PLAN_LIMIT = "plan_limit"
QUOTA = "quota"
BAD_KEY = "bad_key"
"""
The codes of refusals (`PayloadRefused.fault`) that say more than that an answer cannot be used: the source knows no
such symbol; it has no rows for the window; the plan of this key does not reach so far; the calls of the day or minute
are used up; the key is missing or wrong. The first three concern what was asked, the last two the source as a whole.
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a source may be asked: at most `calls` per `seconds`, over all threads."""

    calls: int
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Offer:
    """
    What a source serves of one dataset.

    `asset_classes` are those it has. It reaches back to `first`, or to `days` calendar days before today; to the
    beginning where both are None. `carries` names datasets that its answers settle along the way. `page_rows` is what
    one call brings at most where answers are paged. `snapshot` says that an answer tells the state of today, whatever
    window was asked. An answer stays good for `fresh_days`.
    """

    asset_classes: frozenset[str] = frozenset({"equity"})
    first: date | None = None
    days: int | None = None
    carries: frozenset[str] = frozenset()
    page_rows: int | None = None
    snapshot: bool = False
    fresh_days: int = 1

    def reach(self, today: date) -> date:
        """The first date it has."""
        near = today - timedelta(days=self.days) if self.days is not None else date.min
        return max(near, self.first or date.min)


@dataclass(frozen=True, slots=True)
class Access:
    """
    How a source is reached. `headers` and `params` are added to what goes over the wire, `{key}`, `{secret}` and
    `{contact}` in them replaced by the settings of those names; those in `needs` must be set. `site` says where a key
    is had, `terms` what the source asks of its users, in a line.
    """

    terms: str
    site: str = ""
    needs: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    params: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    transport: str = "http"


class Whole:
    """What most sources have in common: no answer is paged or packed. One whose answers are says how."""

    __slots__ = ()

    def next_page(self, request: Request, payload: Payload) -> Request | None:
        """No answer goes on in another."""
        return None

    def unpack(self, request: Request, member: str) -> Request | None:
        """No answer is a zip of answers."""
        return None


class Source(Protocol):
    """
    A vendor: declares what it serves, plans requests and reads payloads; it never touches network, clock or disk.

    A new one is one module and one name in `BUILTIN`, or an entry point of the group `marketkeep.sources`.
    """

    @property
    def name(self) -> str:
        """The source's name in lineage, tables and settings."""

    @property
    def offers(self) -> Mapping[str, Offer]:
        """What it serves, by dataset."""

    @property
    def access(self) -> Access:
        """How it is reached and what it asks of its users."""

    @property
    def rate(self) -> Rate:
        """How often it may be asked."""

    @property
    def quota(self) -> int | None:
        """How many calls a day (UTC) it allows; None for as many as the rate lets through."""

    def plan(self, query: Query) -> list[Request]:
        """The first request of each independent part of the query, fewest calls first; symbols keep their order."""

    def next_page(self, request: Request, payload: Payload) -> Request | None:
        """The request that continues this one, with its symbols and sessions; None at the end."""

    def unpack(self, request: Request, member: str) -> Request | None:
        """The request that a member of a packed answer's zip answers; None for one that was not asked for."""

    def parse(self, request: Request, payload: Payload) -> Frames:
        """
        Read one payload into raw frames by dataset; change no value's meaning.

        Raises `PayloadRefused` when it is not what was asked for.
        """

    def probe(self, now: datetime) -> Request:
        """One cheap request that shows whether the source answers."""
