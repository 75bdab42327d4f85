"""What a vendor is asked and what it says back, before any fault is done to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol


@dataclass(frozen=True)
class Ask:
    """
    One request as a vendor sees it. `now` is the gym's instant in epoch seconds.

    `variant` tells of the vendor's own misbehaviour: `empty` or `duplicates`. On `revised` sessions the figures are not
    the final ones yet.
    """

    path: str
    params: Mapping[str, str]
    now: float
    variant: str | None = None
    revised: frozenset[date] = frozenset()


@dataclass(frozen=True)
class Reply:
    """An answer: status, body, type and further headers."""

    status: int
    body: bytes
    content_type: str = "application/json;charset=utf-8"
    headers: tuple[tuple[str, str], ...] = field(default=())


class Vendor(Protocol):
    """One vendor's wire form."""

    def symbol_of(self, path: str) -> str | None:
        """The symbol that a data request asks for, in canonical form; None for anything that is not one."""

    def path_for(self, path: str, symbol: str) -> str:
        """`path` asking for another symbol."""

    def answer(self, ask: Ask) -> Reply | None:
        """The answer, or None when this vendor does not know the path."""
