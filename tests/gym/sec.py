"""
The SEC's forms over the truth of companies: company facts and submissions, one by one and as nightly zips.

Traps on purpose: `frame` only on the last told of a calendar period, instants without `start`, labels of null, `cik` an
int in facts and a text in submissions; older filings in pages without a wrapper; for some companies the time of day in
New York with a Z behind it; a client that names no mail address gets a page of HTML. It knows nothing of /files/.
"""

from __future__ import annotations

import io
import re
import zipfile
from calendar import monthrange
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import orjson

from gym.companies import NEW_YORK, Companies, Company, Filing
from gym.reports import Fact, facts
from gym.sessions import new_york_date
from gym.truth import Truth
from gym.wire import Ask, Reply

DATA, WWW = "data.sec.gov", "www.sec.gov"
APPLE = 320193
"""There whatever the truth is, as the first of its companies under Apple's number: it is what a probe asks for."""

_FACTS = re.compile(r"/api/xbrl/companyfacts/CIK(\d{10})\.json")
_SUBMISSIONS = re.compile(r"/submissions/CIK(\d{10})(?:-submissions-(\d{3}))?\.json")
_ZIPS = {
    "/Archives/edgar/daily-index/xbrl/companyfacts.zip": "companyfacts.zip",
    "/Archives/edgar/daily-index/bulkdata/submissions.zip": "submissions.zip",
}
_HTML, _XML = "text/html", "application/xml"
# The bulk files are made at three in the night.
_MADE_AT = time(3)
_FIELDS = ("act", "fileNumber", "filmNumber", "core_type", "primaryDocDescription")
_Page = tuple[str, bytes]
Spoilt = Callable[[Company, list[Fact]], list[Fact]]


