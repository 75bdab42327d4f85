"""
The ways to collect: the daily update, a backfill and a repair. Each is gap planning over its own windows.

A run goes in rounds: what is missing is planned, collected and published, and what one source could not give is planned
anew for the next one, until nothing more can be had now.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta

from marketkeep.errors import BadInput, BadRange, BadSetting
from marketkeep.model import Symbol
from marketkeep.model.new_york import new_york_date
from marketkeep.pipeline.collecting.collector import Collected, Collector
from marketkeep.pipeline.collecting.gaps import Window
from marketkeep.pipeline.collecting.means import Means
from marketkeep.pipeline.collecting.planning import Planner
from marketkeep.pipeline.collecting.universe import follow_new
from marketkeep.pipeline.collecting.windows import DATASETS, REFERENCE, Range, known_symbols, windows
from marketkeep.pipeline.publishing.absorb import Absorbed
from marketkeep.pipeline.run import Run, run
from marketkeep.pipeline.workspace import Workspace

_MOST_ROUNDS = 50
# A source that answered in this run and then failed is waited for; one that never answered is not.
_LONGEST_WAIT = 120.0
_MOST_WAITS = 10
_SHORT_WAIT = 0.2
_PRICES = ("daily_bars", "actions")


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


def update(work: Workspace, means: Means, *, datasets: Sequence[str] | None = None) -> Outcome:
    """
    Bring every followed symbol up to its last final session, from its start on, and the reference data up to today.

    Without `datasets` those of the policy, as far as there are sources for them. Raises `BadInput` for one that is not
    collected, `BadSetting` for one named that lacks what its sources need.
    """
    wanted = _known(datasets or work.policy.datasets)
    if datasets and (lacking := left_out(means, wanted)):
        raise BadSetting("; ".join(f"{name}: no source can be asked ({why})" for name, why in lacking.items()))
    with run(work, "update", {"datasets": wanted}) as one:
        filling = _Filling(one, means)
        filling.fill(windows(work, [name for name in wanted if name in REFERENCE], filling.plan.now))
        follow_new(one)
        rest = windows(work, [name for name in wanted if name not in REFERENCE], filling.plan.now)
        before = filling.plan.lacking(work.lake.catalog(), rest)
        filling.fill(rest)
        filling.end()
    return filling.outcome(wanted, rest, before)


def backfill(
    work: Workspace,
    means: Means,
    *,
    start: date,
    end: date | None = None,
    symbols: Sequence[str] | None = None,
    datasets: Sequence[str] = _PRICES,
    second_opinion: bool = False,
) -> Outcome:
    """
    Fill sessions [start, end] of the symbols (all that are followed when none are named).

    With `second_opinion` every source at hand is asked for its own word on bars that are held from another.

    `end` is included; it and `start` may be any days. Raises `BadRange` when start lies after end,
    `NotFound` for a symbol that the keep does not know; then nothing was written.
    """
    if end is not None and start > end:
        raise BadRange(start, end)
    wanted = _known(datasets)
    if symbols is not None:
        known_symbols(work, symbols)
    with run(work, "backfill", {"datasets": wanted, "start": start, "end": end}) as one:
        filling = _Filling(one, means)
        all_ = windows(work, wanted, filling.plan.now, symbols=symbols, within=Range(start, end))
        before = filling.plan.lacking(work.lake.catalog(), all_)
        filling.fill([replace(one, held=not second_opinion) for one in all_])
        filling.end()
    return filling.outcome(wanted, all_, before)


def repair(work: Workspace, means: Means, *, days: int, datasets: Sequence[str] = _PRICES) -> Outcome:
    """Ask again for every session of the last `days` calendar days that is missing, whatever was answered before."""
    wanted = _known(datasets)
    with run(work, "repair", {"datasets": wanted, "days": days}) as one:
        filling = _Filling(one, means)
        since = new_york_date(filling.plan.now) - timedelta(days=days)
        all_ = windows(work, wanted, filling.plan.now, within=Range(since, bounded=True), settled=False)
        before = filling.plan.lacking(work.lake.catalog(), all_)
        filling.fill(all_)
        filling.end()
    return filling.outcome(wanted, all_, before)


@dataclass(slots=True)
class _Filling:
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


def _known(datasets: Sequence[str]) -> list[str]:
    if unknown := sorted(set(datasets) - set(DATASETS)):
        raise BadInput(f"no dataset {', '.join(unknown)} is collected; there are {', '.join(DATASETS)}.")
    return [name for name in DATASETS if name in datasets]


def symbols_of(texts: Sequence[str]) -> list[str]:
    """Canonical symbols of what a user typed, each once, in order. Raises `BadSymbol`."""
    return list(dict.fromkeys(str(Symbol.parse(text)) for text in texts))
