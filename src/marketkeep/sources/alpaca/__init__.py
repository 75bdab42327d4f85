"""
Alpaca's market data: daily and minute bars of shares, minute bars of crypto pairs, corporate actions.

Needs a key and its secret, which a free account gives. Nothing is adjusted here and no feed is mixed with another.
"""

from marketkeep.sources.alpaca.source import Alpaca

__all__ = ["Alpaca"]
