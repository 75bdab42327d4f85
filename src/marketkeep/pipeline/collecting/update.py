"""
The ways to collect: the daily update and a backfill. Each is gap planning over its own windows; a third, the repair,
also goes by what was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from marketkeep.errors import BadInput, BadRange, BadSetting
from marketkeep.model import Symbol
from marketkeep.pipeline.collecting.filling import Filling, Outcome, left_out
from marketkeep.pipeline.collecting.means import Means
from marketkeep.pipeline.collecting.universe import follow_new
from marketkeep.pipeline.collecting.windows import DATASETS, REFERENCE, Range, known_symbols, windows
from marketkeep.pipeline.run import run
from marketkeep.pipeline.workspace import Workspace

PRICES = ("daily_bars", "actions")
"""What a backfill and a repair are about when nothing is named."""


def update(work: Workspace, means: Means, *, datasets: Sequence[str] | None = None) -> Outcome:
    """
    Bring every followed symbol up to its last final session, from its start on, and the reference data up to today.

    Without `datasets` those of the policy, as far as there are sources for them. Raises `BadInput` for one that is not
    collected, `BadSetting` for one named that lacks what its sources need.
    """
    wanted = known_datasets(datasets or work.policy.datasets)
    if datasets and (lacking := left_out(means, wanted)):
        raise BadSetting("; ".join(f"{name}: no source can be asked ({why})" for name, why in lacking.items()))
    with run(work, "update", {"datasets": wanted}) as one:
        filling = Filling(one, means)
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
    datasets: Sequence[str] = PRICES,
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
    wanted = known_datasets(datasets)
    if symbols is not None:
        known_symbols(work, symbols)
    with run(work, "backfill", {"datasets": wanted, "start": start, "end": end}) as one:
        filling = Filling(one, means)
        all_ = windows(work, wanted, filling.plan.now, symbols=symbols, within=Range(start, end))
        before = filling.plan.lacking(work.lake.catalog(), all_)
        filling.fill([replace(one, held=not second_opinion) for one in all_])
        filling.end()
    return filling.outcome(wanted, all_, before)


def known_datasets(datasets: Sequence[str]) -> list[str]:
    """These datasets, each once, in the order in which they are asked for. Raises `BadInput` for another."""
    if unknown := sorted(set(datasets) - set(DATASETS)):
        raise BadInput(f"no dataset {', '.join(unknown)} is collected; there are {', '.join(DATASETS)}.")
    return [name for name in DATASETS if name in datasets]


def symbols_of(texts: Sequence[str]) -> list[str]:
    """Canonical symbols of what a user typed, each once, in order. Raises `BadSymbol`."""
    return list(dict.fromkeys(str(Symbol.parse(text)) for text in texts))
