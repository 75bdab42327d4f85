"""
Chains: an answer that comes in several pages counts only when its last page has come.

A session cut in two by the end of a page must not be published as if it were whole, and a window must not count as
answered when a page is missing. So the pages of a chain are held back until it is complete; they are landed as they
come. Collecting and the redo after a crash follow chains alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from marketkeep.model import Frames, Lineage, Request
from marketkeep.model.redact import redact_url
from marketkeep.pipeline.batching import Batching

INCOMPLETE = "incomplete"
"""The code of pages from which no row was taken because the rest of their chain did not come."""


@dataclass(slots=True)
class Chain:
    """The pages of one answer so far: each with its request, its lineage and its rows."""

    pages: list[tuple[Request, Lineage, Frames]] = field(default_factory=list)

    def add(self, request: Request, lineage: Lineage, frames: Frames) -> None:
        """Hold one more page."""
        self.pages.append((request, lineage, frames))

    def complete(self, batching: Batching) -> None:
        """Batch all pages; the last one settles what was asked."""
        for request, lineage, frames in self.pages[:-1]:
            batching.add(request, lineage.settling_nothing(), frames)
        for request, lineage, frames in self.pages[-1:]:
            batching.add(request, lineage, frames)
        self.pages = []

    def abandon(self, batching: Batching) -> None:
        """The rest will not come: remember that these pages came, and take no row from them."""
        for request, lineage, _ in self.pages:
            batching.refuse(request, lineage.settling_nothing(), INCOMPLETE)
        self.pages = []


@dataclass(slots=True)
class Chains:
    """Chains found among landed pages, by what goes on with each: two may go on at one address for other symbols."""

    open: dict[tuple[str, tuple[str, ...]], Chain] = field(default_factory=dict)

    def take(self, request: Request) -> Chain:
        """The chain that a landed page goes on with; a new one when it is the first."""
        return self.open.pop((redact_url(request.full_url), request.symbols), Chain())

    def wait(self, chain: Chain, following: Request) -> None:
        """Hold a chain until its following page is found."""
        self.open[redact_url(following.full_url), following.symbols] = chain

    def abandon(self, batching: Batching) -> None:
        """No more pages are to be found."""
        for chain in self.open.values():
            chain.abandon(batching)
        self.open = {}
