"""Pieces of work for engines to do, in a module that workers can be sent."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from marketkeep.errors import CorruptFile, NotFound


@dataclass(frozen=True)
class Folder:
    """What the pieces share: a folder they write to."""

    root: Path

    def settle(self) -> None:
        """Tell that it was asked for."""
        (self.root / f"settled-{os.getpid()}").touch()


def square(shared: Folder, item: int) -> int:
    """A piece of work: a file and a number."""
    (shared.root / str(item)).write_text(str(item))
    return item * item


def refuse(shared: Folder, item: int) -> int:
    """A piece that may find a damaged file, or nothing."""
    if item == 3:
        raise CorruptFile(shared.root / "three", "it is odd")
    if item == 5:
        raise NotFound("five")
    return item


def die(shared: Folder, item: int) -> int:
    """A piece whose worker is lost, or which meets what nobody thought of."""
    if item == 1:
        os._exit(1)
    raise ZeroDivisionError("nobody thought of it")
