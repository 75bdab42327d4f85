"""
The proof of one cell as a person reads it: what is served, who said what and why one won, and the arithmetic.
"""

from __future__ import annotations

import math

from marketkeep.cli.show import printable, say
from marketkeep.query import Candidate, Explanation, Factor


def show_proof(proof: Explanation) -> None:
    """Print the proof: a block per candidate, then, for an adjusted close, a line per factor."""
    say(f"{proof.symbol} {proof.date} {proof.field} = {_number(proof.value)} ({proof.status})", style="bold")
    say(proof.reason)
    column = "close" if proof.field in ("adj_close", "score", "source") else proof.field
    for number, one in enumerate(proof.candidates, start=1):
        say("")
        _show_candidate(number, one, column)
    if proof.field == "adj_close":
        say("")
        _show_factors(proof)


def _show_candidate(number: int, one: Candidate, column: str) -> None:
    say(f"{number}. {one.source}: {one.verdict}", style="bold")
    delivered = f"delivered as {_number(one.delivered)}, {_words(one.basis)}"
    say(f"   {column:<9} {_number(one.as_traded)} as traded; {delivered}")
    lost = ", ".join(f"{code} -{weight}" for code, weight in one.deductions)
    say(f"   score     {one.score} of 100; {'lost by ' + lost if lost else 'nothing lost'}")
    say(f"   received  {one.fetched_at:%Y-%m-%d %H:%M:%SZ}, in batch {one.batch_id}")
    say(f"   payload   {one.digest}")


def _show_factors(proof: Explanation) -> None:
    close = next((one.as_traded for one in proof.candidates if one.verdict == "won"), None)
    if not proof.factors:
        say("No action with a later ex-date: adj_close is the close as traded.")
        return
    say("adj_close = close as traded x the factor of every action with a later ex-date", style="bold")
    told = [f"{one.kind} {one.told}" for one in proof.factors]
    width = max(map(len, told))
    say(f"   {proof.date}  {'close as traded':<{width}}    {_number(close)}")
    for one, text in zip(proof.factors, told, strict=True):
        say(f"   {one.ex_date}  {text:<{width}}  x {one.factor:.12g}  {_witnesses(one)}")
    product = math.prod(one.factor for one in proof.factors)
    say(f"   {'':<10}  {'product of the factors':<{width}}  x {product:.12g}")
    if close is not None:
        _compare(close * product, proof.value)


def _compare(made: float, served: float | str | None) -> None:
    """A proof that does not come out says so."""
    if isinstance(served, int | float) and math.isclose(made, served, rel_tol=1e-9):
        say(f"   = {_number(made)}, which is what is served")
    else:
        say(f"   = {_number(made)}, but {_number(served)} is served: run marketkeep rebuild")


def _witnesses(one: Factor) -> str:
    said = [printable(each) for each in one.witnesses.split(",")]
    return f"{one.status}: {'; '.join(said)}"


def _number(value: float | str | None) -> str:
    if value is None:
        return "nothing"
    return f"{value:,.12g}" if isinstance(value, int | float) else value


def _words(name: str) -> str:
    return name.replace("_", " ")
