"""
What a file was recognised as, and the count of what was read from it.

`FileForm` is a frozen fact: everything `read` needs besides the bytes, and everything a person needs to see whether
the file was understood (`describe`). Nothing here looks at a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

FormName = Literal["ohlcv_csv", "actions_csv", "lean_daily", "lean_factor", "lean_map"]
SymbolFrom = Literal["column", "file name", "header", "option"]
Basis = Literal["as_traded", "split_adjusted", "adjusted"]
BASES: tuple[Basis, ...] = ("as_traded", "split_adjusted", "adjusted")

PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class FileForm:
    """
    How a file is to be read.

    `columns` maps our column to the header's text, `positions` to its place; `skip` lines stand before the first row
    and `width` fields are in each. `symbol` is set unless it comes from a column. `basis_date` is the last ex-date
    whose splits are applied; None means the last date in the file, which `read` looks up first. `scale` divides prices.
    """

    name: FormName
    columns: Mapping[str, str]
    positions: Mapping[str, int]
    width: int
    date_format: str
    symbol_from: SymbolFrom
    symbol: str | None
    basis: Basis
    basis_reason: str
    basis_date: date | None = None
    delimiter: str = ","
    skip: int = 1
    scale: float = 1.0
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def cash_basis(self) -> Basis:
        """The basis of dividends: no source scales them for dividends, so `adjusted` bars have split-adjusted ones."""
        return "as_traded" if self.basis == "as_traded" else "split_adjusted"

    def describe(self) -> list[str]:
        """How the file was understood, in lines for people."""
        lines = [f"read as {self.name}" + (f", fields separated by {self.delimiter!r}" if self.skip else "")]
        for ours, theirs in self.columns.items():
            if ours not in ("symbol", "date"):
                lines.append(f"{ours} <- {theirs!r}")
        if "date" in self.columns:
            lines.insert(1, f"date <- {self.columns['date']!r} ({self.date_format})")
        here = repr(self.columns["symbol"]) if self.symbol_from == "column" else self.symbol
        lines.insert(1, f"symbol <- {self.symbol_from} {here}")
        lines.append(f"basis: {self.basis.replace('_', ' ')} ({self.basis_reason})")
        if self.basis != "as_traded":
            lines.append(f"basis date: {self.basis_date or 'the last date in the file'}")
        if self.unused:
            lines.append(f"not used: {', '.join(map(repr, self.unused))}")
        return lines + [f"note: {note}" for note in self.notes]


@dataclass(slots=True)
class Tally:
    """
    What became of a file's rows so far: `rows` read, of them `empty` (no price and no action) and `repeated` left out.

    A caller hands one to `read`, which adds to it.
    """

    rows: int = 0
    bars: int = 0
    actions: int = 0
    empty: int = 0
    repeated: int = 0
