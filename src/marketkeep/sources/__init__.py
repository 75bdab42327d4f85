"""
Sources: pure objects that plan requests and read payloads. No network, no clock, no disk.

`BUILTIN` names the sources asked over HTTP; files handed in by users are read by `sources.files`.
"""

from marketkeep.errors import BadInput
from marketkeep.model import Source
from marketkeep.sources.yahoo import Yahoo

BUILTIN: tuple[Source, ...] = (Yahoo(),)


def source(name: str) -> Source:
    """The source of that name; raises `BadInput` naming those there are."""
    for one in BUILTIN:
        if one.name == name:
            return one
    raise BadInput(f"there is no source {name!r}; known are {', '.join(one.name for one in BUILTIN)}")


__all__ = ["BUILTIN", "Yahoo", "source"]
