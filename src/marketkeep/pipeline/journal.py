"""
The run journal: one file of JSON lines per run, appended as things happen, so that a run cut short still tells how far
it came. A run without an `ended` line is not complete; the next one takes up what it had landed.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from marketkeep.files import storing


class Journal:
    """
    The journal of one run. A mark in `journal/open` stands from the first line until `end`.

    `moment` arguments are UTC and come from the caller's clock.
    """

    def __init__(self, root: Path, run_id: str, moment: datetime) -> None:
        self.run_id = run_id
        self.path = root / "journal" / f"{moment:%Y-%m-%d}" / f"{run_id}.jsonl"
        self._mark = root / "journal" / "open" / run_id
        with storing(self._mark):
            self._mark.parent.mkdir(parents=True, exist_ok=True)
            self._mark.touch()

    def write(self, event: str, moment: datetime, **facts: Any) -> None:
        """Append one event."""
        line = orjson.dumps({"at": moment, "event": event, **facts}, default=str) + b"\n"
        with storing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.write(line)

    def end(self, moment: datetime, *, error: str | None = None, **facts: Any) -> None:
        """Write the last event. The mark goes only when nothing was left undone (no error)."""
        self.write("ended", moment, error=error, **facts)
        if error is None:
            close_run(self._mark)


def close_run(mark: Path) -> None:
    """Take away the mark of a run that is complete."""
    mark.unlink(missing_ok=True)


def open_runs(root: Path) -> list[Path]:
    """The marks of runs that are not complete, oldest first; each is named by its run id."""
    return sorted((root / "journal" / "open").glob("*"))


def read_run(path: Path) -> list[dict[str, Any]]:
    """The events of one run; a last line cut short is left out."""
    events = []
    for line in path.read_bytes().splitlines():
        try:
            events.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            break
    return events


def run_paths(root: Path, prefix: str = "") -> list[Path]:
    """The journal files of all runs whose id begins with `prefix`, oldest first."""
    return sorted((root / "journal").glob(f"*-*-*/{prefix}*.jsonl"), key=lambda path: path.name)
