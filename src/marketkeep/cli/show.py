"""
How the command line shows things: tables for people, JSON for programs, progress on a terminal, log lines elsewhere.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self

import orjson
import polars as pl
import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

OUT = Console(highlight=False, soft_wrap=True)
ERR = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """One line for a person, as it is."""
    OUT.print(text, markup=False)


def json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode() + "\n")


def frame_json(frame: pl.DataFrame) -> None:
    """A frame as a JSON array of records, dates as text."""
    json(frame.to_dicts())


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table for a person: numbers to the right, null as a dash."""
    shown = [[_cell(value) for value in row] for row in rows]
    grid = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for index, name in enumerate(columns):
        numeric = all(row[index].replace(",", "").replace(".", "").lstrip("-").isdigit() or row[index] == "-" for row in shown)
        grid.add_column(name, justify="right" if numeric and shown else "left", no_wrap=index < len(columns) - 1)
    for row in shown:
        grid.add_row(*row)
    OUT.print(grid)


def frame_table(title: str, frame: pl.DataFrame) -> None:
    """A frame as a table for a person."""
    table(title, frame.columns, frame.iter_rows())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1e5 or (value == int(value) and abs(value) >= 1e4) else f"{value:.4f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1e4 else str(value)


class Bar:
    """Progress on a terminal: a bar with count and time remaining."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=ERR,
            transient=True,
        )
        self._task: TaskID | None = None

    def begin(self, what: str, total: int | None) -> None:
        """A new stage; the one before is done."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(what, total=total, note="")

    def step(self, count: int = 1, note: str = "") -> None:
        """Move the bar."""
        if self._task is not None:
            self._progress.update(self._task, advance=count, note=note)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()


class Lines:
    """Progress elsewhere: a structured line on standard error at each stage's begin and at every tenth of it."""

    def __init__(self) -> None:
        structlog.configure(
            processors=[structlog.processors.TimeStamper(fmt="iso"), structlog.processors.LogfmtRenderer()],
            logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        )
        self._log = structlog.get_logger()
        self._what, self._total, self._done, self._told = "", 0, 0, 0

    def begin(self, what: str, total: int | None) -> None:
        """A new stage."""
        self._what, self._total, self._done, self._told = what, total or 0, 0, 0
        self._log.info("begin", stage=what, total=total)

    def step(self, count: int = 1, note: str = "") -> None:
        """Tell every tenth."""
        self._done += count
        tenth = 10 * self._done // self._total if self._total else self._done // 1000
        if tenth > self._told:
            self._told = tenth
            self._log.info("progress", stage=self._what, done=self._done, total=self._total or None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing to take down."""


def progress() -> Bar | Lines:
    """The progress that fits where standard error goes."""
    return Bar() if ERR.is_terminal else Lines()
