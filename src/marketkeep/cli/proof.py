"""
The proof of one cell as a person reads it: what is served, how it came to be that, who said what, and the arithmetic.
"""

from __future__ import annotations

import math
import textwrap

from marketkeep.cli.show import printable, say
from marketkeep.query import Candidate, Explanation, Factor
from marketkeep.query.reasons import weighed

_WIDTH = 96


def show_proof(proof: Explanation) -> None:
    """Print the proof: the reasoning, a block per candidate, then for an adjusted close a line per factor."""
    say(f"{proof.symbol} {proof.date} {proof.field} = {_number(proof.value)} ({proof.status})", style="bold")
    if proof.reason not in proof.reasoning:
        _say_folded(proof.reason)
    for sentence in proof.reasoning:
        _say_folded(sentence, " - ")
    column = "close" if proof.field in ("adj_close", "score", "source") else proof.field
    for number, one in enumerate(proof.candidates, start=1):
        say("")
        _show_candidate(number, one, column)
    if proof.field in ("adj_close", "action"):
        say("")
        _show_factors(proof)


def _say_folded(text: str, mark: str = "") -> None:
    for line in textwrap.wrap(printable(text), _WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark)):
        say(line)


def _show_candidate(number: int, one: Candidate, column: str) -> None:
    say(f"{number}. {one.source}: {one.verdict}", style="bold")
    basis = _words(one.basis) + (f" up to {one.basis_date}" if one.basis_date else "")
    say(f"   delivered {_number(one.delivered)}, {basis}")
    for each in one.undone:
        say(f"   undone    {_words(each.kind)} {each.terms} of {each.ex_date}")
    apart = "" if one.difference is None or one.verdict == "won" else f", {one.difference:+.3f} % from the winner"
    say(f"   {column:<9} {_number(one.as_traded)} as traded{apart}")
    say(f"   score     {one.score} of 100; {'lost by' if one.deductions else 'nothing lost'}")
    for lost in one.deductions:
        _say_folded(f"{lost.check} -{lost.weight}: {lost.meaning}", " " * 13)
    say(f"   received  {one.fetched_at:%Y-%m-%d %H:%M:%SZ}, in batch {one.batch_id}")
    say(f"   payload   {one.digest}")


def _show_factors(proof: Explanation) -> None:
    if proof.field == "action":
        for each in (*proof.factors, *proof.not_applied):
            _show_action(each)
        return
    close = next((one.as_traded for one in proof.candidates if one.verdict == "won"), None)
    if proof.factors:
        _show_product(proof, close)
    else:
        say("No action with a later ex-date: adj_close is the close as traded.")
    for each in proof.not_applied:
        say(f"not applied: {each.ex_date}  {_words(each.kind)} {each.terms}")
        _show_voices(each, " " * 3)


def _show_product(proof: Explanation, close: float | None) -> None:
    say("adj_close = close as traded x the factor of every action with a later ex-date", style="bold")
    told = [f"{_words(one.kind)} {one.terms}" for one in proof.factors]
    width = max(map(len, (*told, "close as traded")))
    say(f"   {proof.date}  {'close as traded':<{width}}    {_number(close)}")
    for one, text in zip(proof.factors, told, strict=True):
        say(f"   {one.ex_date}  {text:<{width}}  x {one.factor:.12g}")
        _show_voices(one, " " * 15)
    product = math.prod(one.factor or 1.0 for one in proof.factors)
    say(f"   {'':<10}  {'product of the factors':<{width}}  x {product:.12g}")
    if close is not None:
        _compare(close * product, proof.value)


def _show_action(one: Factor) -> None:
    factor = "not applied" if one.factor is None else f"x {one.factor:.12g}"
    say(f"{one.ex_date}  {_words(one.kind)} {one.terms}  {factor}", style="bold")
    _show_voices(one, "   ")


def _show_voices(one: Factor, indent: str) -> None:
    """The verdict with what was told and measured, and where each claim lies."""
    _say_folded(f"{one.status}: {weighed(one)}", indent)
    for claim in one.claims:
        when = f"{claim.fetched_at:%Y-%m-%d %H:%MZ}"
        say(f"{indent}{claim.source}: {printable(claim.told)}, {_words(claim.basis)}, received {when}")
        say(f"{indent}  {claim.digest}")


def _compare(made: float, served: float | str | None) -> None:
    """A proof that does not come out says so."""
    if isinstance(served, int | float) and math.isclose(made, served, rel_tol=1e-9):
        say(f"   = {_number(made)}, which is what is served")
    else:
        say(f"   = {_number(made)}, but {_number(served)} is served: run marketkeep rebuild")


def _number(value: float | str | None) -> str:
    if value is None:
        return "nothing"
    return f"{value:,.12g}" if isinstance(value, int | float) else value


def _words(name: str) -> str:
    return name.replace("_", " ")
