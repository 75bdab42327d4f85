"""Questions to every builtin source and the gym's answers to them, in process: the cases of the contract suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import islice
from urllib.parse import parse_qsl, unquote, urlsplit

from gym.truth import Truth
from gym.vendors import all_vendors
from gym.wire import Ask, Vendor
from marketkeep.model import Access, Payload, Query, Request, Source
from marketkeep.sources.contract import Case

NOW = datetime(2024, 12, 31, 23, 30, tzinfo=UTC)
TODAY = date(2024, 12, 31)
# Two pages of a free plan and less: small answers can be damaged in many places.
_DAYS = {"actions": 300, "minute_bars": 3, "daily_bars": 60}
_PAIRS = {"binance": ("BTC-USDT", "ETH-USDT"), "coinbase": ("BTC-USD", "ETH-USD")}
_INDICES = {"wikipedia": ("sp500", "nasdaq100", "dow_jones"), "ishares": ("russell_1000", "sp500")}


# Real securities that sources are tried with, and the one of the gym that stands in for each.
STANDS_IN = {"SPY": "QAAA", "IBM": "QAAA"}


@cache
def truth() -> Truth:
    """What all vendors tell."""
    return Truth(symbols=40, years=2)


@cache
def vendors() -> Mapping[str, Vendor]:
    """The gym's vendors by the name of the source that asks them."""
    return {one.name: one for one in all_vendors(truth())}


def filled(access: Access, name: str) -> tuple[dict[str, str], dict[str, str]]:
    """Headers and parameters as the client adds them, with the gym's keys."""
    told = {"key": f"gym-key-{name}", "secret": f"gym-secret-{name}", "contact": "Gym tester@example.org"}
    pairs = (access.headers, access.params)
    headers, params = ({key: text.format_map(told) for key, text in some} for some in pairs)
    return {key.lower(): text for key, text in headers.items()}, params


def answering(source: Source) -> Callable[[Request], Payload]:
    """The gym's answers to a source's requests, each made once."""
    vendor, (headers, keys) = vendors()[source.name], filled(source.access, source.name)

    @cache
    def answer(request: Request) -> Payload:
        real = request.symbol or ""
        there = STANDS_IN.get(real, real)
        parts = urlsplit(request.full_url.replace(real, there))
        asked = {**dict(parse_qsl(parts.query)), **keys}
        ask = Ask(parts.hostname or "", unquote(parts.path), asked, NOW.timestamp(), headers)
        reply = vendor.answer(ask)
        assert reply is not None, request
        return Payload(reply.status, reply.headers, reply.body.replace(there.encode(), real.encode()), NOW)

    return answer


def cases(source: Source) -> dict[str, Case]:
    """By dataset, a question to a source of what the gym can answer."""
    answer = answering(source)
    return {
        dataset: Case(
            Query(
                dataset,
                subjects(source, dataset),
                TODAY - timedelta(days=_DAYS.get(dataset, 40)),
                TODAY + timedelta(days=1),
                NOW,
            ),
            answer,
        )
        for dataset in source.offers
    }


def subjects(source: Source, dataset: str) -> tuple[str, ...]:
    """Whom a source can be asked about."""
    if dataset in ("facts", "filings"):
        ciks = sorted({cik for one in truth().symbols if (cik := truth().profile(one).cik) is not None})
        return tuple(f"CIK{cik:010d}" for cik in ciks[:3])
    if dataset in ("listings", "treasury_yields"):
        return ()
    return _INDICES.get(source.name) or _PAIRS.get(source.name) or _acting()


@cache
def _acting() -> tuple[str, ...]:
    """Some symbols with actions in the window."""
    since = TODAY - timedelta(days=_DAYS["actions"])
    acting = (one for one in truth().symbols if (truth().actions(one)["ex_date"] > since).any() and "." not in one)
    return (*islice(acting, 2), "BRK.B")
