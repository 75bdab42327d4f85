"""
Alpaca as a source: what it offers, how it is asked, and which reader takes which answer.

Bars are always asked as traded, by name. Daily bars always come from the consolidated tape; minute bars from the feed
that the settings name, which every row keeps. Daily bars of crypto are not offered: their day begins at midnight in
Chicago, and a crypto day of this keep is UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from marketkeep.model import Access, Frames, Offer, Payload, Query, Rate, Request, Whole
from marketkeep.model.new_york import new_york_date
from marketkeep.sources.alpaca.actions import read_actions
from marketkeep.sources.alpaca.answers import answer_of, token_of
from marketkeep.sources.alpaca.asking import PAGE_ROWS, PAGED_ACTIONS, action_requests, bar_requests
from marketkeep.sources.alpaca.bars import read_bars

_RATE = Rate(calls=200, seconds=60.0)
_EQUITY, _CRYPTO = "equity", "crypto"
_FIRST_BAR = date(2016, 1, 4)
# Its announcements reach back to here; what it tells of earlier days has holes that nothing betrays.
_FIRST_ACTION = date(2020, 4, 1)
_OFFERS = {
    "daily_bars": Offer(frozenset({_EQUITY}), first=_FIRST_BAR, page_rows=PAGE_ROWS),
    "minute_bars": Offer(frozenset({_EQUITY, _CRYPTO}), first=_FIRST_BAR, page_rows=PAGE_ROWS),
    "actions": Offer(frozenset({_EQUITY}), first=_FIRST_ACTION, page_rows=PAGED_ACTIONS),
}
_ACCESS = Access(
    "Free with an account; consolidated data only when 15 minutes old; for your own use, not to redistribute.",
    site="https://app.alpaca.markets/signup",
    needs=("key", "secret"),
    headers=(("APCA-API-KEY-ID", "{key}"), ("APCA-API-SECRET-KEY", "{secret}")),
)


@dataclass(frozen=True, slots=True)
class Alpaca(Whole):
    """Bars and actions as Alpaca gives them. `feed` (sip or iex) is the tape that minute bars of shares come from."""

    name: str = "alpaca"
    offers: Mapping[str, Offer] = field(default_factory=lambda: _OFFERS)
    access: Access = _ACCESS
    rate: Rate = _RATE
    quota: int | None = None
    feed: str = "sip"

    def plan(self, query: Query) -> list[Request]:
        """Up to 200 symbols a request; nothing is asked that lies before the reach, or in the future."""
        offer = self.offers[query.dataset]
        start = max(query.start, offer.reach(query.today))
        end = min(query.end, query.today + timedelta(days=1))
        within = replace(query, start=start, end=end)
        if start >= end:
            return []
        if query.dataset == "actions":
            return action_requests(within)
        # The exchange's own feed has 3 % of the volume: a daily bar made of it would be another thing.
        feed = "sip" if query.dataset == "daily_bars" else self.feed
        return bar_requests(within, feed, offer.asset_classes)

    def probe(self, now: datetime) -> Request:
        """The last daily bars of one fund that is always there."""
        today = new_york_date(now)
        return self.plan(Query("daily_bars", ("SPY",), today - timedelta(days=7), today + timedelta(days=1), now))[0]

    def next_page(self, request: Request, payload: Payload) -> Request | None:
        """The same request with the token that the answer ends with; None where there is none."""
        token = token_of(payload)
        params = tuple(pair for pair in request.params if pair[0] != "page_token")
        if token is None or ("page_token", token) in request.params:
            return None
        return replace(request, params=(*params, ("page_token", token)))

    def parse(self, request: Request, payload: Payload) -> Frames:
        """Bars or actions of one page; a page that continues another may be without any."""
        answer = answer_of(request, payload)
        read = read_actions if request.dataset == "actions" else read_bars
        return {request.dataset: read(request, answer)}
