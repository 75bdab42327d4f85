"""The contract's rules bite: a source that is twisted in one way breaks the rule that is about it, in a sentence."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from gym_answers import cases

from marketkeep.errors import PayloadRefused
from marketkeep.model import Access, Offer, Payload, Query, Rate, Request
from marketkeep.sources import AlphaVantage, Coinbase
from marketkeep.sources.contract import broken_rules

WHOLE = AlphaVantage()
CASE = cases(WHOLE)["daily_bars"]
PAGED = Coinbase()
SITE = "https://example.org"
COUNT = itertools.count()


class Twisted:
    """A good source but for what is given."""

    def __init__(self, inner: Any, **twists: Any) -> None:
        self.inner, self.twists = inner, twists

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("inner", "twists"):
            raise AttributeError(name)
        return self.twists[name] if name in self.twists else getattr(self.inner, name)


def plan(change: Callable[[Request], Request]) -> Callable[[Query], list[Request]]:
    """A plan whose requests are changed."""
    return lambda query: [change(one) for one in WHOLE.plan(query)]


def rows(change: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Request, Payload], dict[str, pl.DataFrame]]:
    """A reading whose bars are changed."""
    return lambda request, payload: {"daily_bars": change(WHOLE.parse(request, payload)["daily_bars"])}


def quoting(request: Request, payload: Payload) -> Any:
    """A reading that tells a vendor's words on."""
    try:
        return WHOLE.parse(request, payload)
    except PayloadRefused as refusal:
        reason = payload.body.decode("utf-8", "replace")[:200]
        raise PayloadRefused(refusal.source, refusal.fault, reason, retry=refusal.retry) from None


def again(request: Request, payload: Payload) -> Any:
    """A reading after which every refusal is asked for again."""
    try:
        return WHOLE.parse(request, payload)
    except PayloadRefused as refusal:
        raise PayloadRefused(refusal.source, refusal.fault, refusal.reason) from None


def careless(request: Request, payload: Payload) -> Any:
    """A reading that trusts what comes."""
    return {"daily_bars": pl.DataFrame({"close": [payload.body.index(b"Time Series")]})}


def blind(request: Request, payload: Payload) -> Any:
    """A reading that does not look at the status."""
    return WHOLE.parse(request, replace(payload, status=200))


def endless(request: Request, payload: Payload) -> Request:
    """A page after each."""
    return replace(request, params=(*request.params[:3], ("page", str(next(COUNT)))))


def same_page(request: Request, payload: Payload) -> Request:
    """The page itself, again."""
    return request


def page_of_others(request: Request, payload: Payload) -> Request:
    """A page of what was not asked for."""
    return replace(request, symbols=("ZZZ",))


def raising(request: Request, payload: Payload) -> None:
    """A next page that trusts what comes."""
    assert payload.body[10**6]


def member_of_all(request: Request, member: str) -> Request:
    """Every member is one that was asked for."""
    return request


def counted(request: Request) -> Request:
    """A request that never comes twice."""
    return replace(request, params=(*request.params, ("nonce", str(next(COUNT)))))


