"""
Peers at work: each a warm process, asked in turn, round after round.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reads.tasks import Call, Task, agree

HERE = Path(__file__).parent
ENVIRONMENTS = {"arctic": "arcticdb", "with_qlib": "qlib", "duck": "tables", "csvs": "tables", "postgres": "tables"}
PEERS = ("ours", *ENVIRONMENTS)
_SLOW, _VERY_SLOW = 1.0, 4.0
_MOST_CALLS = 20
_ENOUGH = 0.25
"""Seconds of calls that are enough of a round."""


class PeerError(Exception):
    """A peer that could not do what it was asked."""


class Worker:
    """One peer's process."""

    def __init__(self, peer: str, python: Path, store: Path, data: Path) -> None:
        self.peer, self._log = peer, store.with_suffix(".log").open("w")
        command = [str(python), str(HERE / "worker.py"), peer, str(store), str(data)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        self.about, self.ways = "", dict[str, list[str]]()

    def ask(self, what: str, **more: Any) -> dict[str, Any]:
        """Its answer. Raises `PeerError` with what it says of itself."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"what": what, **more}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        told: dict[str, Any] = json.loads(line) if line else {"error": f"{self.peer} ended; see {self._log.name}"}
        if "error" in told:
            raise PeerError(f"{self.peer}, {what} {more.get('task', '')}: {told['error']}")
        return told

    def open(self) -> None:
        """Make its store when it is not there, open it, and know its ways."""
        self.ask("load")
        told = self.ask("open")
        self.about, self.ways = told["about"], told["ways"]

    def end(self) -> None:
        """Let it close what it has open."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._log.close()


@contextmanager
def workers(peers: Mapping[str, Path], stores: Path, data: Path) -> Iterator[dict[str, Worker]]:
    """The peers (by name their interpreters) that can be opened, ours first; who cannot is told and left out."""
    with ExitStack() as stack:
        found = {}
        for peer, python in peers.items():
            worker = Worker(peer, python, stores / peer, data)
            stack.callback(worker.end)
            try:
                worker.open()
            except PeerError as error:
                say(f"{peer} is left out: {error}")
                continue
            found[peer] = worker
        yield found


@dataclass
class Timed:
    """One peer's one way of a task: what each call took, in seconds, and whether its answers are ours."""

    peer: str
    way: str
    seconds: list[float] = field(default_factory=list)
    agrees: bool = True

    @property
    def median(self) -> float:
        """The median of its calls."""
        return statistics.median(self.seconds)


def measure(task: Task, calls: Sequence[Call], among: Mapping[str, Worker], rounds: int) -> list[Timed]:
    """Each way of each peer in turn, round after round; ways that are far from a peer's best only once."""
    runners = [(worker, Timed(name, way)) for name, worker in among.items() for way in worker.ways.get(task.name, ())]
    truth: dict[int, dict[str, float]] = {}
    first: dict[tuple[str, str], float] = {}
    for worker, timed in runners:
        # The first call warms up; of who takes very long it is one of the measured.
        try:
            took = _ask(worker, task, timed, calls, [0, 1 % len(calls)][: 1 if task.name == "factors" else 2], truth)
        except PeerError as error:
            say(str(error))
            continue
        if took[-1] * len(calls) < _ENOUGH:
            # Warm is a question that was asked before: each once, while all of them take no longer than a round.
            took = _ask(worker, task, timed, calls, range(len(calls)), truth)
        first[timed.peer, timed.way] = took[-1]
        if took[-1] > _VERY_SLOW:
            timed.seconds += took[-1:]
    best = {name: min([first[key] for key in first if key[0] == name], default=0.0) for name in among}
    for number in range(rounds):
        for worker, timed in runners:
            quick = first.get((timed.peer, timed.way))
            if quick is None or _done(number, quick, best[timed.peer]):
                continue
            count = max(1, min(_MOST_CALLS, len(calls) * 3, int(_ENOUGH / quick)))
            wanted = [(number * count + at) % len(calls) for at in range(count)]
            timed.seconds += _ask(worker, task, timed, calls, wanted, truth)
    return [timed for _, timed in runners if timed.seconds]


def _done(number: int, quick: float, best: float) -> bool:
    if quick > 1.6 * best + 1e-3:
        return number >= 1
    if quick > _VERY_SLOW:
        return number >= 1
    return number >= 3 if quick > _SLOW else False


def _ask(
    worker: Worker,
    task: Task,
    timed: Timed,
    calls: Sequence[Call],
    wanted: Sequence[int],
    truth: dict[int, dict[str, float]],
) -> list[float]:
    told = worker.ask("time", task=task.name, way=timed.way, calls=[calls[at] for at in wanted])
    for at, found in zip(wanted, told["found"], strict=True):
        # We are asked first.
        ours = truth.setdefault(at, found)
        if not agree(ours, found):
            timed.agrees = False
            say(f"{timed.peer} ({timed.way}) answers {task.name} {at} otherwise: {found} instead of {ours}")
    seconds: list[float] = told["seconds"]
    return seconds


def threads(among: Mapping[str, Worker], ways: Mapping[str, str], calls: Sequence[Call], counts: Sequence[int]) -> Any:
    """By peer and number of threads: reads of one symbol a second, the median of three."""
    found: dict[str, dict[str, float]] = {}
    for count in counts:
        rates: dict[str, list[float]] = {}
        for _ in range(3):
            for name, worker in among.items():
                if name in ways:
                    told = worker.ask("threads", task="one", way=ways[name], calls=list(calls), threads=count)
                    rates.setdefault(name, []).append(50 * count / told["seconds"])
        for name, some in rates.items():
            found.setdefault(name, {})[str(count)] = statistics.median(some)
    return found


def say(text: str) -> None:
    """Tell how far it is."""
    print(text, file=sys.stderr, flush=True)
