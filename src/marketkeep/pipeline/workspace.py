"""
The workspace: everything a pipeline step needs of one keep, opened once and handed down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from marketkeep.files import Files, files_at
from marketkeep.model import Policy
from marketkeep.pipeline.engine import Engine, LocalEngine
from marketkeep.raw import BatchStore, Landing
from marketkeep.stores.lake import Lake

Clock = Callable[[], datetime]


class Progress(Protocol):
    """How long work tells how far it is; the faces decide how to show it."""

    def begin(self, what: str, total: int | None) -> None:
        """A stage of `total` steps begins; None when it cannot be known."""

    def step(self, count: int = 1, note: str = "") -> None:
        """`count` steps are done."""

    def met(self, faults: int) -> None:
        """So many faults were met on the way."""


class Silent:
    """Progress that nobody watches."""

    def begin(self, what: str, total: int | None) -> None:
        """Nothing."""

    def step(self, count: int = 1, note: str = "") -> None:
        """Nothing."""

    def met(self, faults: int) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """
    One keep: its files, its policy, its rooms, the clock, who watches, and who does the pieces of large works.

    Pickled it is opened anew where it comes to: with the clock of that machine, watched by nobody.
    """

    files: Files
    policy: Policy
    lake: Lake
    batches: BatchStore
    landing: Landing
    clock: Clock
    progress: Progress
    pack_bytes: int
    engine: Engine = field(default_factory=LocalEngine)

    def __reduce__(self) -> tuple[Callable[..., Workspace], tuple[Files, BatchStore]]:
        return _opened_anew, (self.files, self.batches)

    def settle(self) -> None:
        """See `Shared`."""
        self.files.flush()


def _opened_anew(files: Files, batches: BatchStore) -> Workspace:
    return replace(open_workspace(files), batches=batches)


def open_workspace(
    place: Files | Path | str,
    *,
    clock: Clock = lambda: datetime.now(UTC),
    progress: Progress | None = None,
    pack_bytes: int = 256 * 2**20,
) -> Workspace:
    """Open the keep at a place for work. Raises `NotFound` when there is none."""
    files = files_at(place)
    lake = Lake(files)
    return Workspace(
        files, lake.policy(), lake, BatchStore(files), Landing(files), clock, progress or Silent(), pack_bytes
    )
