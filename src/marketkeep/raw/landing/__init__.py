"""The landing: every payload verbatim in WARC packs, known by its hash, never edited."""

from marketkeep.raw.landing.facts import Dropped, Exchange, Landed, RawRef
from marketkeep.raw.landing.landing import Landing
from marketkeep.raw.landing.writer import PACK_BYTES, LandingWriter

__all__ = ["PACK_BYTES", "Dropped", "Exchange", "Landed", "Landing", "LandingWriter", "RawRef"]
