"""
How a repair is shown: what it would ask of whom and why, and what became of what had been found.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from marketkeep.cli.show import say
from marketkeep.pipeline.collecting.remedies import Trouble
from marketkeep.pipeline.collecting.repair import Plan, Repaired, Step

_NAMED = 10
_NOTHING = "nothing to repair: no session is missing, and nothing that another answer could cure is open"


def show_plan(plan: Plan, days: int) -> None:
    """Each step of a plan on one line, whole; it looked `days` back, and nothing was asked."""
    if not plan.steps:
        say(_nothing(days))
        return
    for step in plan.steps:
        say(_line(step))
    hopeless = sum(not step.sources for step in plan.steps)
    told = f"; for {hopeless:,} of them no source at hand can tell more" if hopeless else ""
    say(f"{len(plan.steps):,} to ask for{told}; nothing was asked, leave out --dry-run to do it")


def show_repaired(done: Repaired, days: int) -> None:
    """What was cured over the last `days`, what is still open, and what the new answers brought up."""
    if not done.steps:
        say(_nothing(days))
        return
    if done.healed or done.left:
        say(f"{len(done.healed):,} of {len(done.healed) + len(done.left):,} findings cured")
    _name("cured", done.healed)
    _name("still open", done.left)
    _name("new", done.fresh)
    if kept_out := sum(one.severity == "error" for one in done.left):
        say(f"errors still open: {kept_out:,}; their rows stay out of what is served, see marketkeep view-issues")


def _nothing(days: int) -> str:
    return f"{_NOTHING}; looked at the last {days:,} day{'' if days == 1 else 's'}, --days N looks further back"


def _line(step: Step) -> str:
    asked = ", ".join(step.sources) if step.sources else "nobody at hand"
    return f"{step.symbol} {step.dataset} {_days(step.first, step.last)}: {', '.join(step.why)}; ask {asked}"


def _days(first: date, last: date) -> str:
    return str(first) if first == last else f"{first} to {last}"


def _name(what: str, some: Sequence[Trouble]) -> None:
    for one in some[:_NAMED]:
        source = f" ({one.source})" if one.source else ""
        say(f"{what}: {one.check} of {one.symbol} on {one.day}{source}")
    if len(some) > _NAMED:
        say(f"{what}: and {len(some) - _NAMED:,} more; the run's journal names each")
