"""
What the landing says about a payload: where it lies, what asked for it, what came with it.

Frozen facts; nothing here reads or writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from marketkeep.model import Payload, Request


@dataclass(frozen=True, slots=True)
class RawRef:
    """
    Where a payload lies: its digest (`sha256:<hex>`), its pack (relative to the keep's root) and the record's offset.

    `revisit` says that these bytes had been landed before: pack and offset are those of the first time.
    """

    digest: str
    pack: str
    offset: int
    revisit: bool = False


@dataclass(frozen=True, slots=True)
class Landed:
    """
    One exchange as its pack tells it, without the body (`Landing.read(landed.ref.digest)` gives that).

    `ref` is where the body lies; `pack` and `offset` are where this exchange lies, elsewhere for a revisit. `sequence`
    orders the exchanges of a run. `options` is what `land_file` or `land_bytes` was told, None for an answer.
    """

    ref: RawRef
    pack: str
    offset: int
    run_id: str
    sequence: int
    request: Request
    status: int
    headers: tuple[tuple[str, str], ...]
    fetched_at: datetime
    faults: tuple[str, ...]
    length: int
    options: Mapping[str, object] | None = field(default=None, hash=False)

    def payload(self, body: bytes) -> Payload:
        """The payload as it was handed to `land`, given its body."""
        return Payload(self.status, self.headers, body, self.fetched_at, self.faults)


@dataclass(frozen=True, slots=True)
class Exchange:
    """All that is known of one body: the exchange that brought it first, and each that brought the same bytes again."""

    first: Landed
    again: tuple[Landed, ...] = ()


@dataclass(frozen=True, slots=True)
class Dropped:
    """An unfinished tail that recovery cut off a pack: nothing in it had been acknowledged."""

    pack: str
    bytes: int
