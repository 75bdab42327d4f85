"""
iShares' holdings as downloaded: byte-order mark, lines above the table, quoted thousands, cash and futures rows, a
remnant without a market, and a legal text below. Class shares have no dot; the day is the last session's but one.
"""

from __future__ import annotations

from datetime import date

import numpy as np

from gym.indices import Indices, Membership
from gym.sessions import new_york_date
from gym.truth import Truth
from gym.wire import Ask, Reply

PATHS = {
    "/us/products/239707/ishares-russell-1000-etf/1467271812596.ajax": "russell_1000",
    "/us/products/239726/ishares-core-sp-500-etf/1467271812596.ajax": "sp500",
}
_TITLES = {"russell_1000": "iShares Russell 1000 ETF", "sp500": "iShares Core S&P 500 ETF"}
_HEAD = "Ticker,Name,Sector,Asset Class,Market Value,Weight (%),Notional Value,{},Price,Location,Exchange,Currency"
_CASH = (
    (
        '"XTSLA","BLK CSH FND TREASURY SL AGENCY","Cash and/or Derivatives","Money Market","592,247,067.71","0.19",'
        '"592,247,067.71","592,247,068.00","1.00","United States","-","USD"'
    ),
    (
        '"USD","USD CASH","Cash and/or Derivatives","Cash","277,793,090.54","0.09","277,793,090.54","277,793,091.00",'
        '"100.00","United States","-","USD"'
    ),
    (
        '"HOLX","HOLOGIC INC","Health Care","Equity","1,574.05","0.00","1,574.05","157,405.00","0.01","United States",'
        '"NO MARKET (E.G. UNLISTED)","USD"'
    ),
    (
        '"ESU6","S&P500 EMINI SEP 26","Cash and/or Derivatives","Futures","0.00","0.00","78,351,487.50","209.00",'
        '"7,497.75","-","Index And Options Market","USD"'
    ),
)
_TRAILER = (
    '"The content contained herein is owned by its owner, and protected.',
    "Holdings subject to change, as is everything, including this line.",
    'The values for “price” shown herein are from a third party."',
)


class FundHoldings:
    """Answers for www.ishares.com."""

    name = "ishares"
    hosts = frozenset({"www.ishares.com"})
    variants = frozenset({"empty", "wrong_symbol", "not_found"})

    def __init__(self, truth: Truth) -> None:
        self.indices = Indices(truth)

    def key_of(self, ask: Ask) -> str | None:
        """The index of a fund's file."""
        return PATHS.get(ask.path)

    def answer(self, ask: Ask) -> Reply | None:
        """The file as of the session before the gym's day; a web page where it is no file."""
        index = PATHS.get(ask.path)
        if index is None:
            return None
        if ask.variant == "not_found":
            return Reply(404, b"<html><body>Page not found</body></html>", "text/html")
        if ask.params.get("fileType") != "csv":
            return Reply(200, b"\n<!DOCTYPE html><html><body>iShares</body></html>", "text/html")
        if ask.variant == "wrong_symbol":
            index = "sp500" if index != "sp500" else "russell_1000"
        day = self.day(new_york_date(ask.now))
        members = [] if ask.variant == "empty" else self.indices.members(index, day)
        return Reply(200, _file(index, day, members).encode("utf-8-sig"), "text/csv;charset=UTF-8")

    def day(self, today: date) -> date:
        """The session that a file tells of."""
        dates = self.indices.truth.sessions.dates
        at = int(np.searchsorted(dates, np.datetime64(today, "D"))) - 1
        day: date = dates[max(at, 0)].item()
        return day


def _file(index: str, day: date, members: list[Membership]) -> str:
    above = [_TITLES[index], f'Fund Holdings as of,"{day:%b %d, %Y}"', 'Inception Date,"May 15, 2000"']
    above += [
        'Shares Outstanding,"743,100,000.00"',
        *(f'{name},"-"' for name in ("Stock", "Bond", "Cash", "Other")),
        " ",
    ]
    shares = "Quantity" if index == "russell_1000" else "Shares"
    weight = 100 / max(len(members), 1)
    venues = "NASDAQ", "New York Stock Exchange Inc."
    rows = [
        f'"{one.symbol.replace(".", "")}","{one.name.upper()}","Industrials","Equity","21,749,937,094.76",'
        f'"{weight:.2f}","21,749,937,094.76","132,089,986.00","164.66","United States","{venues[at % 2]}","USD"'
        for at, one in enumerate(members)
    ]
    half = len(rows) // 2
    lines = [*above, _HEAD.format(shares), *rows[:half], *_CASH, *rows[half:], " ", *_TRAILER]
    return "\n".join(lines) + "\n"
