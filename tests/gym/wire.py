"""What a vendor is asked and what it says back, before any fault is done to it on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

VARIANTS = ("empty", "duplicates", "wrong_symbol", "not_found", "plan_limit", "quota", "bad_key")
"""A vendor's own misbehaviour, each in its own form; every vendor declares those that its form knows."""


@dataclass(frozen=True)
class Ask:
    """
    One request as a vendor sees it. `now` is the gym's instant in epoch seconds, header names are in lower case.

    `variant` tells of the vendor's own misbehaviour, one of `VARIANTS`: no rows for the window; rows told twice;
    another symbol's rows; an unknown symbol; further back than the key's plan reaches; the calls used up; a key that
    is wrong. On `revised` sessions the figures are not the final ones yet.
    """

    host: str
    path: str
    params: Mapping[str, str]
    now: float
    headers: Mapping[str, str] = field(default_factory=dict)
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
    """One vendor's wire form over the truth."""

    name: str
    """The name of the source that asks it."""

    hosts: frozenset[str]
    """The hosts it answers for."""

    variants: frozenset[str]
    """The variants it knows a form for."""

    def key_of(self, ask: Ask) -> str | None:
        """
        What a data request asks for, the name that faults and counts go by: the canonical symbol where it is about one
        (`BRK.B`), else something short (`grouped 2024-12-31`). None for what is no data request (cookies, crumbs).
        """

    def answer(self, ask: Ask) -> Reply | None:
        """The answer in the vendor's form, misbehaviour included; None when this vendor does not know the path."""