class Sec:
    """
    `recent` is how many filings a company's first answer holds, `page` how many each older page does. `spoilt` are its
    facts as they are told, where that is not as they were.
    """

    name = "sec"
    hosts = frozenset({DATA, WWW})
    variants = frozenset({"empty", "duplicates", "wrong_symbol", "not_found", "quota", "bad_key"})

    def __init__(self, truth: Truth, recent: int = 1000, page: int = 2000, spoilt: Spoilt | None = None) -> None:
        self.companies = Companies(truth)
        self._spoilt = spoilt
        self._recent, self._page = recent, page
        self._zips: dict[tuple[str, date], bytes] = {}

    def key_of(self, ask: Ask) -> str | None:
        """The company for its facts; with `filings` and an older page's number behind it; a zip's name."""
        if found := _FACTS.fullmatch(ask.path):
            return f"CIK{found[1]}"
        if found := _SUBMISSIONS.fullmatch(ask.path):
            return f"CIK{found[1]} filings" + (f" {found[2]}" if found[2] else "")
        return _ZIPS.get(ask.path)

    def answer(self, ask: Ask) -> Reply | None:
        """Facts, filings or a zip; None for paths that are not of these."""
        if self.key_of(ask) is None:
            return None
        if "@" not in ask.headers.get("user-agent", "") or ask.variant == "bad_key":
            return page(403, "Your Request Originates from an Undeclared Automated Tool")
        if ask.variant == "quota":
            return page(403, "Request Rate Threshold Exceeded")
        if name := _ZIPS.get(ask.path):
            return Reply(200, self._zip(name, ask.now), "application/zip")
        return self._one(ask)

    def _one(self, ask: Ask) -> Reply:
        found = _FACTS.fullmatch(ask.path) or _SUBMISSIONS.fullmatch(ask.path)
        assert found is not None
        company = None if ask.variant == "not_found" else self._company(int(found[1]), ask)
        if company is None:
            return missing(ask.path)
        if found.re is _FACTS:
            told = self._facts(company, ask.now)
            return _json(facts_form(company, told, ask.variant)) if told else missing(ask.path)
        pages = dict(self._pages(company, self.companies.known(company, ask.now), ask))
        # Another company's answer stands under the name that was asked for.
        name = f"CIK{company.cik:010d}{f'-submissions-{found[2]}' if found[2] else ''}.json"
        return Reply(200, pages[name], "application/json") if name in pages else missing(ask.path)

    def _facts(self, company: Company, now: float) -> list[Fact]:
        told = facts(self.companies, company, now)
        return self._spoilt(company, told) if self._spoilt else told

    def _company(self, cik: int, ask: Ask) -> Company | None:
        others = self.companies.symbols_of
        if ask.variant == "wrong_symbol":
            return self.companies.company(next(other for other in others if other != cik))
        if cik == APPLE and cik not in others:
            first = self.companies.company(next(iter(others)))
            return replace(first, cik=cik, name="Apple Inc.") if first else None
        company = self.companies.company(cik)
        return company if company and company.security.first <= new_york_date(ask.now) else None

    def _pages(self, company: Company, known: list[Filing], ask: Ask) -> Iterable[_Page]:
        """Its first answer and the older pages, newest filings first."""
        newest = [] if ask.variant == "empty" else known[::-1]
        if ask.variant == "duplicates":
            newest = [filing for filing in newest for _ in range(2)]
        stem = f"CIK{company.cik:010d}"
        older = [newest[at : at + self._page] for at in range(self._recent, len(newest), self._page)]
        files = [
            {
                "name": f"{stem}-submissions-{number:03d}.json",
                "filingCount": len(filings),
                "filingFrom": filings[-1].filed.isoformat(),
                "filingTo": filings[0].filed.isoformat(),
            }
            for number, filings in enumerate(older, 1)
        ]
        told = company_form(company, new_york_date(ask.now), filed=bool(known))
        told["filings"] = {"recent": filings_form(company, newest[: self._recent]), "files": files}
        yield f"{stem}.json", orjson.dumps(told)
        for one, filings in zip(files, older, strict=True):
            yield str(one["name"]), orjson.dumps(filings_form(company, filings))

    def _zip(self, name: str, now: float) -> bytes:
        """All companies as of the last night."""
        moment = datetime.fromtimestamp(now, NEW_YORK)
        night = moment.date() if moment.time() >= _MADE_AT else moment.date() - timedelta(days=1)
        if (name, night) not in self._zips:
            made = datetime.combine(night, _MADE_AT, NEW_YORK).timestamp()
            self._zips[name, night] = _packed(name, night, self._members(name, Ask(DATA, "", {}, made)))
        return self._zips[name, night]

    def _members(self, name: str, ask: Ask) -> Iterable[_Page]:
        if name == "submissions.zip":
            yield "placeholder.txt", b""
        for cik in self.companies.symbols_of:
            company = self._company(cik, ask)
            if company is None:
                continue
            if name == "companyfacts.zip":
                told = self._facts(company, ask.now)
                yield f"CIK{cik:010d}.json", orjson.dumps(facts_form(company, told) if told else {})
            else:
                yield from self._pages(company, self.companies.known(company, ask.now), ask)


