"""Fundamentals: what filings told of a company's periods, as first known and as restated. Pure."""

from marketkeep.gold.fundamentals.families import FAMILIES, OF_KIND, kinds_of, relevant
from marketkeep.gold.fundamentals.resolve import Fundamentals, resolve_fundamentals
from marketkeep.gold.fundamentals.shares import cover_shares
from marketkeep.gold.fundamentals.told import newest_companies, newest_facts, newest_filings

__all__ = [
    "FAMILIES",
    "OF_KIND",
    "Fundamentals",
    "cover_shares",
    "kinds_of",
    "newest_companies",
    "newest_facts",
    "newest_filings",
    "relevant",
    "resolve_fundamentals",
]
