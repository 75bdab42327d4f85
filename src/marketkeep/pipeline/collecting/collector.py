"""
Collecting: requests go out to several sources at once, answers are taken in order, landed, parsed and batched.

Each source has a lane of its own: its requests in order, a bounded number under way, its pages one behind the other.
An answer that is refused but may come right is asked again after the others; what fails for good is remembered with
its reason, and the rest goes on. A source that keeps failing leaves its lane: what it was still to be asked is for
another source, or for later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from marketkeep.errors import FetchFailed, PayloadRefused
from marketkeep.model import BAD_KEY, EMPTY, EVERYTHING, NOT_FOUND, PLAN_LIMIT, QUOTA, Lineage, Query, Request, Source
from marketkeep.pipeline.batching import Batching, lineage_of
from marketkeep.pipeline.collecting.fetching import Fetched, fetch
from marketkeep.pipeline.collecting.lanes import Attempt, Lane, at_once
from marketkeep.pipeline.collecting.means import Means
from marketkeep.pipeline.collecting.notes import at_rest, no_answer, sentence
from marketkeep.pipeline.collecting.packed import batch_members
from marketkeep.pipeline.collecting.planning import Planner, Task
from marketkeep.pipeline.run import Run

_ROUNDS = 3
# Of a source that has been down in this run a request may fail this often before it is taken to fail for itself.
_OUTAGE_ROUNDS = 8
_EMPTY_IS_AN_ANSWER = 2
_PUBLISH_EVERY = 8
_SHORT_WAIT = 0.2
_WRONG_KEY_RESTS = timedelta(hours=1)


@dataclass(slots=True)
class Collected:
    """
    What collecting came to: requests planned and sent, rows taken, faults met by code, requests sent by source; the
    reasons of what `failed` for good and of what a source said it has `nothing` of, by symbol; the last thing worth
    telling of a source (`notes`), and until when those `resting` are not asked.
    """

    planned: int = 0
    sent: int = 0
    rows: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    by_source: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    nothing: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    resting: dict[str, datetime] = field(default_factory=dict)

    def met(self, codes: Sequence[str]) -> None:
        """Count faults."""
        for code in codes:
            self.faults[code] = self.faults.get(code, 0) + 1


@dataclass(slots=True)
class Collector:
    """
    Collects for one run. `plan` is told what this run need not ask again; `well` are the sources that answered in it,
    `down` those that were put to rest in it for not answering.
    """

    run: Run
    means: Means
    plan: Planner
    result: Collected = field(default_factory=Collected)
    batching: Batching = field(init=False)
    well: set[str] = field(default_factory=set)
    down: set[str] = field(default_factory=set)
    flushed: int = 0

    def __post_init__(self) -> None:
        self.batching = Batching(self.run.work, self.run.run_id)

    def collect(self, tasks: Sequence[Task]) -> None:
        """Ask each source its requests, and put what they bring into raw."""
        planned = {task.source.name: len(task.requests) for task in tasks}
        self.result.planned += sum(planned.values())
        self.run.tell("planned", requests=planned)
        self.run.work.progress.begin(f"collect from {', '.join(planned)}", sum(planned.values()))
        for lane, attempt, outcome in self._answers(tasks):
            name = lane.source.name
            self.result.sent += 1
            self.result.by_source[name] = self.result.by_source.get(name, 0) + 1
            if isinstance(outcome, FetchFailed):
                self._failed(lane, attempt, outcome)
            else:
                with outcome:
                    self._answered(lane, attempt, outcome)
            self._publish_now_and_then()
        self.flush()

    def rests(self, source: str, until: datetime) -> None:
        """A source is at rest since an earlier run: it is not asked, and told again why."""
        self.plan.resting.add(source)
        self._note(source, at_rest(self.means.ledger.health(source).note or "It is at rest.", until))

    def flush(self) -> None:
        """First the payloads are on disk, then the rows that point at them."""
        self.run.writer.commit()
        self.batching.flush()
        self.result.rows = self.batching.rows

    def _publish_now_and_then(self) -> None:
        if self.batching.full:
            self.flush()
            self.flushed += 1
            if self.flushed % _PUBLISH_EVERY == 0:
                self.run.publish()

    def _answers(self, tasks: Sequence[Task]) -> Iterator[tuple[Lane, Attempt, Fetched | FetchFailed]]:
        """Answers, those of each source in the order of its requests, a bounded number under way at once."""
        lanes = [Lane(task.source, self._at_once(task.source), deque(map(Attempt, task.requests))) for task in tasks]
        try:
            while True:
                for lane in lanes:
                    lane.fill(self._fetch)
                heads = {lane.waiting[0][1] for lane in lanes if lane.waiting}
                if not heads:
                    break
                # An endless wait cannot be interrupted on every system, short ones can.
                wait(heads, timeout=_SHORT_WAIT, return_when=FIRST_COMPLETED)
                for lane in lanes:
                    if lane.waiting and lane.waiting[0][1].done():
                        attempt, future = lane.waiting.popleft()
                        yield lane, attempt, _outcome(future)
        except BaseException:
            # Interrupted: threads that wait for the pace are woken, one that waits for an answer is not waited for.
            for lane in lanes:
                lane.pool.shutdown(wait=False, cancel_futures=True)
            self.means.client.close()
            raise
        for lane in lanes:
            lane.pool.shutdown()

    def _at_once(self, source: Source) -> int:
        return self.means.workers or at_once(self.means.rates.get(source.name, source.rate))

    def _fetch(self, source: Source, request: Request) -> Fetched:
        return fetch(self.run.work, self.means.client, source, request)

    def _answered(self, lane: Lane, attempt: Attempt, fetched: Fetched) -> None:
        """Put an answer into raw, and ask for what follows."""
        request, payload = attempt.request, fetched.payload
        lane.came(fetched)
        self.result.met(payload.faults)
        if payload.faults:
            self._tell_fault(request, payload.faults, cured=True)
        if fetched.path is not None:
            self._packed(lane, attempt, fetched, fetched.path)
            return
        lineage = lineage_of(request, payload, self.run.writer.land(request, payload))
        try:
            frames = lane.source.parse(request, payload)
        except PayloadRefused as refusal:
            self._refused(lane, attempt, lineage, refusal)
            return
        self._well(lane)
        attempt.chain.add(request, lineage, frames)
        following = lane.source.next_page(request, payload)
        if following is not None:
            lane.continued(Attempt(following, 1, attempt.chain))
            return
        attempt.chain.complete(self.batching)
        self.run.work.progress.step(note=request.symbol or request.dataset)

    def _packed(self, lane: Lane, attempt: Attempt, fetched: Fetched, path: Path) -> None:
        """A zip of answers: kept whole, read member by member."""
        ref = self.run.writer.land_download(attempt.request, fetched.payload, path)
        lineage = lineage_of(attempt.request, fetched.payload, ref)
        try:
            for _ in batch_members(self.batching, lane.source, attempt.request, lineage, (path, fetched.payload)):
                self._publish_now_and_then()
        except PayloadRefused as refusal:
            self._refused(lane, attempt, lineage, refusal)
            return
        self._well(lane)
        self.run.work.progress.step(note=attempt.request.dataset)

    def _refused(self, lane: Lane, attempt: Attempt, lineage: Lineage, refusal: PayloadRefused) -> None:
        request, fault, reason = attempt.request, refusal.fault, sentence(refusal.reason)
        self.result.met([fault])
        self._tell_fault(request, [fault], cured=False, reason=reason)
        self._judge(lane, fault, reason)
        if fault == NOT_FOUND and len(request.symbols) > 1:
            # One symbol that the source does not know spoils the call for the others.
            self.batching.refuse(request, lineage.settling_nothing(), fault)
            self._halve(lane, request)
        elif refusal.retry and attempt.number < (_EMPTY_IS_AN_ANSWER if fault == EMPTY else _ROUNDS):
            self.batching.refuse(request, lineage, fault)
            lane.again.append(replace(attempt, number=attempt.number + 1))
        elif fault == EMPTY:
            attempt.chain.add(request, lineage, {})
            attempt.chain.complete(self.batching)
            self.run.work.progress.step(note=request.symbol or request.dataset)
        else:
            self.batching.refuse(request, lineage, fault)
            attempt.chain.abandon(self.batching)
            if fault not in (QUOTA, BAD_KEY):
                told = self.result.nothing if fault in (NOT_FOUND, PLAN_LIMIT) else self.result.failed
                self._give_up(request, reason, told)

    def _judge(self, lane: Lane, fault: str, reason: str) -> None:
        """What a refusal says of the source as a whole; one that concerns all it is asked ends its lane."""
        name, now = lane.source.name, self.run.work.clock()
        if fault in (NOT_FOUND, EMPTY):
            self._well(lane)
        elif fault not in (QUOTA, BAD_KEY):
            self._note(name, reason)
            self.means.ledger.refused(name, reason)
        elif name in self.plan.resting:
            # It was under way when its source was put to rest, and says the same again.
            return
        elif fault == QUOTA and name not in self.plan.quotas:
            until = self.means.ledger.exhausted(name, reason, timedelta(seconds=lane.source.rate.seconds))
            self._leave(lane, at_rest(reason, until), until)
        else:
            tomorrow = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), datetime.min.time(), UTC)
            until = now + _WRONG_KEY_RESTS if fault == BAD_KEY else tomorrow
            self.means.ledger.rest(name, reason, until)
            self._leave(lane, at_rest(reason, until), until)

    def _well(self, lane: Lane) -> None:
        self.means.ledger.answered(lane.source.name)
        self.well.add(lane.source.name)

    def _failed(self, lane: Lane, attempt: Attempt, failure: FetchFailed) -> None:
        """Remember that nothing came."""
        request, note = attempt.request, no_answer(failure.faults)
        self.result.met(failure.faults)
        self._tell_fault(request, failure.faults, cured=False)
        used_up = failure.faults[-1:] == (QUOTA,)
        if not used_up:
            span = (request.symbols, request.start, request.end)
            moment = self.run.work.clock()
            nothing = Lineage(None, None, None, request.full_url, *span, moment, faults=failure.faults)
            self.batching.refuse(request, nothing, failure.faults[-1] if failure.faults else "unreachable")
        if lane.source.name in self.plan.resting:
            # It was under way when its source was put to rest: one outage is not counted twice.
            attempt.chain.abandon(self.batching)
            return
        self._note(lane.source.name, note)
        until = None if used_up else self.means.ledger.failed(lane.source.name, note)
        if used_up or until is not None:
            if until:
                self.down.add(lane.source.name)
            attempt.chain.abandon(self.batching)
            self._leave(lane, at_rest(note, until) if until else note, until)
        elif not failure.permanent and attempt.number < self._rounds(lane):
            lane.again.append(replace(attempt, number=attempt.number + 1))
        else:
            attempt.chain.abandon(self.batching)
            met = ", ".join(failure.faults) or "no attempt was made"
            self._give_up(request, f"no answer came ({met})", self.result.failed)

    def _rounds(self, lane: Lane) -> int:
        """How often a request may fail before it is given up."""
        return _OUTAGE_ROUNDS if lane.source.name in self.down else _ROUNDS

    def _halve(self, lane: Lane, request: Request) -> None:
        """Ask for both halves of a request's symbols on their own."""
        middle = len(request.symbols) // 2
        for some in (request.symbols[:middle], request.symbols[middle:]):
            if request.start and request.end:
                query = Query(request.dataset, some, request.start, request.end, self.plan.now)
                lane.queue.extend(map(Attempt, lane.source.plan(query)))

    def _leave(self, lane: Lane, note: str, until: datetime | None) -> None:
        lane.leave()
        self.plan.resting.add(lane.source.name)
        self.result.resting[lane.source.name] = until or datetime.max.replace(tzinfo=UTC)
        self._note(lane.source.name, note)

    def _give_up(self, request: Request, reason: str, told: dict[str, str]) -> None:
        """This run asks this source no more for these symbols, unless it said itself which span it does not have."""
        if told is not self.result.nothing or not (request.start and request.end):
            for symbol in request.symbols or (EVERYTHING,):
                self.plan.given_up.add((request.source, request.dataset, symbol))
        told[request.symbol or f"{request.source} {request.dataset}"] = reason
        self.run.work.progress.step(note=request.symbol or request.dataset)

    def _note(self, source: str, note: str) -> None:
        if self.result.notes.get(source) != note:
            self.result.notes[source] = note
            self.run.tell("source", source=source, note=note)

    def _tell_fault(self, request: Request, faults: Sequence[str], *, cured: bool, reason: str | None = None) -> None:
        self.run.work.progress.met(len(faults))
        facts: dict[str, Any] = {
            "source": request.source,
            "dataset": request.dataset,
            "symbol": request.symbol,
            "faults": list(faults),
            "cured": cured,
        }
        self.run.tell("fault", **facts, **({"reason": reason} if reason else {}))


def _outcome(future: Future[Fetched]) -> Fetched | FetchFailed:
    try:
        return future.result()
    except FetchFailed as failure:
        return failure
