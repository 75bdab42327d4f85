"""
Naming: which securities a user means by tickers of any day and spelling.

A ticker that one security ever had means it, whatever the dates. Of several, the one that had it in the dates asked
for is meant; where that leaves more than one of which anything is held, none is guessed (trap 30). `REUS~2015` names
a former holder for itself, and `REUS~now` the one that is published as REUS.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

from marketkeep.errors import AmbiguousSymbol
from marketkeep.model import Symbol

_NOW = "~NOW"


class _Spell(NamedTuple):
    """Days [start, end) of a ticker as one symbol's, and the name it had then."""

    symbol: str
    start: date
    end: date
    name: str | None

    def meets(self, first: date, last: date) -> bool:
        """Whether it had the ticker on any of these days, both included."""
        return self.start <= last and self.end > first

    def told(self) -> str:
        """Who it is, in words."""
        days = [f"from {self.start}"] if self.start > date.min else []
        days += [f"until {self.end - timedelta(days=1)}"] if self.end < date.max else []
        return ", ".join([self.name or "name not known", *([" ".join(days)] if days else [])])


class Holders:
    """
    Who had which ticker, by `TICKERS` rows and by the published symbols that are `held`; a ticker that was asked for is
    remembered, so that many questions look for it once.
    """

    def __init__(self, tickers: pl.DataFrame, held: Collection[str]) -> None:
        self.tickers, self.held = tickers, frozenset(held)
        self._known: dict[str, list[_Spell]] = {}
        self._former: dict[str, list[str]] = {}
        for symbol in sorted(symbol for symbol in self.held if "~" in symbol):
            self._former.setdefault(Symbol(symbol).ticker, []).append(symbol)

    def of(self, names: Sequence[str]) -> dict[str, list[_Spell]]:
        """The holders of each of these tickers that had one, first to last."""
        if unknown := [name for name in names if name not in self._known]:
            found = _spells(self.tickers, unknown)
            for name in unknown:
                self._known[name] = self._with_strangers(name, found.get(name, []))
        return {name: self._known[name] for name in names if self._known[name]}

    def _with_strangers(self, ticker: str, known: list[_Spell]) -> list[_Spell]:
        """The holders, those among them of whom bars are held and nothing else is known."""
        for symbol in [ticker, *self._former.get(ticker, [])]:
            if known and symbol in self.held and symbol not in {one.symbol for one in known}:
                before = symbol != ticker
                bounds = (date.min, known[0].start) if before else (known[-1].end, date.max)
                known = sorted([*known, _Spell(symbol, *bounds, None)], key=lambda one: one.start)
        return known


def resolve_symbols(
    tickers: pl.DataFrame | Holders,
    held: Collection[str],
    texts: Iterable[str],
    first: date | None = None,
    last: date | None = None,
    *,
    later: pl.DataFrame | None = None,
) -> list[tuple[str, str]]:
    """
    What users call securities, each with the symbol it is published under, in the order asked.

    `tickers` are `TICKERS` rows, or the `Holders` made of them, `held` the published symbols of which there is
    anything, `first` and `last` the dates asked for, both included, None where open. `later` are `TICKERS` rows of a
    later day than `tickers`: a name that these do not know yet is looked up there. A name that nobody is known to have
    had means itself.

    Raises `AmbiguousSymbol` naming the choices, and `BadSymbol`.
    """
    wanted = [(text, _parsed(text)) for text in texts]
    names = [name for _, name in wanted]
    holders = tickers if isinstance(tickers, Holders) else Holders(tickers, held)
    spells = holders.of(names)
    ahead = _spells(later, names) if later is not None else {}
    bounds = first or date.min, last or date.max
    answers = []
    for text, name in wanted:
        symbol = name.removesuffix(_NOW)
        if symbol == name and name in spells:
            symbol = _meant(text, name, spells[name], held, bounds)
        elif later is not None:
            symbol = _then(holders.tickers, later, _meant(text, symbol, ahead.get(name, []), (), bounds)) or symbol
        answers.append((text, symbol))
    return answers


def _parsed(text: str) -> str:
    """The canonical form, with `~NOW` behind where the present holder is asked for."""
    bare = text.strip()
    if bare.upper().endswith(_NOW):
        return Symbol.parse(bare[: -len(_NOW)]).text + _NOW
    return Symbol.parse(text).text


def _spells(tickers: pl.DataFrame, names: Sequence[str]) -> dict[str, list[_Spell]]:
    """The holders of each of these tickers, first to last."""
    mine = tickers.filter(pl.col("ticker").is_in(names)).sort("ticker", "from", "to", nulls_last=[False, False, True])
    found: dict[str, list[_Spell]] = {}
    for ticker, start, end, symbol, name in mine.select("ticker", "from", "to", "symbol", "name").iter_rows():
        found.setdefault(ticker, []).append(_Spell(symbol, start or date.min, end or date.max, name))
    return found


def _meant(asked: str, ticker: str, spells: Sequence[_Spell], held: Collection[str], bounds: tuple[date, date]) -> str:
    """The symbol that a ticker means; the ticker itself where nothing tells."""
    ever = {one.symbol for one in spells}
    if len(ever) == 1:
        return spells[0].symbol
    then = [one for one in spells if one.meets(*bounds)]
    near = {one.symbol for one in then}
    choices = [one for one in then if one.symbol in held] or then
    left = {one.symbol for one in choices}
    if len(left) == 1:
        return choices[0].symbol
    if len(near & set(held)) > 1:
        raise AmbiguousSymbol(asked, _told(ticker, choices))
    return ticker


def _told(ticker: str, choices: Iterable[_Spell]) -> Mapping[str, str]:
    """Each choice under a name that means nobody else, with who it is."""
    told: dict[str, list[str]] = {}
    for one in choices:
        name = f"{ticker}~now" if one.symbol == ticker else one.symbol
        told.setdefault(name, []).append(one.told())
    return {name: "; ".join(spells) for name, spells in told.items()}


def _then(tickers: pl.DataFrame, later: pl.DataFrame, symbol: str) -> str | None:
    """What a symbol of a later day was published under; None where nothing told of its security yet."""
    ids = later.filter(pl.col("symbol") == symbol)["security_id"].unique()
    found = tickers.filter(pl.col("security_id").is_in(ids.implode()))["symbol"]
    return str(found[0]) if len(found) else None
