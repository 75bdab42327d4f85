"""
Commands about sources: how they stand, and a try of one.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from marketkeep.cli.app import DataOption, JsonOption, app, room_of, settings
from marketkeep.cli.headings import COLLECT
from marketkeep.cli.show import json, printable, say
from marketkeep.operate.sources import SourceState, source_states, try_source

sources = typer.Typer()
app.add_typer(sources, name="sources", help="Show what can be asked, and how it has been.", rich_help_panel=COLLECT)


def _now() -> datetime:
    return datetime.now(UTC)


@sources.callback(invoke_without_command=True)
def list_sources(context: typer.Context, json_: JsonOption = False, data: DataOption = None) -> None:
    """Show what can be asked: datasets and reach, keys, terms, calls left today, how each source has been."""
    if context.invoked_subcommand is not None:
        return
    chosen = settings(data)
    states = source_states(room_of(chosen), chosen, _now)
    if json_:
        json([asdict(one) for one in states])
        return
    for one in states:
        say(f"{one.name}{_standing(one)}", style="bold")
        for label, line in _lines(one):
            say(f"  {label:<7} {printable(line)}")
    idle = sum(one.unusable is not None for one in states)
    say(f"{len(states)} sources, {idle} of them not used; marketkeep sources test NAME makes one call and tells")


@sources.command("test")
def make_one_call(
    name: Annotated[str, typer.Argument(help="The source, as `marketkeep sources` names it.")],
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Make one cheap call and say in words what came of it. Exit code 1 when the source is not well."""
    chosen = settings(data)
    trial = try_source(room_of(chosen), chosen, _now, name)
    if json_:
        json(asdict(trial))
    else:
        say(f"{trial.source}: {printable(trial.told)} ({trial.seconds:.1f} s)")
    if not trial.well:
        raise typer.Exit(1)


def _standing(one: SourceState) -> str:
    """What a user should see at a glance: that it is not asked, and why; nothing where all is well."""
    if one.unusable is not None:
        if "switched off" in one.unusable:
            return " (not used: switched off)"
        return f" (not used: needs a {'contact' if 'CONTACT' in one.unusable else 'key'})"
    return " (at rest)" if one.rests_until is not None else ""


def _lines(one: SourceState) -> list[tuple[str, str]]:
    reaches: dict[str, list[str]] = {}
    for dataset, reach in one.datasets.items():
        reaches.setdefault(reach, []).append(dataset)
    lines = [("serves", "; ".join(f"{', '.join(datasets)}: {reach}" for reach, datasets in reaches.items()))]
    lines += [("key", one.key), ("pace", _pace(one)), ("terms", one.terms)]
    if one.error_rate is not None:
        last = f"last answer {one.last_success:%Y-%m-%d %H:%M} UTC" if one.last_success else "no answer yet"
        lines.append(("health", f"{last}; {one.error_rate:.0%} of requests failed in the last week"))
    if one.rests_until is not None:
        lines.append(("rests", f"until {one.rests_until:%Y-%m-%d %H:%M} UTC; sources test {one.name} asks at once"))
    if one.note and one.noted_at:
        lines.append(("note", f"{one.noted_at:%Y-%m-%d %H:%M} UTC: {one.note}"))
    return lines


def _pace(one: SourceState) -> str:
    calls = f"{one.calls:,} call{'' if one.calls == 1 else 's'}"
    pace = f"{calls} a second" if one.seconds == 1 else f"{calls} in {one.seconds:g} s"
    return pace if one.quota is None else f"{pace}; {one.quota_left:,} of {one.quota:,} calls left today (UTC)"
