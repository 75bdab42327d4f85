"""Keeps made from files: what the proofs and the export tests share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import marketkeep
from marketkeep.model import Policy
from marketkeep.pipeline.files import FileOptions
from marketkeep.pipeline.ingest import Ingested, ingest, ingest_sample
from marketkeep.pipeline.workspace import Workspace, open_workspace
from marketkeep.stores.lake import Lake


@dataclass(frozen=True, slots=True)
class Made:
    """A keep in a folder of its own: its workspace to write with; `open` reads what it holds by then."""

    work: Workspace

    def take(
        self, *paths: Path, symbol: str | None = None, basis: str | None = None, source: str | None = None
    ) -> Ingested:
        """Ingest files and folders."""
        return ingest(self.work, paths, FileOptions(symbol=symbol, basis=basis, source=source))

    def take_sample(self) -> Ingested:
        """Ingest the sample."""
        return ingest_sample(self.work)

    def open(self) -> marketkeep.Keep:
        """The keep as a reader sees it."""
        return marketkeep.open(self.work.files.place)


def make_keep(root: Path, *, priority: Sequence[str] = Policy().priority) -> Made:
    """An empty keep at `root` whose policy ranks sources like this."""
    Lake(root).create(Policy(priority=tuple(priority)))
    return Made(open_workspace(root))