def _packed(name: str, night: date, members: Iterable[_Page]) -> bytes:
    out = io.BytesIO()
    stamp = (night.year, night.month, night.day, 3, 0, 0)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as packed:
        for member, body in members:
            packed.writestr(zipfile.ZipInfo(member, stamp), body, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _json(told: dict[str, Any]) -> Reply:
    return Reply(200, orjson.dumps(told), "application/json")


def page(status: int, title: str) -> Reply:
    """A page for people, as the SEC's edge answers."""
    body = f"<!DOCTYPE html><html><head><title>SEC.gov | {title}</title></head><body><h1>{title}</h1></body></html>"
    return Reply(status, body.encode(), _HTML)


def missing(path: str) -> Reply:
    """What its store of files says of one that is not there."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code>'
        f"<Message>The specified key does not exist.</Message><Key>{path[1:]}</Key></Error>"
    )
    return Reply(404, body.encode(), _XML)


def facts_form(company: Company, told: list[Fact], variant: str | None = None) -> dict[str, Any]:
    """Facts by taxonomy, concept and unit."""
    taxonomies: dict[str, dict[str, Any]] = {}
    rows = [] if variant == "empty" else [fact for fact in told for _ in range(2 if variant == "duplicates" else 1)]
    last = {(fact[:5]): fact.accession for fact in rows}
    for fact in rows:
        about = taxonomies.setdefault(fact.taxonomy, {}).get(fact.concept)
        if about is None:
            about = {"label": None if len(fact.concept) % 4 == 0 else fact.concept, "description": None, "units": {}}
            taxonomies[fact.taxonomy][fact.concept] = about
        row: dict[str, Any] = {} if fact.start is None else {"start": fact.start}
        row |= {"end": fact.end, "val": fact.value, "accn": fact.accession, "fy": fact.year, "fp": fact.period}
        row |= {"form": fact.form, "filed": fact.filed}
        if last[fact[:5]] == fact.accession and (frame := frame_of(fact)):
            row["frame"] = frame
        about["units"].setdefault(fact.unit, []).append(row)
    return {"cik": company.cik, "entityName": company.name, "facts": taxonomies}


def frame_of(fact: Fact) -> str | None:
    """The calendar period that a fact is nearest to; None for years to date and what is no full quarter or year."""
    if fact.start is None:
        day = fact.end - timedelta(days=15)
        return f"CY{day.year}Q{(day.month + 2) // 3}I"
    days = (fact.end - fact.start).days + 1
    middle = fact.start + timedelta(days=days // 2)
    if 75 <= days <= 105:
        return f"CY{middle.year}Q{(middle.month + 2) // 3}"
    return f"CY{middle.year}" if 350 <= days <= 380 else None


def company_form(company: Company, today: date, *, filed: bool) -> dict[str, Any]:
    """Who a company is today; without tickers once all of its securities have left the market."""
    security = company.security
    gone = security.delisted and security.last < today
    renamed = security.renamed_on is not None and security.renamed_on <= today
    waits = security.renamed_on is not None and not renamed
    tickers = [] if gone else [(security.formerly or "") if waits else security.symbol, *company.symbols[1:]]
    former = []
    if renamed and company.former_name and security.renamed_on:
        former.append(
            {"name": company.former_name, "from": _midnight(security.first), "to": _midnight(security.renamed_on)}
        )
    address = dict.fromkeys(("street1", "street2", "city", "stateOrCountry", "zipCode", "stateOrCountryDescription"))
    return {
        "cik": f"{company.cik:010d}",
        "entityType": "operating" if filed else "other",
        "sic": "" if company.foreign else "6022" if company.bank else "7372",
        "sicDescription": ""
        if company.foreign
        else "State Commercial Banks"
        if company.bank
        else "Services-Prepackaged Software",
        "ownerOrg": None,
        "insiderTransactionForOwnerExists": 0,
        "insiderTransactionForIssuerExists": 1,
        "name": company.former_name if waits and company.former_name else company.name,
        "tickers": [ticker.replace(".", "-") for ticker in tickers],
        "exchanges": [company.exchange] * len(tickers),
        "ein": "000000000",
        "lei": None,
        "description": "",
        "website": "",
        "investorWebsite": "",
        "category": "Large accelerated filer",
        "fiscalYearEnd": None if company.foreign else f"{company.year_end:02d}{monthrange(2023, company.year_end)[1]}",
        "stateOfIncorporation": "DE",
        "stateOfIncorporationDescription": "DE",
        "addresses": {"mailing": address, "business": address},
        "phone": "",
        "flags": "",
        "formerNames": former,
    }


def filings_form(company: Company, filings: list[Filing]) -> dict[str, Any]:
    """Filings as columns."""
    columns: dict[str, Any] = {
        "accessionNumber": [filing.accession for filing in filings],
        "filingDate": [filing.filed.isoformat() for filing in filings],
        "reportDate": [filing.report.isoformat() if filing.report else "" for filing in filings],
        "acceptanceDateTime": [_accepted(company, filing) for filing in filings],
        "form": [filing.form for filing in filings],
        "items": [filing.items for filing in filings],
        "size": [5000] * len(filings),
        "isXBRL": [int(filing.quarter is not None) for filing in filings],
        "isInlineXBRL": [int(filing.quarter is not None) for filing in filings],
        "primaryDocument": [filing.document for filing in filings],
    }
    return columns | {name: [""] * len(filings) for name in _FIELDS}


def _accepted(company: Company, filing: Filing) -> str:
    moment = filing.accepted.astimezone(NEW_YORK) if company.eastern else filing.accepted
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"


def _midnight(day: date) -> str:
    moment = datetime.combine(day, time(), NEW_YORK).astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
