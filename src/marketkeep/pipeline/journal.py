"""
The run journal: one file of JSON lines per run, told as things happen, so that a run cut short still tells how far it
came. A run without an `ended` line is not complete; the next one takes up what it had landed.

In a folder each line is appended. In a bucket, where nothing can be, the file is replaced whole: at once, but for what
there may be thousands of, which waits for the next line after a second.
"""

from __future__ import annotations

from datetime import datetime
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

import orjson

from marketkeep.files import Files, Folder, files_at, storing

_OPEN = "journal/open/"
_SECONDS = 1.0
_MANY = frozenset({"fault"})


class Journal:
    """
    The journal of one run. A mark under `journal/open/` stands from the first line until `end`.

    `moment` arguments are UTC and come from the caller's clock.
    """

    def __init__(self, place: Files | Path | str, run_id: str, moment: datetime) -> None:
        self.run_id = run_id
        self.key = f"{_day(moment)}{run_id}.jsonl"
        self._files = files_at(place)
        self._told: bytes | None = None
        self._stored = -_SECONDS
        self._files.write(f"{_OPEN}{run_id}", b"")

    def write(self, event: str, moment: datetime, **facts: Any) -> None:
        """Append one event."""
        line = orjson.dumps({"at": moment, "event": event, **facts}, default=str) + b"\n"
        if isinstance(self._files, Folder):
            _append(self._files.root / self.key, line)
            return
        self._told = (_whole(self._files, self.key) if self._told is None else self._told) + line
        if event not in _MANY or monotonic() - self._stored >= _SECONDS:
            self._store(self._told)

    def end(self, moment: datetime, *, error: str | None = None, **facts: Any) -> None:
        """Write the last event. The mark goes only when nothing was left undone (no error)."""
        self.write("ended", moment, error=error, **facts)
        if self._told is not None:
            self._store(self._told)
        if error is None:
            close_run(self._files, self.run_id)

    def _store(self, told: bytes) -> None:
        self._files.write(self.key, told, durable=True)
        self._stored = monotonic()


def fresh_id(files: Files, moment: datetime, step: str) -> str:
    """The id of a run that begins at this moment, numbered when one of that name has been: a clock may stand still."""
    wanted = f"{moment:%Y%m%dT%H%M%S%f}-{step}"
    taken = {key.rpartition("/")[2].removesuffix(".jsonl") for key in files.keys(f"{_day(moment)}{wanted}")}
    return next(name for number in count(1) if (name := wanted if number == 1 else f"{wanted}-{number}") not in taken)


def close_run(files: Files, run_id: str) -> None:
    """Take away the mark of a run that is complete."""
    files.remove([f"{_OPEN}{run_id}"])


def open_runs(place: Files | Path | str) -> list[str]:
    """The ids of runs that are not complete, oldest first."""
    return [key.removeprefix(_OPEN) for key in files_at(place).keys(_OPEN)]


def read_run(place: Files | Path | str, key: str) -> list[dict[str, Any]]:
    """The events of one run by its journal file; a last line cut short is left out."""
    events = []
    for line in files_at(place).read(key).splitlines():
        try:
            events.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            break
    return events


def run_keys(place: Files | Path | str, prefix: str = "") -> list[str]:
    """The journal files of all runs whose id begins with `prefix`, oldest first."""
    found = (key.split("/") for key in files_at(place).keys("journal/") if key.endswith(".jsonl"))
    mine = [parts for parts in found if len(parts) == len(("journal", "day", "run")) and parts[2].startswith(prefix)]
    return ["/".join(parts) for parts in sorted(mine, key=lambda parts: parts[2])]


def _day(moment: datetime) -> str:
    return f"journal/{moment:%Y-%m-%d}/"


def _whole(files: Files, key: str) -> bytes:
    try:
        return files.read(key)
    except FileNotFoundError:
        return b""


def _append(path: Path, line: bytes) -> None:
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(line)
