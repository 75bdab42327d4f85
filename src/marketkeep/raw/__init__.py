"""Raw: what sources said, verbatim and parsed, append-only. Raw is the truth; everything else can be rebuilt."""

from marketkeep.raw.batches import BatchStore
from marketkeep.raw.landing import Dropped, Exchange, Landed, Landing, LandingWriter, RawRef

__all__ = ["BatchStore", "Dropped", "Exchange", "Landed", "Landing", "LandingWriter", "RawRef"]
