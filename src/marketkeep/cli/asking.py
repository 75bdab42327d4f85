"""
Commands that only read: list-symbols, query, explain, view-issues, coverage, landing show.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from marketkeep.cli.app import DataOption, JsonOption, app, settings
from marketkeep.cli.show import OUT, frame_json, frame_table, json, say, table
from marketkeep.errors import BadInput
from marketkeep.query import BarsQuery, Explanation, Keep
from marketkeep.raw import Landing


class Adjustment(StrEnum):
    """How prices are adjusted."""

    none = "none"
    splits = "splits"
    all = "all"


class Severity(StrEnum):
    """How bad a finding is."""

    error = "error"
    warning = "warning"
    info = "info"


landing = typer.Typer(help="The payloads as they came.", no_args_is_help=True)
app.add_typer(landing, name="landing")


@app.command("list-symbols")
def list_symbols(data: DataOption = None, json_: JsonOption = False) -> None:
    """List the symbols the keep knows, whether they are followed, and what is held."""
    securities = Keep(settings(data).data).securities()
    if json_:
        frame_json(securities)
    else:
        frame_table("", securities)


@app.command()
def query(
    symbols: Annotated[list[str], typer.Argument(help="Symbols, any vendor's spelling.")],
    start: Annotated[str | None, typer.Option(help="First session (YYYY-MM-DD).")] = None,
    end: Annotated[str | None, typer.Option(help="Last session, included.")] = None,
    adjust: Annotated[Adjustment, typer.Option(help="Adjust prices for nothing, splits, or splits and cash.")] = Adjustment.none,
    as_of: Annotated[str | None, typer.Option(help="Only what the market knew on this day.")] = None,
    recorded_by: Annotated[str | None, typer.Option(help="Only what this keep had received by then (UTC).")] = None,
    out: Annotated[Path | None, typer.Option(help="Write to this .csv, .parquet or .json file instead.")] = None,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Show daily bars."""
    keep = Keep(settings(data).data)
    bars = keep.bars(symbols, start, end, adjust=adjust.value, as_of=as_of, recorded_by=recorded_by)
    if out is not None:
        say(f"{_export(bars, out):,} bars written to {out}")
    elif json_:
        frame_json(bars.polars())
    else:
        frame_table("", bars.polars())


def _export(bars: BarsQuery, out: Path) -> int:
    frame = bars.polars()
    if out.suffix == ".csv":
        bars.csv(out)
    elif out.suffix == ".parquet":
        bars.parquet(out)
    elif out.suffix == ".json":
        bars.json(out)
    else:
        raise BadInput(f"--out {out}: the name must end in .csv, .parquet or .json")
    return frame.height


@app.command()
def explain(
    symbol: Annotated[str, typer.Argument(help="Symbol.")],
    day: Annotated[str, typer.Argument(metavar="DATE", help="Session (YYYY-MM-DD).")],
    field: Annotated[str, typer.Argument(help="open, high, low, close, volume, adj_close, score or source.")] = "close",
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Prove one cell: who said what, who won, what the score lost, which actions adjust it."""
    proof = Keep(settings(data).data).explain(symbol, day, field)
    if json_:
        json(asdict(proof))
    else:
        _show_proof(proof)


def _show_proof(proof: Explanation) -> None:
    say(f"{proof.symbol} {proof.date} {proof.field} = {proof.value} ({proof.status})")
    say(proof.reason)
    column = "close" if proof.field in ("adj_close", "score", "source") else proof.field
    rows = [
        (
            one.source,
            one.verdict,
            str(one.delivered),
            str(one.as_traded),
            one.basis,
            one.score,
            ", ".join(f"{code} -{weight}" for code, weight in one.deductions) or "none",
            f"{one.fetched_at:%Y-%m-%d %H:%M:%SZ}",
            one.digest,
        )
        for one in proof.candidates
    ]
    names = ("source", "verdict", f"{column} delivered", "as traded", "basis", "score", "deductions", "received", "payload")
    OUT.print()
    table(f"candidates for {column}", names, rows)
    if proof.field != "adj_close":
        return
    OUT.print()
    if not proof.factors:
        say("no action with a later ex-date: adj_close is the close")
        return
    product = 1.0
    factors = []
    for one in reversed(proof.factors):
        product *= one.factor
        factors.append((str(one.ex_date), one.kind, one.told, f"{one.factor:.10f}", f"{product:.10f}", one.status, one.witnesses))
    factors.reverse()
    table("factors: adj_close = close as traded x their product", ("ex-date", "kind", "told", "factor", "product", "status", "witnesses"), factors)


@app.command("view-issues")
def view_issues(
    severity: Annotated[Severity | None, typer.Option(help="Only this severity.")] = None,
    symbol: Annotated[str | None, typer.Option(help="Only this symbol.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every finding ever made, also those cured since.")] = False,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Show what is wrong now. Exit code 1 when an error stands."""
    keep = Keep(settings(data).data)
    found = keep.findings().drop("batch_id") if all_ else keep.issues()
    if severity is not None:
        found = found.filter(pl.col("severity") == severity.value)
    if symbol is not None:
        found = found.filter(pl.col("symbol") == symbol)
    if json_:
        frame_json(found)
    elif found.is_empty():
        say("no findings" if all_ else "no open issues")
    else:
        frame_table("", found)
    if not all_ and (found["severity"] == "error").any():
        raise typer.Exit(1)


@app.command()
def coverage(data: DataOption = None, json_: JsonOption = False) -> None:
    """Show per symbol what is held: sessions, first, last, missing, mean score."""
    held = Keep(settings(data).data).coverage()
    if json_:
        frame_json(held)
    else:
        frame_table("", held)


@landing.command("show")
def landing_show(
    digest: Annotated[str, typer.Argument(help="sha256:<hex>, as explain prints it.")],
    facts: Annotated[bool, typer.Option("--facts", help="Print where it came from instead of the payload.")] = False,
    data: DataOption = None,
) -> None:
    """Print a payload exactly as it came."""
    root = settings(data).data
    Keep(root)
    store = Landing(root)
    whole = digest if digest.startswith("sha256:") else f"sha256:{digest}"
    if facts:
        json(asdict(store.describe(whole)))
        return
    with store.open(whole) as stream:
        while piece := stream.read(1 << 20):
            sys.stdout.buffer.write(piece)
