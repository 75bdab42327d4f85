"""
A keep opened for reading: where its files are, and whom a question's symbols mean. It answers nothing itself.

What a kind of question needs is imported when one is asked, so that opening a keep and reading one symbol loads little.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from marketkeep.errors import BadInput
from marketkeep.files import Files, files_at
from marketkeep.model import Symbol
from marketkeep.query.clocks import Clocks
from marketkeep.query.naming import Holders, resolve_symbols
from marketkeep.stores.lake import Catalog, Lake

if TYPE_CHECKING:
    from marketkeep.query.bars import BarsRequest
    from marketkeep.query.plan_run import BarsReader
    from marketkeep.query.states import State
    from marketkeep.raw import BatchStore


class Opened:
    """The files of a keep at `place`: a folder, s3://bucket/prefix, or its files themselves."""

    def __init__(self, place: Files | Path | str) -> None:
        """Raises `NotFound` when there is no keep there."""
        self._files = files_at(place)
        self._lake = Lake(self._files)
        self._lake.policy()

    @cached_property
    def _batches(self) -> BatchStore:
        from marketkeep.raw import BatchStore  # noqa: PLC0415  for the reason above

        return BatchStore(self._files)

    @cached_property
    def _bars_reader(self) -> BarsReader:
        from marketkeep.query.plan_run import BarsReader  # noqa: PLC0415  for the reason above

        def meant(asked: BarsRequest, catalog: Catalog) -> tuple[str, ...]:
            clocks = Clocks(asked.as_of, asked.recorded_by)
            return self._meant(asked.symbols, asked.start, asked.end, clocks, catalog) if asked.symbols else ()

        return BarsReader(self._lake, lambda: self._batches, meant)

    def _state(self, clocks: Clocks) -> State:
        from marketkeep.query.states import state  # noqa: PLC0415  for the reason above

        return state(self._lake, self._batches, clocks.recorded_by)

    def _meant(
        self,
        symbols: tuple[str, ...],
        start: date | None,
        end: date | None,
        clocks: Clocks,
        catalog: Catalog | None = None,
    ) -> tuple[str, ...]:
        """The published symbols of the securities that had these tickers between two days, each once."""
        catalog = self._lake.catalog() if catalog is None else catalog
        until = clocks.until(end)
        if clocks.recorded_by is None:
            holders = _holders(catalog)
            named = resolve_symbols(holders, holders.held, symbols, start, until)
            return tuple(dict.fromkeys(symbol for _, symbol in named))
        from marketkeep.gold.identity import known_by  # noqa: PLC0415  for the reason above
        from marketkeep.query.states import symbols_then  # noqa: PLC0415

        then = symbols_then(catalog.tickers, clocks.recorded_by)
        held = {then.get(symbol, symbol) for symbol in catalog.entries["symbol"].unique()}
        tickers = known_by(catalog.tickers, clocks.recorded_by)
        named = resolve_symbols(tickers, held, symbols, start, until, later=catalog.tickers)
        return tuple(dict.fromkeys(symbol if symbol in held else then.get(symbol, symbol) for _, symbol in named))

    def _refuse_vain(self, dataset: str, symbols: tuple[str, ...], start: date | None, end: date | None) -> None:
        """For a question without an answer: raise what is wrong with its range, if that is it."""
        from marketkeep.query.vain import refuse_vain  # noqa: PLC0415  for the reason above

        refuse_vain(self._lake, self._lake.catalog(), dataset, symbols, start, end)


def _holders(catalog: Catalog) -> Holders:
    """Who had which ticker by a version of the catalog, worked out once."""
    if "holders" not in catalog.worked_out:
        catalog.worked_out["holders"] = Holders(catalog.tickers, catalog.entries["symbol"].unique())
    return cast("Holders", catalog.worked_out["holders"])


def spelled(symbols: str | Iterable[str] | None) -> tuple[str, ...]:
    """
    What users typed, each once: in canonical form, but for a name that only `resolve_symbols` can read.

    Raises `BadSymbol`, and `BadInput` when there is none.
    """
    names = [symbols] if isinstance(symbols, str) else list(symbols or ())
    if not names:
        raise BadInput("no symbol was given; name at least one, such as AAPL")
    return tuple(dict.fromkeys(_canonical(name) for name in names))


def _canonical(name: str) -> str:
    bare = name.strip()
    return bare if bare.upper().endswith("~NOW") else str(Symbol.parse(name))
