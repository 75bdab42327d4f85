"""Polygon, now called Massive: bars of one ticker, or of the whole market in one call, minute bars and actions."""

from marketkeep.sources.polygon.source import Polygon

__all__ = ["Polygon"]
