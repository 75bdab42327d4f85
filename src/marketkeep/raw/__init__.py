"""
Raw: what sources said, verbatim and parsed, append-only. Raw is the truth; everything else can be rebuilt.

A name is imported when it is first asked for: who reads batches need not wait for what reads packs.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from marketkeep.raw.batches import BatchStore
    from marketkeep.raw.landing import Dropped, Exchange, Landed, Landing, LandingWriter, RawRef


def __getattr__(name: str) -> object:
    """One of the names below, from the module it is in."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{'batches' if name == 'BatchStore' else 'landing'}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = ["BatchStore", "Dropped", "Exchange", "Landed", "Landing", "LandingWriter", "RawRef"]
