"""
Sources: pure objects that plan requests and read payloads. No network, no clock, no disk.

`BUILTIN` names the sources asked over HTTP; files handed in by users are read by `sources.files`. Other packages add
theirs through the entry point group `marketkeep.sources`.
"""

from marketkeep.model import Source
from marketkeep.sources.alpaca import Alpaca
from marketkeep.sources.alpha_vantage import AlphaVantage
from marketkeep.sources.binance import Binance
from marketkeep.sources.coinbase import Coinbase
from marketkeep.sources.fund_holdings import IShares
from marketkeep.sources.nasdaq_trader import NasdaqTrader
from marketkeep.sources.polygon import Polygon
from marketkeep.sources.sec import Sec
from marketkeep.sources.sec_tickers import SecTickers
from marketkeep.sources.treasury import Treasury
from marketkeep.sources.wikipedia import Wikipedia
from marketkeep.sources.yahoo import Yahoo

BUILTIN: tuple[Source, ...] = (
    NasdaqTrader(),
    SecTickers(),
    Wikipedia(),
    IShares(),
    Treasury(),
    Yahoo(),
    Polygon(),
    Alpaca(),
    AlphaVantage(),
    Binance(),
    Coinbase(),
    Sec(),
)

__all__ = [
    "BUILTIN",
    "Alpaca",
    "AlphaVantage",
    "Binance",
    "Coinbase",
    "IShares",
    "NasdaqTrader",
    "Polygon",
    "Sec",
    "SecTickers",
    "Treasury",
    "Wikipedia",
    "Yahoo",
]
