"""
Repair: what is missing and what is wrong becomes a plan of whom to ask for what, and the journal says what came of it.

For a session without a bar the sources are asked that have not answered for it, then all again. For what was found and
is still open every source is asked for its own word on the days around it: the one that told it may have revised it,
another may know better. Gold follows from what all have said, so a repair writes no value of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, timedelta

import polars as pl

from marketkeep.model import ACTIONS
from marketkeep.model.new_york import new_york_date
from marketkeep.pipeline.collecting.filling import Filling, Outcome
from marketkeep.pipeline.collecting.gaps import Window, expected_end, missing
from marketkeep.pipeline.collecting.means import Means
from marketkeep.pipeline.collecting.planning import Planner
from marketkeep.pipeline.collecting.remedies import Need, Trouble, needs, opinion, troubles
from marketkeep.pipeline.collecting.update import PRICES, known_datasets
from marketkeep.pipeline.collecting.windows import Range, known_symbols, windows
from marketkeep.pipeline.run import run
from marketkeep.pipeline.workspace import Workspace

GAP = "gap"
"""Why a window is asked for of which sessions have no bar."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is asked: days `first` to `last` (both included) of a symbol's dataset, why, and which sources can tell."""

    symbol: str
    dataset: str
    first: date
    last: date
    why: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Windows with sessions missing, windows in which every source is asked for its own word, and all as `steps`."""

    gaps: tuple[Window, ...]
    opinions: tuple[Window, ...]
    steps: tuple[Step, ...]
    troubles: tuple[Trouble, ...]


@dataclass(frozen=True, slots=True)
class Repaired(Outcome):
    """
    What a repair came to: what was asked, and of what was found and open before what is no longer (`healed`) and what
    still is (`left`); `fresh` is what the new answers brought up.
    """

    steps: tuple[Step, ...] = ()
    healed: tuple[Trouble, ...] = ()
    left: tuple[Trouble, ...] = ()
    fresh: tuple[Trouble, ...] = ()


def plan_repair(
    work: Workspace,
    means: Means,
    *,
    days: int,
    datasets: Sequence[str] | None = None,
    symbols: Sequence[str] | None = None,
) -> Plan:
    """
    What a repair would ask now; nothing is asked or written.

    Raises `BadInput` for a dataset that is not collected, `NotFound` for a symbol that the keep does not know.
    """
    planner = Planner(work.policy, work.clock(), means.sources, means.rates, quotas=means.quotas)
    planner.left = {name: means.ledger.left(name) or 0 for name in means.quotas}
    return _plan(work, planner, days, _wanted(work, datasets), _published(work, symbols))


def repair(
    work: Workspace,
    means: Means,
    *,
    days: int,
    datasets: Sequence[str] | None = None,
    symbols: Sequence[str] | None = None,
) -> Repaired:
    """
    Ask again for what is missing or wrong over the last `days` calendar days, whatever was answered before.

    It concerns the followed symbols' daily bars and actions, their minutes where the policy collects these, unless
    `datasets` or `symbols` say otherwise. Raises `BadInput` for a dataset that is not collected, `NotFound` for a
    symbol that the keep does not know; then nothing was written.
    """
    wanted, symbols = _wanted(work, datasets), _published(work, symbols)
    with run(work, "repair", {"datasets": wanted, "days": days, "symbols": symbols}) as one:
        filling = Filling(one, means)
        plan = _plan(work, filling.plan, days, wanted, symbols)
        one.tell("plan", steps=[asdict(step) for step in plan.steps])
        before = filling.plan.lacking(work.lake.catalog(), plan.gaps)
        # Who has answered without them is asked once nobody else has them.
        filling.fill([replace(window, settled=True) for window in plan.gaps])
        filling.fill([*plan.gaps, *plan.opinions])
        filling.end()
        outcome = filling.outcome(wanted, plan.gaps, before)
        now = _troubles(work, _since(filling.plan, days), wanted, symbols)
        done = _compared(plan.troubles, now, outcome, plan.steps)
        told = {name: [asdict(trouble) for trouble in getattr(done, name)] for name in ("healed", "left", "fresh")}
        one.tell("repaired", filled=done.cured, missing=done.missing_after, **told)
    return replace(done, absorbed=one.absorbed)


def _wanted(work: Workspace, datasets: Sequence[str] | None) -> list[str]:
    usual = [*PRICES, *(["minute_bars"] if "minute_bars" in work.policy.datasets else [])]
    return known_datasets(datasets or usual)


def _published(work: Workspace, symbols: Sequence[str] | None) -> list[str] | None:
    return None if symbols is None else known_symbols(work, symbols)


def _since(planner: Planner, days: int) -> date:
    return new_york_date(planner.now) - timedelta(days=days)


def _plan(work: Workspace, planner: Planner, days: int, datasets: Sequence[str], symbols: Sequence[str] | None) -> Plan:
    since = _since(planner, days)
    within = Range(since, bounded=True)
    gaps = windows(work, datasets, planner.now, symbols=symbols, within=within, settled=False)
    found = _troubles(work, since, datasets, symbols)
    wrong = [(need, window) for need in needs(found) if (window := _opinion(work, planner, need))]
    steps = [step for window in gaps if (step := _gap(work, planner, window))]
    steps += [_doubt(work, planner, need, window) for need, window in wrong]
    return Plan(tuple(gaps), tuple(window for _, window in wrong), tuple(steps), tuple(found))


def _gap(work: Workspace, planner: Planner, window: Window) -> Step | None:
    """What is asked for a window of bars with sessions missing; None when it has none."""
    if not window.dataset.endswith("_bars"):
        return None
    catalog = work.lake.catalog()
    if not (days := missing(catalog, window, "", work.policy, planner.now)):
        return None
    return Step(window.symbol, window.dataset, days[0], days[-1], (GAP,), tuple(planner.able(catalog, window)))


def _doubt(work: Workspace, planner: Planner, need: Need, window: Window) -> Step:
    """What is asked for what was found."""
    sources = planner.able(work.lake.catalog(), window)
    return Step(need.symbol, need.dataset, window.start, window.end - timedelta(days=1), need.why, tuple(sources))


def _opinion(work: Workspace, planner: Planner, need: Need) -> Window | None:
    end = expected_end(need.symbol, work.policy, planner.now, evening=need.dataset == "minute_bars")
    return opinion(need, end)


def _troubles(work: Workspace, since: date, datasets: Sequence[str], symbols: Sequence[str] | None) -> list[Trouble]:
    """What is open and may be cured, of these datasets and symbols (of all when None)."""
    entries = work.lake.catalog().entries
    told = entries.filter((pl.col("dataset") == "actions") & (pl.col("last") >= since))["symbol"]
    actions = work.lake.actions(told) if len(told) else ACTIONS.empty()
    found = troubles(work.lake.findings(), actions, since)
    named = None if symbols is None else set(symbols)
    return [one for one in found if one.dataset in datasets and (named is None or one.symbol in named)]


def _compared(found: Iterable[Trouble], now: Iterable[Trouble], outcome: Outcome, steps: tuple[Step, ...]) -> Repaired:
    """The outcome with what became of what was found."""
    before, after = list(found), list(now)
    known = {one.place for one in before}
    still = {one.place for one in after}
    return Repaired(
        **{one.name: getattr(outcome, one.name) for one in fields(Outcome)},
        steps=steps,
        healed=tuple(one for one in before if one.place not in still),
        left=tuple(one for one in after if one.place in known),
        fresh=tuple(one for one in after if one.place not in known),
    )
