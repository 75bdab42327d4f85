"""Query: lazy questions to a keep, answered from its published files or from raw; and the proof of a cell."""

from marketkeep.query.bars import BarsQuery, BarsRequest
from marketkeep.query.explain import Candidate, Explanation, Factor
from marketkeep.query.keep import Keep
from marketkeep.query.minutes import MinuteBarsQuery, MinuteBarsRequest

__all__ = [
    "BarsQuery",
    "BarsRequest",
    "Candidate",
    "Explanation",
    "Factor",
    "Keep",
    "MinuteBarsQuery",
    "MinuteBarsRequest",
]
