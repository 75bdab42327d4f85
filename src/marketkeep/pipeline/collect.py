"""
Collecting: requests go out on several threads, answers are taken in order, landed, parsed and batched.

An answer that is refused but may come right is asked again after the others. An answer that is empty twice is an
answer. What fails for good is remembered with its reason, and the rest goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from typing import Protocol

from marketkeep.errors import FetchFailed, PayloadRefused
from marketkeep.model import Lineage, Payload, Rate, Request, Source
from marketkeep.pipeline.batching import Batching, lineage_of
from marketkeep.pipeline.run import Run
from marketkeep.pipeline.touched import EMPTY, NOT_FOUND

_ROUNDS = 3
_EMPTY_IS_AN_ANSWER = 2
_PUBLISH_EVERY = 8
_SHORT_WAIT = 0.2


class Fetcher(Protocol):
    """The HTTP client, as collecting needs it."""

    def fetch(self, request: Request, rate: Rate, transport: str) -> Payload:
        """The answer to a request, after retries. Raises `FetchFailed`."""

    def close(self) -> None:
        """Wake all waiting threads; they fail."""


@dataclass(slots=True)
class Collected:
    """
    What collecting came to: requests planned and sent, rows taken, faults met by code; by symbol the reasons of what
    `failed` for good and of what the source said it has `nothing` of.
    """

    planned: int = 0
    sent: int = 0
    rows: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    nothing: dict[str, str] = field(default_factory=dict)

    def met(self, codes: Sequence[str]) -> None:
        """Count faults."""
        for code in codes:
            self.faults[code] = self.faults.get(code, 0) + 1


def collect(run: Run, source: Source, requests: Sequence[Request], client: Fetcher, *, workers: int) -> Collected:
    """Fetch all requests of one source, at most `workers` at once, and put what they bring into raw."""
    collector = _Collector(run, source, client, workers, Batching(run.work, run.run_id), Collected(len(requests)))
    run.tell("planned", source=source.name, requests=len(requests))
    todo = list(requests)
    for number in range(1, _ROUNDS + 1):
        todo = collector.round(todo, number) if todo else []
    collector.flush()
    result = collector.result
    result.rows = collector.batching.rows
    run.tell("collected", **{"source": source.name, **asdict(result)})
    return result


@dataclass(slots=True)
class _Collector:
    run: Run
    source: Source
    client: Fetcher
    workers: int
    batching: Batching
    result: Collected
    flushed: int = 0

    def round(self, requests: Sequence[Request], number: int) -> list[Request]:
        """Ask every request once; returns those worth asking again."""
        again = f", again ({number})" if number > 1 else ""
        self.run.work.progress.begin(f"collect from {self.source.name}{again}", len(requests))
        left: list[Request] = []
        for request, outcome in self._answers(requests):
            self.result.sent += 1
            if isinstance(outcome, FetchFailed):
                worth = self._failed(request, outcome, number)
            else:
                worth = self._answered(request, outcome, number)
            left += [request] if worth else []
            self.run.work.progress.step(note=request.symbol or "")
            self._publish_now_and_then()
        return left

    def flush(self) -> None:
        """First the payloads are on disk, then the rows that point at them."""
        self.run.writer.commit()
        self.batching.flush()

    def _publish_now_and_then(self) -> None:
        if self.batching.full:
            self.flush()
            self.flushed += 1
            if self.flushed % _PUBLISH_EVERY == 0:
                self.run.publish()

    def _answers(self, requests: Sequence[Request]) -> Iterator[tuple[Request, Payload | FetchFailed]]:
        """Answers in the order of the requests, a bounded number under way at once."""
        waiting: deque[tuple[Request, Future[Payload]]] = deque()
        rest = iter(requests)
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix=self.source.name)
        try:
            while True:
                while len(waiting) < 2 * self.workers and (request := next(rest, None)):
                    waiting.append((request, pool.submit(self._fetch, request)))
                if not waiting:
                    break
                request, future = waiting.popleft()
                # An endless wait cannot be interrupted on every system, short ones can.
                while not wait([future], timeout=_SHORT_WAIT).done:
                    pass
                try:
                    yield request, future.result()
                except FetchFailed as failure:
                    yield request, failure
        except BaseException:
            # Interrupted: threads that wait for the pace are woken, one that waits for an answer is not waited for.
            pool.shutdown(wait=False, cancel_futures=True)
            self.client.close()
            raise
        pool.shutdown()

    def _fetch(self, request: Request) -> Payload:
        return self.client.fetch(request, self.source.rate, self.source.transport)

    def _answered(self, request: Request, payload: Payload, number: int) -> bool:
        """Put an answer into raw; whether the request is worth asking again."""
        self.result.met(payload.faults)
        if payload.faults:
            self._tell_fault(request, payload.faults, cured=True)
        lineage = lineage_of(request, payload, self.run.writer.land(request, payload))
        try:
            self.batching.add(request, lineage, self.source.parse(request, payload))
        except PayloadRefused as refusal:
            return self._refused(request, lineage, refusal, number)
        return False

    def _refused(self, request: Request, lineage: Lineage, refusal: PayloadRefused, number: int) -> bool:
        fault = refusal.fault
        self.result.met([fault])
        self._tell_fault(request, [fault], cured=False, reason=refusal.reason)
        if refusal.retry and number < (_EMPTY_IS_AN_ANSWER if fault == EMPTY else _ROUNDS):
            self.batching.refuse(request, lineage, fault)
            return True
        if fault == EMPTY:
            self.batching.add(request, lineage, {})
            return False
        self.batching.refuse(request, lineage, fault)
        kind = self.result.nothing if fault == NOT_FOUND else self.result.failed
        kind[request.symbol or request.url] = refusal.reason
        return False

    def _failed(self, request: Request, failure: FetchFailed, number: int) -> bool:
        """Remember that nothing came; whether the request is worth asking again."""
        self.result.met(failure.faults)
        self._tell_fault(request, failure.faults, cured=False)
        span = (request.symbol, request.start, request.end)
        moment = self.run.work.clock()
        nothing = Lineage(None, None, None, request.full_url, *span, moment, faults=failure.faults)
        self.batching.refuse(request, nothing, failure.faults[-1] if failure.faults else "unreachable")
        if failure.permanent or number == _ROUNDS:
            met = ", ".join(failure.faults) or "no attempt was made"
            self.result.failed[request.symbol or request.url] = f"no answer came ({met})"
            return False
        return True

    def _tell_fault(self, request: Request, faults: Sequence[str], *, cured: bool, reason: str | None = None) -> None:
        facts = {"source": request.source, "symbol": request.symbol, "faults": list(faults), "cured": cured}
        self.run.tell("fault", **facts, **({"reason": reason} if reason else {}))
