"""Runs the command line as its users do: another process, its output, its exit code, and what it did to a keep."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import orjson

from marketkeep.calendars import calendar_for
from marketkeep.model import Symbol

COMMAND = (sys.executable, "-m", "marketkeep")
START = date(2024, 1, 2)


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        """Standard output as text."""
        return self.raw.decode()

    def refused(self, code: int, *says: str) -> None:
        """It ended with `code`, nothing on standard output, and one line that begins with `error:` and says this."""
        assert (self.code, self.out) == (code, ""), self
        assert self.err.startswith("error: "), self.err
        assert self.err.count("\n") == 1, self.err
        assert [text for text in says if text not in self.err] == [], self.err


def environment(**settings: str) -> dict[str, str]:
    """The environment without settings of whoever runs the tests, and with these."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MARKETKEEP_")}
    return {**inherited, **settings}


def run(
    *arguments: str | Path,
    settings: dict[str, str] | None = None,
    preexec: Callable[[], None] | None = None,
) -> Ended:
    """Run one command to its end."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=environment(**settings or {}),
        capture_output=True,
        check=False,
        timeout=60,
        preexec_fn=preexec,
    )
    return Ended(done.returncode, done.stdout, done.stderr.decode())


def run_all(commands: Iterable[Sequence[str | Path]], settings: dict[str, str] | None = None) -> list[Ended]:
    """Run commands one after the other in a single process; how each of them ended."""
    told = orjson.dumps([[str(argument) for argument in command] for command in commands])
    script = Path(__file__).with_name("one_process.py")
    child = [sys.executable, script]
    done = subprocess.run(child, env=environment(**settings or {}), input=told, stdout=subprocess.PIPE, check=True)
    return [Ended(code, out.encode(), err) for code, out, err in orjson.loads(done.stdout)]


def tree(root: Path) -> dict[str, bytes | None]:
    """Every path under `root` with its bytes; None for a folder."""
    paths = sorted(root.rglob("*"))
    return {path.relative_to(root).as_posix(): None if path.is_dir() else path.read_bytes() for path in paths}


def published(root: Path) -> dict[str, bytes | None]:
    """The published bars and actions by path."""
    return {path: data for path, data in tree(root).items() if path.startswith(("ticks/", "corporate_actions/"))}


def bars(symbols: Iterable[str], count: int = 20, start: date = START) -> str:
    """CSV of plausible bars: `count` sessions of each symbol from `start` on."""
    lines = ["Symbol,Date,Open,High,Low,Close,Volume"]
    for base, symbol in enumerate(symbols, start=1):
        calendar = calendar_for(Symbol(symbol).asset_class)
        days = calendar.sessions(start, start + timedelta(days=2 * count + 9))[:count]
        for number, day in enumerate(days):
            price = 100 * base + number
            lines.append(f"{symbol},{day},{price},{price + 1.5},{price - 0.75},{price + 0.25},{1000 + number}")
    return "\n".join(lines) + "\n"


def ticks(root: Path, symbol: str, year: int = 2024) -> Path:
    """The published file of a symbol and year."""
    return root / "ticks" / "daily" / symbol / str(year) / "ticks.json"


def raw_batches(root: Path, dataset: str = "daily_bars") -> Sequence[Path]:
    """The raw batch files of a dataset, oldest first."""
    return sorted((root / "raw" / dataset).rglob("*.parquet"), key=lambda path: path.name)
