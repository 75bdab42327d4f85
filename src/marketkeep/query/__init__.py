"""
Query: lazy questions to a keep, answered from its published files or from raw; and the proof of a cell.

What a name stands for is imported when it is first asked for: most programs need one kind of question.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from marketkeep.query.bars import BarsQuery, BarsRequest
    from marketkeep.query.fundamentals import FundamentalsQuery, FundamentalsRequest
    from marketkeep.query.keep import Keep
    from marketkeep.query.minutes import MinuteBarsQuery, MinuteBarsRequest
    from marketkeep.query.proof import Candidate, Explanation, Factor
    from marketkeep.query.quality import Quality

_HOMES = {
    "BarsQuery": "bars",
    "BarsRequest": "bars",
    "Candidate": "proof",
    "Explanation": "proof",
    "Factor": "proof",
    "FundamentalsQuery": "fundamentals",
    "FundamentalsRequest": "fundamentals",
    "Keep": "keep",
    "MinuteBarsQuery": "minutes",
    "MinuteBarsRequest": "minutes",
    "Quality": "quality",
}


def __getattr__(name: str) -> object:
    """One of the names below, from the module it is in."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "BarsQuery",
    "BarsRequest",
    "Candidate",
    "Explanation",
    "Factor",
    "FundamentalsQuery",
    "FundamentalsRequest",
    "Keep",
    "MinuteBarsQuery",
    "MinuteBarsRequest",
    "Quality",
]
