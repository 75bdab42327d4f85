"""
The workspace: everything a pipeline step needs of one keep, opened once and handed down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from marketkeep.model import Policy
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
    """One keep at `root`: its policy, its rooms, the clock and who watches."""

    root: Path
    policy: Policy
    lake: Lake
    batches: BatchStore
    landing: Landing
    clock: Clock
    progress: Progress
    pack_bytes: int


def open_workspace(
    root: Path,
    *,
    clock: Clock = lambda: datetime.now(UTC),
    progress: Progress | None = None,
    pack_bytes: int = 256 * 2**20,
) -> Workspace:
    """Open the keep at `root` for work. Raises `NotFound` when there is none."""
    lake = Lake(root)
    return Workspace(
        root, lake.policy(), lake, BatchStore(root), Landing(root), clock, progress or Silent(), pack_bytes
    )
