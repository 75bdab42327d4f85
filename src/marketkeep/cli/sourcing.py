"""
Commands about sources: how they stand, and a try of one.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from marketkeep.cli.app import DataOption, JsonOption, app, settings
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
    states = source_states(chosen.data, chosen, _now)
    if json_:
        json([asdict(one) for one in states])
        return
    for one in states:
        say(one.name, style="bold")
        for line in _lines(one):
            say(f"  {printable(line)}")


@sources.command("test")
def test_source(
    name: Annotated[str, typer.Argument(help="The source, as `marketkeep sources` names it.")],
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Make one cheap call and say in words what came of it. Exit code 1 when the source is not well."""
    chosen = settings(data)
    trial = try_source(chosen.data, chosen, _now, name)
    if json_:
        json(asdict(trial))
    else:
        say(f"{trial.source}: {printable(trial.told)} ({trial.seconds:.1f} s)")
    if not trial.well:
        raise typer.Exit(1)


def _lines(one: SourceState) -> list[str]:
    reaches: dict[str, list[str]] = {}
    for dataset, reach in one.datasets.items():
        reaches.setdefault(reach, []).append(dataset)
    lines = ["; ".join(f"{', '.join(datasets)}: {reach}" for reach, datasets in reaches.items())]
    pace = f"{one.calls:,} calls a second" if one.seconds == 1 else f"{one.calls:,} calls in {one.seconds:g} s"
    left = "" if one.quota is None else f"; {one.quota_left:,} of {one.quota:,} calls left today"
    lines.append(f"{one.key}; {pace}{left}")
    lines.append(one.terms)
    if one.unusable is not None:
        lines.append(f"not used: {one.unusable}")
    if one.error_rate is not None:
        last = f"last answer {one.last_success:%Y-%m-%d %H:%M} UTC" if one.last_success else "no answer yet"
        lines.append(f"{last}; {one.error_rate:.0%} of requests failed in the last week")
    if one.rests_until is not None:
        lines.append(f"at rest until {one.rests_until:%Y-%m-%d %H:%M} UTC")
    if one.note and one.noted_at:
        lines.append(f"{one.noted_at:%Y-%m-%d %H:%M} UTC: {one.note}")
    return lines
