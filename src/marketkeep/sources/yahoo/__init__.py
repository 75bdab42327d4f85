"""Yahoo's chart endpoint as a source: daily bars with dividends and splits, and minute bars of the last weeks."""

from marketkeep.sources.yahoo.source import Yahoo

__all__ = ["Yahoo"]
