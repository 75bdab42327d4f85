"""
Collecting: requests go out on several threads, answers are taken in order, landed, parsed and batched.

An answer that is refused but may come right is asked again after the others. An answer that is empty twice is an
answer. What fails for good is remembered with its reason, and the rest goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from marketkeep.errors import FetchFailed, PayloadRefused
from marketkeep.model import Lineage, Payload, Rate, Request, Source
from marketkeep.pipeline.batching import Batching, lineage_of
from marketkeep.pipeline.run import Run
from marketkeep.pipeline.touched import NOT_FOUND

_ROUNDS = 3
_EMPTY_IS_AN_ANSWER = 2
_ABSORB_EVERY = 8


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
    """Fetch all requests of one source and put what they bring into raw."""
    result = Collected(planned=len(requests))
    run.tell("planned", source=source.name, requests=len(requests))
    batching = Batching(run.work, run.run_id)
    todo = list(requests)
    flushed = 0
    for number in range(1, _ROUNDS + 1):
        if not todo:
            break
        run.work.progress.begin(f"collect from {source.name}" + (f", again ({number})" if number > 1 else ""), len(todo))
        again: list[Request] = []
        for request, outcome in _answers(client, source, todo, workers):
            result.sent += 1
            again += _take(run, source, batching, request, outcome, result, number)
            run.work.progress.step(note=request.symbol or "")
            if batching.full:
                _flush(run, batching)
                flushed += 1
                if flushed % _ABSORB_EVERY == 0:
                    run.publish()
        todo = again
    _flush(run, batching)
    result.rows = batching.rows
    run.tell("collected", source=source.name, sent=result.sent, rows=result.rows, faults=result.faults, failed=result.failed, nothing=result.nothing)
    return result


def _flush(run: Run, batching: Batching) -> None:
    run.writer.commit()
    batching.flush()


def _answers(
    client: Fetcher, source: Source, requests: Sequence[Request], workers: int
) -> Iterator[tuple[Request, Payload | FetchFailed]]:
    """Answers in the order of the requests, a bounded number under way at once."""
    waiting: deque[tuple[Request, Future[Payload]]] = deque()
    rest = iter(requests)
    with ThreadPoolExecutor(workers, thread_name_prefix=source.name) as pool:
        try:
            while True:
                while len(waiting) < 2 * workers and (request := next(rest, None)):
                    waiting.append((request, pool.submit(client.fetch, request, source.rate, source.transport)))
                if not waiting:
                    return
                request, future = waiting.popleft()
                try:
                    yield request, future.result()
                except FetchFailed as failure:
                    yield request, failure
        except BaseException:
            # Interrupted: threads that wait for a limiter or an answer are woken, so that leaving takes no time.
            pool.shutdown(wait=False, cancel_futures=True)
            client.close()
            raise


def _take(
    run: Run, source: Source, batching: Batching, request: Request, outcome: Payload | FetchFailed, result: Collected, number: int
) -> list[Request]:
    """Put one outcome into raw; returns the request when it is worth asking again."""
    if isinstance(outcome, FetchFailed):
        return _failed(run, batching, request, outcome, result, last=number == _ROUNDS)
    result.met(outcome.faults)
    if outcome.faults:
        run.tell("fault", source=source.name, symbol=request.symbol, faults=outcome.faults, cured=True)
    ref = run.writer.land(request, outcome)
    lineage = lineage_of(request, outcome, ref)
    try:
        batching.add(request, lineage, source.parse(request, outcome))
    except PayloadRefused as refusal:
        result.met([refusal.fault])
        run.tell("fault", source=source.name, symbol=request.symbol, faults=[refusal.fault], cured=False, reason=refusal.reason)
        if refusal.retry and number < (_EMPTY_IS_AN_ANSWER if refusal.fault == "empty" else _ROUNDS):
            batching.refuse(request, lineage, refusal.fault)
            return [request]
        if refusal.fault == "empty":
            batching.add(request, lineage, {})
        else:
            batching.refuse(request, lineage, refusal.fault)
            kind = result.nothing if refusal.fault == NOT_FOUND else result.failed
            kind[request.symbol or request.url] = refusal.reason
    return []


def _failed(
    run: Run, batching: Batching, request: Request, failure: FetchFailed, result: Collected, *, last: bool
) -> list[Request]:
    result.met(failure.faults)
    run.tell("fault", source=request.source, symbol=request.symbol, faults=failure.faults, cured=False)
    moment: datetime = run.work.clock()
    fault = failure.faults[-1] if failure.faults else "unreachable"
    nothing = Lineage(
        None, None, None, request.full_url, request.symbol, request.start, request.end, moment, faults=failure.faults
    )
    batching.refuse(request, nothing, fault)
    if failure.permanent or last:
        result.failed[request.symbol or request.url] = str(failure)
        return []
    return [request]
