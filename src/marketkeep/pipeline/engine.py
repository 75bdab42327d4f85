"""
Engines: who does the pieces of a large work. Here it is this process, one piece after the other; `spark` has another.

A piece is a function of what all pieces share and of one item. It writes files that no other piece touches and hands
back plain facts, so that who runs the engine alone decides what the catalog says, in the order of the items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeVar


class Shared(Protocol):
    """What all pieces share. It crosses to other processes by pickle: places and facts, never an open file."""

    def settle(self) -> None:
        """Return when all that was written through it is stored for good."""


S = TypeVar("S", bound=Shared)
I = TypeVar("I")  # noqa: E741  # an item, beside S and R
R = TypeVar("R")


class Engine(Protocol):
    """
    Does the pieces of a work, wherever it has them done.

    `here` says that they are done in this process: then results may be large, for they go nowhere.
    """

    @property
    def here(self) -> bool:
        """See above."""

    def map(self, function: Callable[[S, I], R], shared: S, items: Iterable[I]) -> Iterator[R]:
        """
        `function(shared, item)` of each item, in the order of the items, as they become known.

        Items may be worked on before their turn comes, a bounded number ahead. An error of a piece is raised when its
        turn comes; pieces behind it may or may not have been done. Where pieces are done in other processes, what they
        wrote is settled before their results come.
        """


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """See `Engine`: each item here, when its turn comes."""

    here: ClassVar[bool] = True

    def map(self, function: Callable[[S, I], R], shared: S, items: Iterable[I]) -> Iterator[R]:
        """See `Engine`. Nothing is settled: who asked does that once for all."""
        return (function(shared, item) for item in items)
