"""
How long work tells how far it is: a bar on a terminal, log lines elsewhere. What is over in a moment says nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from marketkeep.cli.show import ERR

_MOMENT = 2.0


class _Rate(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        """The speed of late; nothing until it is known."""
        return Text(f"{task.speed:,.1f}/s" if task.speed else "")


class Bar:
    """Progress on a terminal: a bar with count, rate, time remaining, faults and what is being worked on."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[met]}"),
            TextColumn("{task.fields[note]}", markup=False),
            console=ERR,
            transient=True,
        )
        self._task: TaskID | None = None
        self._met = 0

    def begin(self, what: str, total: int | None) -> None:
        """A new stage; the one before is done."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(what, total=total, note="", met="")
        self._met = 0

    def step(self, count: int = 1, note: str = "") -> None:
        """Move the bar."""
        if self._task is not None:
            self._progress.update(self._task, advance=count, note=note)

    def met(self, faults: int) -> None:
        """Count faults beside the bar."""
        self._met += faults
        if self._task is not None:
            self._progress.update(self._task, met=f"{self._met:,} faults" if self._met > 1 else "1 fault")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


class Lines:
    """
    Progress elsewhere: a structured line on standard error at every tenth of a stage that takes longer than a moment.

    `clock` gives seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = _logger()
        self._clock = clock
        self._what, self._total, self._done, self._told, self._began = "", 0, 0, 0, 0.0
        self._met = 0

    def begin(self, what: str, total: int | None) -> None:
        """A new stage."""
        self._what, self._total, self._done, self._told, self._began = what, total or 0, 0, 0, self._clock()
        self._met = 0

    def step(self, count: int = 1, note: str = "") -> None:
        """Tell every tenth."""
        self._done += count
        tenth = 10 * self._done // self._total if self._total else self._done // 1000
        seconds = self._clock() - self._began
        if tenth > self._told and seconds > _MOMENT:
            self._told = tenth
            self._log.info(
                "progress",
                stage=self._what,
                done=self._done,
                total=self._total,
                seconds=round(seconds),
                per_second=round(self._done / seconds, 1),
                faults=self._met,
            )

    def met(self, faults: int) -> None:
        """Count faults for the next line."""
        self._met += faults

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to take down."""


def _logger() -> Any:
    import structlog  # noqa: PLC0415  a tenth of a second that only work away from a terminal needs to spend

    # A logger of our own: configuring structlog would be for the whole process, other libraries' lines included.
    return structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
    )


def progress() -> Bar | Lines:
    """The progress that fits where standard error goes."""
    return Bar() if ERR.is_terminal else Lines()
