"""
Fetching one answer: into memory, or to disk where it is a zip of answers.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from marketkeep.files import storing
from marketkeep.model import Payload, Request, Source
from marketkeep.pipeline.collecting.means import Fetcher
from marketkeep.pipeline.workspace import Workspace

_OK = 200


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer; its body lies at `path` where it is a zip of answers. Leaving its `with` takes the file away."""

    payload: Payload
    path: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def fetch(work: Workspace, client: Fetcher, source: Source, request: Request) -> Fetched:
    """The answer of a source to a request. Raises `FetchFailed`."""
    rate, transport = source.rate, source.access.transport
    if not request.packed:
        return Fetched(client.fetch(request, rate, transport))
    # Under the keep, because there is room for what it will hold; named as what a killed writer leaves, to be swept.
    folder = work.landing.room
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".download-", suffix=".tmp", dir=folder)
    path = Path(name)
    with ExitStack() as undo:
        undo.callback(path.unlink, missing_ok=True)
        with os.fdopen(handle, "w+b") as sink:
            payload = client.fetch(request, rate, transport, sink)
        if payload.status == _OK:
            undo.pop_all()
            return Fetched(payload, path)
    return Fetched(payload)
