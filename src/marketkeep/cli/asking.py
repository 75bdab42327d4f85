"""
Commands that only look: explain, coverage, landing show.
"""

from __future__ import annotations

import re
import sys
from dataclasses import asdict
from typing import Annotated

import polars as pl
import typer

from marketkeep.cli.app import AllRowsOption, AsOfOption, DataOption, JsonOption, RecordedByOption, app, place
from marketkeep.cli.headings import LOOK
from marketkeep.cli.proof import show_proof
from marketkeep.cli.show import frame_json, frame_part, json, say
from marketkeep.errors import BadInput
from marketkeep.query import Keep
from marketkeep.raw import Landing

_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


landing = typer.Typer()
app.add_typer(landing, name="landing", help="Show the payloads as they came.", rich_help_panel=LOOK)


@app.command("explain", rich_help_panel=LOOK)
def explain(
    symbol: Annotated[str, typer.Argument(help="Symbol, in any vendor's spelling.")],
    day: Annotated[str, typer.Argument(metavar="DATE", help="Session (YYYY-MM-DD).")],
    field: Annotated[
        str,
        typer.Argument(
            help="open, high, low, close, volume, adj_close, score or source; action for those of that ex-date."
        ),
    ] = "close",
    as_of: AsOfOption = None,
    recorded_by: RecordedByOption = None,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Prove one cell: who said what, who won, what its score lost, and which actions adjust it."""
    proof = Keep(place(data)).explain(symbol, day, field, as_of=as_of, recorded_by=recorded_by)
    if json_:
        json(asdict(proof))
    else:
        show_proof(proof)


@app.command("coverage", rich_help_panel=LOOK)
def coverage(
    minute: Annotated[bool, typer.Option("--minute", help="Minute bars instead of daily ones.")] = False,
    as_of: AsOfOption = None,
    recorded_by: RecordedByOption = None,
    all_rows: AllRowsOption = False,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Show what is held of each symbol: sessions, first, last, missing and mean score."""
    dataset = "minute_bars" if minute else "daily_bars"
    found = Keep(place(data)).coverage(dataset, as_of=as_of, recorded_by=recorded_by)
    _show(found, all_rows=all_rows, json_=json_, none="no bars are held yet")


def _show(frame: pl.DataFrame, *, all_rows: bool, json_: bool, none: str) -> None:
    if json_:
        frame_json(frame)
    elif frame.is_empty():
        say(none)
    else:
        frame_part(frame, all_rows=all_rows)


@landing.callback()
def _payloads() -> None:
    """Show the payloads as they came."""


@landing.command("show")
def landing_show(
    digest: Annotated[str, typer.Argument(help="sha256:<hex>, as explain prints it.")],
    facts: Annotated[bool, typer.Option("--facts", help="Print where it came from instead of the payload.")] = False,
    data: DataOption = None,
) -> None:
    """Print a payload exactly as it came, to the byte."""
    known = _DIGEST.fullmatch(digest)
    if known is None:
        raise BadInput(f"{digest!r} is not a digest; give sha256: and 64 hexadecimal digits, as explain prints it")
    files = place(data)
    Keep(files)
    store = Landing(files)
    if facts:
        json(asdict(store.describe(f"sha256:{known[1]}")))
        return
    with store.open(f"sha256:{known[1]}") as stream:
        while piece := stream.read(1 << 20):
            sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
