"""The vendors of the gym by module: all that are there over one truth. A new one is one module and one line here."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from gym.truth import Truth
from gym.wire import Vendor

MODULES = {
    "yahoo": "Yahoo",
    "polygon": "Polygon",
    "alpaca": "Alpaca",
    "alpha_vantage": "AlphaVantage",
    "nasdaq_trader": "NasdaqTrader",
    "sec": "Sec",
    "sec_tickers": "SecTickers",
    "wikipedia": "Wikipedia",
    "fund_holdings": "FundHoldings",
    "treasury": "Treasury",
    "binance": "Binance",
    "coinbase": "Coinbase",
}
"""Module to the class in it that is made from a truth."""


def some_vendors(*names: str) -> Callable[[Truth], list[Vendor]]:
    """A maker of the vendors of these modules, for `serve`."""
    return lambda truth: [_made(name, truth) for name in names]


def all_vendors(truth: Truth) -> list[Vendor]:
    """Every vendor whose module is there, Yahoo first."""
    return [_made(name, truth) for name in MODULES if find_spec(f"gym.{name}")]


def _made(name: str, truth: Truth) -> Vendor:
    made: Vendor = getattr(import_module(f"gym.{name}"), MODULES[name])(truth)
    return made
