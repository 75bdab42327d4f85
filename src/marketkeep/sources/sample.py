"""
The sample: real daily bars of five US stocks, 2000 to 2013, from the public-domain Quandl WIKI set.

The bytes are `stocks.csv.gz` of the package bokeh-sampledata: bars as traded, and an adjusted close to full precision
but no actions. They are inferred from the steps of adj_close/close: a step that is a simple ratio, which the price
shows too, is a split; any other is a dividend, the simplest amount that makes the step.

Quandl scaled earlier prices by 1 / (1 + D / close of the ex-date), not by 1 - D / close of the session before as
marketkeep and most others do. The amounts inferred with its rule are those really paid (AAPL 2.65 on 2012-08-09). The
step is what was told, the amount was read off it: so the step goes along as the action's factor, and gold uses it
until another source tells of the dividend itself.

The adjusted close also carries every action after the last bar, as one constant factor on all of a symbol's rows. No
row shows when or what those were, so none is made up: adj_close / (last adj_close / last close) is what the inferred
actions reproduce under Quandl's rule. `GOOG` is the share that has been called GOOGL since 2014.
"""

from __future__ import annotations

import io
from datetime import date
from fractions import Fraction
from itertools import pairwise

import polars as pl

from marketkeep.errors import BadFile
from marketkeep.model import Frames
from marketkeep.sources.files import read, recognise
from marketkeep.sources.files.events import Action, actions_frame
from marketkeep.sources.ratios import shortest_between, simplest_between

NAME = "sample"
PACKAGE, FILE = "bokeh_sampledata", "_data/stocks.csv.gz"
"""Where the bytes are: the import name of the package and the file within it."""

# The adjusted close has 13 significant digits, so a step is known to some parts in 10^12.
_STEP = Fraction(1, 10**9)
_NO_STEP = 1e-9
# A split's ratio has small numbers, moves the price by a fifth at least, and the market by at most this factor.
_LARGEST, _LEAST_MOVE, _MARKET = 50, 0.2, 1.25

_Row = tuple[date, float, float]


def parse(body: bytes) -> Frames:
    """
    Raw bars of the sample and the actions its adjusted closes betray, without `payload`.

    Raises `BadFile` when the bytes are not the sample's.
    """
    stream = io.BytesIO(body)
    form = recognise(FILE, stream)
    if form.symbol_from != "column" or "adj_close" not in form.columns:
        raise BadFile(FILE, "not the sample: it has no column of tickers or of adjusted closes")
    bars = pl.concat(frames["daily_bars"] for frames in read(FILE, stream, form)).sort("symbol", "date")
    actions: list[Action] = []
    for (symbol,), own in bars.group_by("symbol", maintain_order=True):
        actions += _inferred(str(symbol), own.select("date", "close", "adj_close").rows())
    return {"daily_bars": bars, "actions": actions_frame(actions, form, None)}


def _inferred(symbol: str, rows: list[_Row]) -> list[Action]:
    found = []
    for (_, close, adjusted), (day, next_close, next_adjusted) in pairwise(rows):
        step = Fraction(adjusted) / Fraction(close) / (Fraction(next_adjusted) / Fraction(next_close))
        if abs(step - 1) > _NO_STEP:
            found.append(_action(symbol, day, step, close, next_close))
    return found


def _action(symbol: str, day: date, step: Fraction, close: float, next_close: float) -> Action:
    """The action of one step: closes up to `close` were multiplied by `step`, `next_close` is the ex-date's."""
    text = f"step {float(step):.10f}"
    ratio = simplest_between((1 - _STEP) / step, (1 + _STEP) / step)
    if max(ratio.numerator, ratio.denominator) <= _LARGEST and _shown_by_price(float(step), next_close / close):
        return Action(symbol, day, "split", text, ratio=(ratio.numerator, ratio.denominator))
    ex_close = Fraction(next_close)
    amount = shortest_between(ex_close * ((1 - _STEP) / step - 1), ex_close * ((1 + _STEP) / step - 1))
    return Action(symbol, day, "dividend", text, amount=float(amount), factor=float(step))


def _shown_by_price(step: float, move: float) -> bool:
    return abs(step - 1) >= _LEAST_MOVE and 1 / _MARKET <= move / step <= _MARKET
