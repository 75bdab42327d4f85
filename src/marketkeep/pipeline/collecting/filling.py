"""
The rounds of a collecting run: what is missing is planned, collected and published, and what one source could not give
is planned anew for the next one, until nothing more can be had now.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from marketkeep.pipeline.collecting.collector import Collected, Collector
from marketkeep.pipeline.collecting.gaps import Window
from marketkeep.pipeline.collecting.means import Means
from marketkeep.pipeline.collecting.planning import Planner
from marketkeep.pipeline.publishing.absorb import Absorbed
from marketkeep.pipeline.run import Run

_MOST_ROUNDS = 50
# A source that answered in this run and then failed is waited for; one that never answered is not.
_LONGEST_WAIT = 120.0
_MOST_WAITS = 10
_SHORT_WAIT = 0.2


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What a collecting run came to; `cured` counts sessions that were missing before and are held now. `left_out` says of
    each dataset that no source can be asked for why that is so.
    """

    run_id: str
    collected: Collected
    absorbed: Absorbed
    missing_before: int
    missing_after: int
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def cured(self) -> int:
        """Sessions filled by this run."""
        return self.missing_before - self.missing_after


@dataclass(slots=True)
class Filling:
    """The rounds of one run."""

    run: Run
    means: Means
    plan: Planner = field(init=False)
    collector: Collector = field(init=False)
    waits: int = 0
    wakes: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        means = self.means
        now = self.run.work.clock()
        self.plan = Planner(self.run.work.policy, now, means.sources, means.rates, quotas=means.quotas)
        self.collector = Collector(self.run, means, self.plan)
        for one in means.sources:
            if (until := means.ledger.rests_until(one.name)) is not None:
                self.collector.rests(one.name, until)
                self._told_to_rest(one.name, until)

    def fill(self, wanted: Sequence[Window]) -> None:
        """Collect what is missing of these windows, round by round."""
        before: tuple[object, ...] = ()
        for _ in range(_MOST_ROUNDS):
            self._wake()
            self.plan.left = {name: self.means.ledger.left(name) or 0 for name in self.means.quotas}
            tasks = self.plan.tasks(self.run.work.lake.catalog(), wanted)
            if not tasks:
                if not self._waited(wanted):
                    break
                before = ()
                continue
            asked = tuple(task.requests for task in tasks)
            if asked == before:
                # The same again would bring the same again.
                break
            before = asked
            self.collector.collect(tasks)
            self.run.publish()
            for name, until in self.collector.result.resting.items():
                self._told_to_rest(name, until)

    def end(self) -> None:
        """Tell the journal what came of it."""
        self.run.tell("collected", **asdict(self.collector.result))

    def outcome(self, datasets: Sequence[str], wanted: Sequence[Window], before: int) -> Outcome:
        """What all rounds came to."""
        result = self.collector.result
        after = self.plan.lacking(self.run.work.lake.catalog(), wanted)
        return Outcome(self.run.run_id, result, self.run.absorbed, before, after, left_out(self.means, datasets))

    def _told_to_rest(self, name: str, until: datetime) -> None:
        if name in self.plan.resting and name not in self.wakes:
            self.wakes[name] = time.monotonic() + (until - self.run.work.clock()).total_seconds()

    def _wake(self) -> None:
        for name, at in list(self.wakes.items()):
            if at <= time.monotonic():
                del self.wakes[name]
                self.plan.resting.discard(name)
                self.collector.result.resting.pop(name, None)

    def _waited(self, wanted: Sequence[Window]) -> bool:
        """Wait for a source at rest that has shown in this run that it can answer; whether there was one."""
        soon = {name: at for name, at in self.wakes.items() if name in self.collector.well}
        if not soon or self.waits >= _MOST_WAITS:
            return False
        name, at = min(soon.items(), key=lambda item: item[1])
        if at - time.monotonic() > _LONGEST_WAIT or not self._needs(name, wanted):
            return False
        self.waits += 1
        self.run.tell("waiting", source=name, seconds=round(max(0.0, at - time.monotonic()), 1))
        # In short waits, because an endless one cannot be interrupted on every system.
        while (left := at - time.monotonic()) > 0:
            time.sleep(min(left, _SHORT_WAIT))
        return True

    def _needs(self, name: str, wanted: Sequence[Window]) -> bool:
        self.plan.resting.discard(name)
        found = self.plan.tasks(self.run.work.lake.catalog(), wanted)
        self.plan.resting.add(name)
        return bool(found)


def left_out(means: Means, datasets: Sequence[str]) -> dict[str, str]:
    """By dataset that none of the sources at hand offers, those that would and why they cannot be asked."""
    offered = {name for one in means.sources for name in one.offers}
    why = {
        name: "; ".join(f"{one.name}: {reason}" for one, reason in means.unusable if name in one.offers)
        for name in datasets
        if name not in offered
    }
    return {name: reason for name, reason in why.items() if reason}
