"""
The columns a question asks for, told apart from those there are not. It reads nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from marketkeep.errors import BadInput


def nearest(name: str, known: Iterable[str]) -> str:
    """How to go on after a name that is not known: the one or two that look like it, or all there are."""
    names = list(known)
    near = get_close_matches(name.lower(), names, n=2, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}"


def check_fields(asked: Iterable[str] | None, columns: Sequence[str], table: str) -> None:
    """Raises `BadInput`, naming the nearest column, for one that the table does not have, and for none at all."""
    if asked is None:
        return
    names = tuple(asked)
    if not names:
        raise BadInput(f"no field was given; name some of {', '.join(columns)}, or leave fields out for all")
    for name in names:
        if name not in columns:
            raise BadInput(f"{table} have no field {name!r}; {nearest(name, columns)}")


def with_key(asked: Iterable[str] | None, columns: Sequence[str], key: Sequence[str]) -> list[str]:
    """The columns of the answer in the table's order: those asked for and the key, or all of them."""
    if asked is None:
        return list(columns)
    wanted = {*key, *asked}
    return [name for name in columns if name in wanted]
