"""
Commands that look after a keep: doctor.
"""

from __future__ import annotations

from dataclasses import asdict

import typer

from marketkeep.cli.app import DataOption, JsonOption, app, place
from marketkeep.cli.headings import LOOK_AFTER
from marketkeep.cli.show import json, say
from marketkeep.operate import examine


@app.command(rich_help_panel=LOOK_AFTER)
def doctor(data: DataOption = None, json_: JsonOption = False) -> None:
    """Read everything and say what is not as it was kept. Exit code 1 when something is wrong."""
    health = examine(place(data))
    if json_:
        json(asdict(health))
    else:
        say(", ".join(f"{part}: {count:,} looked at" for part, count in health.looked_at.items()))
        for one in health.problems:
            say(f"{one.part} {one.path}: {one.found}. To do: {one.remedy}")
        if not health.problems:
            say("everything is as it was kept")
    if health.problems:
        raise typer.Exit(1)
