"""
NASDAQ Trader's symbol directory over the truth: `nasdaqtraded.txt`, and its halves nasdaqlisted and otherlisted.

What it lists is the state of the day in New York: a renamed security under the ticker of that day, a delisted one up
to its last session, the reused ticker with the holder of that day. Traps on purpose: test issues on several exchanges,
several symbol columns, a trailer with the file's time; a fund keeps its name where a company changes it with its
ticker. Further back or ahead it knows nothing: there is only today's file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from gym.profiles import Profile, profile_of
from gym.sessions import NEW_YORK, new_york_date
from gym.truth import Security, Truth
from gym.wire import Ask, Reply

FOLDER = "/dynamic/symdir/"
_MARKETS = {"XNAS": "Q", "XNYS": "N", "XASE": "A", "ARCX": "P"}
_TESTS = (("ZVZZT", "Q"), ("ZXYZ.A", "Q"), ("NTEST", "N"), ("ATEST.B", "A"), ("ZBZX", "Z"), ("ZXIET", "V"))
_TRADED = (
    "Nasdaq Traded|Symbol|Security Name|Listing Exchange|Market Category|ETF|Round Lot Size|Test Issue|Financial Status"
    "|CQS Symbol|NASDAQ Symbol|NextShares"
)
_LISTED = "Symbol|Security Name|Market Category|Test Issue|Financial Status|Round Lot Size|ETF|NextShares"
_OTHER = "ACT Symbol|Security Name|Exchange|CQS Symbol|ETF|Round Lot Size|Test Issue|NASDAQ Symbol"
_HTML = "<!DOCTYPE html><html><head><title>404 - File or directory not found.</title></head></html>"


@dataclass(frozen=True)
class Line:
    """One security of a day's directory."""

    ticker: str
    name: str
    market: str
    etf: bool
    test: bool = False


@dataclass(frozen=True)
class Holder:
    """A security, its profile and the sessions on which it is listed."""

    security: Security
    profile: Profile

    def on(self, day: date) -> bool:
        """Whether it is listed on a day."""
        return self.security.first <= day and not (self.security.delisted and day > self.security.last)

    def ticker(self, day: date) -> str:
        """Its ticker of a day."""
        one = self.security
        waits = one.formerly and one.renamed_on and day < one.renamed_on
        return one.formerly or one.symbol if waits else one.symbol

    def company(self, day: date) -> str:
        """The company's name on a day; a fund has one name for ever."""
        changed = self.ticker(day) == self.security.symbol or self.profile.etf
        return self.profile.name if changed else self.profile.former_name or self.profile.name


class Directory:
    """Who is listed on a day: all symbols of a truth and the holders of its reused ticker."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth

    @cached_property
    def holders(self) -> tuple[Holder, ...]:
        """All that are ever listed."""
        mine = [self.truth.security(symbol) for symbol in self.truth.symbols]
        reused = [one for pair in self.truth.reused.values() for one in pair]
        return tuple(Holder(one, profile_of(one)) for one in (*mine, *reused))

    def on(self, day: date) -> Iterator[Holder]:
        """Those listed on a day."""
        return (holder for holder in self.holders if holder.on(day))

    def lines(self, day: date) -> list[Line]:
        """The directory's lines of a day, by ticker."""
        found = [_line(holder, day) for holder in self.on(day)]
        tests = [Line(ticker, f"{ticker} Test Stock", market, etf=False, test=True) for ticker, market in _TESTS]
        return sorted([*found, *tests], key=lambda line: line.ticker)


class NasdaqTrader:
    """Answers for NASDAQ Trader's host; free, so it knows no key."""

    name = "nasdaq_trader"
    hosts = frozenset({"www.nasdaqtrader.com"})
    variants = frozenset({"empty", "duplicates", "not_found"})

    def __init__(self, truth: Truth) -> None:
        self.directory = Directory(truth)

    def key_of(self, ask: Ask) -> str | None:
        """The file's name."""
        return ask.path.removeprefix(FOLDER) if ask.path.startswith(FOLDER) else None

    def answer(self, ask: Ask) -> Reply | None:
        """A file of the directory."""
        form = {"nasdaqtraded.txt": _traded, "nasdaqlisted.txt": _listed, "otherlisted.txt": _other}.get(
            self.key_of(ask) or ""
        )
        if self.key_of(ask) is None:
            return None
        if form is None or ask.variant == "not_found":
            return Reply(404, _HTML.encode(), "text/html")
        lines = [] if ask.variant == "empty" else self.directory.lines(new_york_date(ask.now))
        if ask.variant == "duplicates":
            lines = [line for line in lines for _ in range(2)]
        header, *rows = form(lines)
        made = f"File Creation Time: {datetime.fromtimestamp(ask.now, NEW_YORK):%m%d%Y%H:%M}"
        trailer = made + "|" * header.count("|")
        return Reply(200, "\r\n".join([header, *rows, trailer, ""]).encode(), "text/plain")


def _line(holder: Holder, day: date) -> Line:
    profile, ticker = holder.profile, holder.ticker(day)
    name = holder.company(day)
    if not profile.etf:
        kind = f"Class {profile.share_class} Common Stock" if profile.share_class else "Common Stock"
        # NASDAQ sets the security apart from the company, the other exchanges do not.
        name += (" - " if profile.exchange == "XNAS" else " ") + kind
    return Line(ticker, name, _MARKETS[profile.exchange], profile.etf)


def _traded(lines: list[Line]) -> Iterator[str]:
    yield _TRADED
    for one in lines:
        here = one.market == "Q"
        cqs = "" if here else one.ticker
        category, status = ("Q", "N") if here else (" ", "")
        yield (
            f"Y|{one.ticker}|{one.name}|{one.market}|{category}|{_flag(one.etf)}|100|{_flag(one.test)}|{status}"
            f"|{cqs}|{one.ticker}|N"
        )


def _listed(lines: list[Line]) -> Iterator[str]:
    yield _LISTED
    for one in lines:
        if one.market == "Q":
            yield f"{one.ticker}|{one.name}|Q|{_flag(one.test)}|N|100|{_flag(one.etf)}|N"


def _other(lines: list[Line]) -> Iterator[str]:
    yield _OTHER
    for one in lines:
        if one.market != "Q":
            yield (
                f"{one.ticker}|{one.name}|{one.market}|{one.ticker}|{_flag(one.etf)}|100|{_flag(one.test)}|{one.ticker}"
            )


def _flag(told: bool) -> str:
    return "Y" if told else "N"
