"""Query: lazy questions to a keep, answered from its published files or from raw; and the proof of a cell."""

from marketkeep.query.bars import BarsQuery, BarsRequest
from marketkeep.query.fundamentals import FundamentalsQuery, FundamentalsRequest
from marketkeep.query.keep import Keep
from marketkeep.query.minutes import MinuteBarsQuery, MinuteBarsRequest
from marketkeep.query.proof import Candidate, Explanation, Factor
from marketkeep.query.quality import Quality

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
