"""
The SEC's EDGAR: what companies reported (company facts) and what they filed (submissions), per company or in bulk.

Companies are asked for by their number (`CIK0000320193`): which securities a company issued is the business of
`gold`. Thousands of companies are one download, a zip of the very files that are had one by one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from marketkeep.model import Access, Frames, Offer, Payload, Query, Rate, Request
from marketkeep.model.new_york import new_york_date
from marketkeep.sources.misshapen import MISSHAPEN
from marketkeep.sources.sec.answers import document, malformed
from marketkeep.sources.sec.facts import read_facts
from marketkeep.sources.sec.submissions import page_count, read_submissions

_FACTS = "https://data.sec.gov/api/xbrl/companyfacts/"
_SUBMISSIONS = "https://data.sec.gov/submissions/"
_DAILY = "https://www.sec.gov/Archives/edgar/daily-index/"
_ONE = {"facts": _FACTS, "filings": _SUBMISSIONS}
_BULK = {"facts": f"{_DAILY}xbrl/companyfacts.zip", "filings": f"{_DAILY}bulkdata/submissions.zip"}
_MEMBER = {
    "facts": re.compile(r"(CIK\d{10})\.json"),
    "filings": re.compile(r"(CIK\d{10})(?:-submissions-\d{3,})?\.json"),
}
# An older page is asked for as `...-submissions-002.json#3`: what stands behind the # stays here and tells how many
# pages there are, for the pages themselves do not.
_PAGE = re.compile(r"(CIK\d{10})-submissions-(\d{3})\.json#(\d{1,3})")
# A bulk file is well over a gigabyte: below this many companies, asking one by one at the SEC's pace is quicker.
_ONE_BY_ONE = 300
# The SEC allows 10 a second to one address. Its ticker lists are another source here and take their part of that.
_RATE = Rate(calls=8, seconds=1.0)
_OFFERS = {
    "facts": Offer(snapshot=True, fresh_days=7),
    "filings": Offer(carries=frozenset({"companies"}), snapshot=True),
}
_ACCESS = Access(
    "Public data, free without a key; at most 10 requests a second, and each says whom to contact.",
    site="https://www.sec.gov/search-filings/edgar-search-assistance/accessing-edgar-data",
    needs=("contact",),
    headers=(("User-Agent", "marketkeep {contact}"),),
)
# Apple: there since the beginning of EDGAR.
_PROBED = "CIK0000320193"


@dataclass(frozen=True, slots=True)
class Sec:
    """Company facts, filings and companies as the SEC tells them; free, with a contact in the User-Agent."""

    name: str = "sec"
    offers: Mapping[str, Offer] = field(default_factory=lambda: _OFFERS)
    access: Access = _ACCESS
    rate: Rate = _RATE
    quota: int | None = None

    def plan(self, query: Query) -> list[Request]:
        """One request a company, or one for all of them where they are many; an answer tells the state of today."""
        if len(query.symbols) > _ONE_BY_ONE:
            today = query.today
            bulk = _BULK[query.dataset]
            end = today + timedelta(days=1)
            return [Request(self.name, query.dataset, bulk, (), query.symbols, today, end, packed=True)]
        return [self._request(query.dataset, company, query.today) for company in query.symbols]

    def next_page(self, request: Request, payload: Payload) -> Request | None:
        """
        The next older page of a company's filings, as far as its first answer says that there are any.

        None for a member of a bulk file, in which the older pages are members too.
        """
        if request.dataset != "filings" or request.symbol is None:
            return None
        if request.url == f"{_SUBMISSIONS}{request.symbol}.json":
            done, pages = 0, page_count(payload, request.symbol)
        elif told := _PAGE.fullmatch(request.url.removeprefix(_SUBMISSIONS)):
            done, pages = int(told[2]), int(told[3])
        else:
            return None
        if done >= pages:
            return None
        url = f"{_SUBMISSIONS}{request.symbol}-submissions-{done + 1:03d}.json#{pages}"
        return Request(self.name, request.dataset, url, (), request.symbols, request.start, request.end)

    def unpack(self, request: Request, member: str) -> Request | None:
        """The request that a file of the bulk zip answers; None where its company was not asked for."""
        known = _MEMBER[request.dataset].fullmatch(member) if request.dataset in _MEMBER else None
        if known is None or not _WANTED.has(request.symbols, known[1]):
            return None
        url = f"{request.url}#{member}"
        return Request(self.name, request.dataset, url, (), (known[1],), request.start, request.end)

    def parse(self, request: Request, payload: Payload) -> Frames:
        """Facts of one company, or its description and filings; refused when it is an error or another company's."""
        if request.symbol is None or not _MEMBER["facts"].fullmatch(f"{request.symbol}.json"):
            raise malformed("one company's answer is read at a time, and none is named")
        told = document(payload, request.symbol, request.dataset)
        try:
            return _READ[request.dataset](told, int(request.symbol[3:]))
        except MISSHAPEN as error:
            raise malformed(f"not built as {request.dataset} are: {error!r}"[:300]) from error

    def probe(self, now: datetime) -> Request:
        """The filings of one company that is always there."""
        return self._request("filings", _PROBED, new_york_date(now))

    def _request(self, dataset: str, company: str, today: date) -> Request:
        url = f"{_ONE[dataset]}{company}.json"
        return Request(self.name, dataset, url, (), (company,), today, today + timedelta(days=1))


_READ = {"facts": read_facts, "filings": read_submissions}


class _Wanted:
    """
    Whether a company is among those asked for, for the million members of a zip.

    The set is made once for a tuple of companies and known again by the tuple's identity.
    """

    def __init__(self) -> None:
        self._last: tuple[tuple[str, ...], frozenset[str]] = ((), frozenset())

    def has(self, companies: tuple[str, ...], company: str) -> bool:
        """Whether `company` is one of `companies`."""
        known, found = self._last
        if known is not companies:
            found = frozenset(companies)
            self._last = companies, found
        return company in found


_WANTED = _Wanted()

__all__ = ["Sec"]
