"""
The command that shows a company's figures: fundamentals.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from marketkeep.cli.app import AllRowsOption, DataOption, JsonOption, app, place
from marketkeep.cli.headings import LOOK
from marketkeep.cli.show import frame_json, frame_part, say
from marketkeep.query import Keep

_SHOWN = ("symbol", "metric", "period", "period_end", "value", "unit", "filed", "form", "available_at", "derived")
_SPARE = ("available_at", "form", "derived", "unit", "filed")


class PeriodName(StrEnum):
    """Which periods are shown."""

    quarter = "quarter"
    annual = "annual"
    ttm = "ttm"
    instant = "instant"


@app.command("fundamentals", rich_help_panel=LOOK)
def fundamentals(
    symbols: Annotated[list[str], typer.Argument(help="One or more, in any vendor's spelling.")],
    metric: Annotated[
        list[str] | None, typer.Option(metavar="METRIC", help="Only this metric; may be given again [default: all].")
    ] = None,
    start: Annotated[str | None, typer.Option(metavar="DATE", help="Periods that end on this day or later.")] = None,
    end: Annotated[str | None, typer.Option(metavar="DATE", help="Periods that end by this day.")] = None,
    period: Annotated[
        PeriodName | None, typer.Option(help="Quarters, fiscal years, trailing twelve months or instants only.")
    ] = None,
    restated: Annotated[bool, typer.Option("--restated", help="As told last instead of as filed first.")] = False,
    as_of: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what the market could use on this day or at this instant.")
    ] = None,
    recorded_by: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what this keep had received by then (UTC).")
    ] = None,
    all_rows: AllRowsOption = False,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Show a company's figures by period, as first filed or as restated."""
    found = (
        Keep(place(data))
        .fundamentals(
            symbols,
            metric,
            start,
            end,
            period=period.value if period else None,
            as_of=as_of,
            recorded_by=recorded_by,
            restated=restated,
        )
        .polars()
    )
    if json_:
        frame_json(found)
    elif found.is_empty():
        say("no figures are held of these periods")
    else:
        frame_part(found.select(_SHOWN), all_rows=all_rows, newest=True, spare=_SPARE)