TWISTS: dict[str, tuple[dict[str, Any], str]] = {
    "name": ({"name": "Bad-Name"}, "lower-case words"),
    "no offers": ({"offers": {}}, "offers nothing"),
    "unknown dataset": ({"offers": {"weather": Offer()}}, "names no dataset: weather"),
    "unknown carried": ({"offers": {"daily_bars": Offer(carries=frozenset({"news"}))}}, "names no dataset: news"),
    "no terms": ({"access": Access(" ")}, "terms are not one line"),
    "long terms": ({"access": Access("one\ntwo")}, "terms are not one line"),
    "no site": ({"access": Access("Free.", needs=("key",), params=(("apikey", "{key}"),))}, "names no site"),
    "key unused": ({"access": Access("Free.", SITE, needs=("key",))}, "needs what it never sends: key"),
    "odd need": ({"access": Access("Free.", SITE, headers=(("X", "{pin}"),))}, "no setting gives: pin"),
    "no rate": ({"rate": Rate(0)}, "keep its rate"),
    "no quota": ({"quota": 0}, "use its quota"),
    "probe moves": ({"probe": lambda now: counted(WHOLE.probe(now))}, "probe differs"),
    "probe elsewhere": ({"probe": lambda now: replace(WHOLE.probe(now), dataset="facts")}, "which is not offered"),
    "plain http": ({"plan": plan(lambda one: replace(one, url=one.url.replace("https", "http")))}, "no plain https"),
    "key in plan": ({"plan": plan(lambda one: replace(one, params=(("apikey", "x"),)))}, "named like a secret"),
    "plan moves": ({"plan": plan(counted)}, "plan differs"),
    "other source": ({"plan": plan(lambda one: replace(one, source="yahoo"))}, "names 'yahoo' as its source"),
    "other symbol": ({"plan": plan(lambda one: replace(one, symbols=("ZZZ",)))}, "names symbols not asked for"),
    "symbol left out": ({"plan": lambda query: WHOLE.plan(query)[:-1]}, "no request settles some sessions of BRK.B"),
    "days left out": (
        {"plan": plan(lambda one: replace(one, start=(one.start or date.min) + timedelta(days=7)))},
        "no request settles some sessions",
    ),
    "half a span": ({"plan": plan(lambda one: replace(one, end=None))}, "settles no sessions"),
    "asked for none": ({"plan": lambda query: WHOLE.plan(query) or WHOLE.plan(CASE.query)}, "without symbols"),
    "other columns": ({"parse": rows(lambda bars: bars.with_columns(x=1))}, "do not fit the raw table"),
    "no basis": ({"parse": rows(lambda bars: bars.drop("basis"))}, "needs column basis"),
    "odd basis": ({"parse": rows(lambda bars: bars.with_columns(basis=pl.lit("raw")))}, "a basis that there is not"),
    "based twice": ({"parse": rows(lambda bars: bars.with_columns(basis_date="date"))}, "day of basis all the same"),
    "a hole": ({"parse": rows(lambda bars: bars.with_columns(date=pl.lit(None, pl.Date)))}, "have no value in date"),
    "other rows": ({"parse": rows(lambda bars: bars.with_columns(symbol=pl.lit("ZZZ")))}, "are of ZZZ"),
    "odd symbols": ({"parse": rows(lambda bars: bars.with_columns(symbol=pl.lit("a b")))}, "are not canonical"),
    "other days": (
        {"parse": rows(lambda bars: bars.with_columns(pl.col("date").dt.offset_by("-1y")))},
        "lie outside what was asked",
    ),
    "reads nothing": ({"parse": rows(lambda bars: bars.clear())}, "give no row"),
    "reads by chance": (
        {"parse": rows(lambda bars: bars.with_columns(volume=pl.lit(float(next(COUNT)))))},
        "not read alike twice",
    ),
    "another error": ({"parse": careless}, "parse raised ValueError"),
    "quotes": ({"parse": quoting}, "repeats a key"),
    "blind": ({"parse": blind}, "an answer of status 400 is not refused"),
    "asks again": ({"parse": again}, "an answer of status 401 would be asked for again"),
    "same page": ({"next_page": same_page}, "is the page itself"),
    "endless": ({"next_page": endless}, "the pages have no end"),
    "page of others": (
        {"next_page": page_of_others},
        "has another symbols",
    ),
    "page raises": ({"next_page": raising}, "next_page raised IndexError"),
    "unpacks all": ({"unpack": member_of_all}, "nobody asked for is unpacked"),
}


def broken(**twists: Any) -> list[str]:
    """What is broken of the contract, whatever error the twist may end the rest in."""
    found: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("marketkeep.sources.contract.rules._MOST_PAGES", 5)
        found += broken_rules(Twisted(WHOLE, **twists), [CASE])
    return found


@pytest.mark.parametrize(("twists", "told"), TWISTS.values(), ids=TWISTS)
def test_a_twisted_source_is_found_out(twists: dict[str, Any], told: str) -> None:
    """
    Whatever one thing is wrong with a source, a rule tells it in words.
    """
    assert [text for text in broken(**twists) if told in text]


def test_a_source_that_can_be_changed_is_found_out() -> None:
    """
    A source that is like a good one in all but that it can be changed breaks that rule alone.
    """
    assert broken() == ["Its name can be changed: make it a frozen dataclass."]


def test_pages_are_followed_to_their_end() -> None:
    """
    The pages of a good source are read like its first answers: a fault in a later one is found.
    """
    case = cases(PAGED)["minute_bars"]
    assert broken_rules(PAGED, [case]) == []

    def parse(request: Request, payload: Payload) -> Any:
        if request not in PAGED.plan(case.query) and payload.status == 200:
            return {"weather": pl.DataFrame()}
        return PAGED.parse(request, payload)

    assert "weather is no dataset." in broken_rules(Twisted(PAGED, parse=parse), [case])
