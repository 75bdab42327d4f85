"""
The rules of the contract: each tells in sentences what of it a source breaks, and nothing where it holds.

They ask for nothing but what a case hands in: no network, no clock, no test framework.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from string import Formatter

from marketkeep.calendars import calendar_for
from marketkeep.errors import PayloadRefused
from marketkeep.model import RAW_TABLES, Payload, Query, Request, Source, Symbol
from marketkeep.sources.contract.damage import ECHOED, damaged
from marketkeep.sources.contract.judging import (
    ill_following,
    ill_formed,
    ill_read,
    ill_refused,
    ill_taken,
    outcome,
    same,
)

_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_NEEDS = ("key", "secret", "contact")
_REFUSED_STATUSES = (400, 401, 403, 404)
_NOW = datetime(2024, 12, 31, 22, tzinfo=UTC)
_LONGEST_TERMS, _MOST_PAGES = 200, 1000


@dataclass(frozen=True, slots=True)
class Case:
    """
    One question and its good answers: `answer` gives what the vendor sends for any request of the plan, its further
    pages and the probe. The query names only symbols that the source has, and sessions that it reaches.
    """

    query: Query
    answer: Callable[[Request], Payload]


def broken_rules(source: Source, cases: Iterable[Case]) -> list[str]:
    """What of the contract does not hold, in sentences; an empty list where all does."""
    found = [told for rule in DECLARED for told in _told(rule.__name__, rule(source))]
    return found + [told for case in cases for rule in ASKED for told in _told(rule.__name__, rule(source, case))]


def _told(rule: str, sentences: Iterator[str]) -> Iterator[str]:
    """What a rule tells, and the error that ended it, if one did: the next rule may still tell more."""
    try:
        yield from sentences
    except Exception as error:  # noqa: BLE001  # whichever it is, it is the finding
        yield f"{rule} ended in {error!r}."


def name_is_plain(source: Source) -> Iterator[str]:
    """The name can be a folder, a setting and an environment variable."""
    if not _NAME.fullmatch(source.name):
        yield f"The name {source.name!r} is not made of lower-case words joined by single underscores."


def offers_are_known(source: Source) -> Iterator[str]:
    """What is offered, or carried along, are datasets that exist."""
    if not source.offers:
        yield "It offers nothing."
    for dataset, offer in source.offers.items():
        if unknown := sorted({dataset, *offer.carries} - RAW_TABLES.keys()):
            yield f"Its offer of {dataset} names no dataset: {', '.join(unknown)}."
        if not offer.asset_classes or offer.fresh_days < 1 or (offer.page_rows or 1) < 1:
            yield f"Its offer of {dataset} is of no asset class, or fresh for no day, or without rows on a page."


def access_is_told(source: Source) -> Iterator[str]:
    """Its terms are one line, where a key is had is told, and secrets are placeholders of what it needs."""
    access = source.access
    if not access.terms.strip() or "\n" in access.terms or len(access.terms) > _LONGEST_TERMS:
        yield f"Its terms are not one line of up to {_LONGEST_TERMS} characters."
    if access.needs and not access.site.startswith("https://"):
        yield "It needs something and names no site (https) where that is told or had."
    pairs = (*access.headers, *access.params)
    fields = {name for _, value in pairs for _, name, _, _ in Formatter().parse(value) if name is not None}
    if odd := sorted({*fields, *access.needs} - set(_NEEDS)):
        yield f"It needs what no setting gives: {', '.join(odd)}."
    if unused := sorted(set(access.needs) - fields):
        yield f"It needs what it never sends: {', '.join(unused)}."


def pace_is_told(source: Source) -> Iterator[str]:
    """It may be asked at some rate."""
    if source.rate.calls < 1 or source.rate.seconds <= 0:
        yield f"Nobody can keep its rate of {source.rate.calls} calls in {source.rate.seconds} s."
    if source.quota is not None and source.quota < 1:
        yield f"Nobody can use its quota of {source.quota} calls a day."


def is_immutable(source: Source) -> Iterator[str]:
    """Threads share it, so nothing about it can change."""
    told, name = copy(source), "name"
    try:
        setattr(told, name, "another")
    except (AttributeError, TypeError):
        return
    yield "Its name can be changed: make it a frozen dataclass."


def probe_is_plain(source: Source) -> Iterator[str]:
    """It can be tried with one request, the same at the same time."""
    request = source.probe(_NOW)
    yield from ill_formed(source, request, "The probe")
    if request.dataset not in source.offers:
        yield f"The probe asks for {request.dataset}, which is not offered."
    if request != source.probe(_NOW):
        yield "The probe differs from one call to the next."


def plan_is_pure(source: Source, case: Case) -> Iterator[str]:
    """The same question takes the same requests, each well formed, and each for symbols of the query in its order."""
    before, requests = repr(source), source.plan(case.query)
    if requests != source.plan(case.query) or repr(source) != before:
        yield f"{_of(case)}: the plan differs from one call to the next, or changes the source."
    for request in requests:
        yield from ill_formed(source, request, f"{_of(case)}: the request {request.full_url}")
        if request.dataset != case.query.dataset:
            yield f"{_of(case)}: the plan asks for {request.dataset}."
        known = [case.query.symbols.index(one) for one in request.symbols if one in case.query.symbols]
        if len(known) < len(request.symbols) or known != sorted(set(known)):
            yield f"{_of(case)}: {request.full_url} names symbols not asked for, or not in their order."


def plan_settles_all(source: Source, case: Case) -> Iterator[str]:
    """Good answers settle every session asked of every symbol; without symbols none is asked for."""
    query, requests = case.query, source.plan(case.query)
    if query.symbols and source.plan(replace(query, symbols=())):
        yield f"{_of(case)}: without symbols there are requests all the same."
    for symbol in query.symbols or (None,):
        own = [one for one in requests if symbol is None or symbol in one.symbols]
        spans = [(one.start, one.end) for one in own if one.start is not None and one.end is not None]
        open_days = [day for day in _asked(source, query, symbol) if not any(a <= day < b for a, b in spans)]
        if not own or open_days:
            days = f", {open_days[0]} among them" if open_days else ""
            yield f"{_of(case)}: no request settles some sessions of {symbol or 'the whole'}{days}."


def answers_are_read(source: Source, case: Case) -> Iterator[str]:
    """Good answers give the rows asked for in the raw tables' form, the same each time."""
    rows = 0
    for request, payload in pages(source, case):
        frames, again = outcome(source, request, payload), outcome(source, request, payload)
        if isinstance(frames, Exception) or isinstance(again, Exception):
            yield f"{_of(case)}: the good answer to {request.full_url} is not read: {frames!r}"
            continue
        if not same(frames, again):
            yield f"{_of(case)}: the same answer is not read alike twice."
        rows += sum(frame.height for frame in frames.values())
        yield from ill_read(source, request, frames)
    if not rows:
        yield f"{_of(case)}: the good answers give no row."


def pages_end(source: Source, case: Case) -> Iterator[str]:
    """A page's next one is for the same symbols and sessions, another than those before, and at last there is none."""
    for first, answer in first_pages(source, case):
        *_, (request, payload) = _chain(source, case, first, answer)
        if (following := source.next_page(request, payload)) is not None:
            yield f"{_of(case)}: {' '.join(ill_following(source, request, following)) or 'the pages have no end.'}"


def probe_is_read(source: Source, case: Case) -> Iterator[str]:
    """The probe's answer is read."""
    request = source.probe(case.query.now)
    frames = outcome(source, request, case.answer(request))
    if isinstance(frames, Exception):
        yield f"The good answer to the probe is not read: {frames!r}"
    else:
        yield from ill_read(source, request, frames)


def errors_are_refused(source: Source, case: Case) -> Iterator[str]:
    """An answer of status 400, 401, 403 or 404 is refused whatever its body; 401 and 403 are final."""
    for request, payload in first_pages(source, case):
        for body in (payload.body, b"", *ECHOED):
            for status in _REFUSED_STATUSES:
                refused = outcome(source, request, replace(payload, status=status, body=body))
                if not isinstance(refused, PayloadRefused):
                    yield f"{_of(case)}: an answer of status {status} is not refused: {refused!r}"
                elif refused.retry and status in (401, 403):
                    yield f"{_of(case)}: an answer of status {status} would be asked for again at once."
                else:
                    yield from ill_refused(source, refused)


def damage_is_seen(source: Source, case: Case) -> Iterator[str]:
    """A damaged answer gives rows asked for in the right form, or a refusal without secrets; never another error."""
    for request, payload in first_pages(source, case):
        for body in damaged(payload.body):
            yield from ill_taken(source, request, replace(payload, body=body))
        if source.unpack(request, "../no such member") is not None:
            yield f"{_of(case)}: a member that nobody asked for is unpacked."


DECLARED = (name_is_plain, offers_are_known, access_is_told, pace_is_told, is_immutable, probe_is_plain)
"""Rules for what a source says of itself."""

ASKED = (plan_is_pure, plan_settles_all, answers_are_read, pages_end, probe_is_read, errors_are_refused, damage_is_seen)
"""Rules for how it asks and reads."""


def first_pages(source: Source, case: Case) -> Iterator[tuple[Request, Payload]]:
    """The first answer to each request of the plan; of a packed one the members that were asked for."""
    for request in source.plan(case.query):
        payload = case.answer(request)
        if not request.packed:
            yield request, payload
            continue
        with zipfile.ZipFile(io.BytesIO(payload.body)) as packed:
            for member in packed.namelist():
                if (one := source.unpack(request, member)) is not None:
                    yield one, replace(payload, body=packed.read(member))


def pages(source: Source, case: Case) -> Iterator[tuple[Request, Payload]]:
    """Every answer to the plan, page after page, as far as the pages are well formed."""
    for request, payload in first_pages(source, case):
        yield from _chain(source, case, request, payload)


def _chain(source: Source, case: Case, request: Request, payload: Payload) -> Iterator[tuple[Request, Payload]]:
    seen = {request}
    yield request, payload
    while (following := source.next_page(request, payload)) is not None:
        if any(ill_following(source, request, following)) or following in seen or len(seen) == _MOST_PAGES:
            return
        seen.add(following)
        request, payload = following, case.answer(following)
        yield request, payload


def _of(case: Case) -> str:
    named = f" of {len(case.query.symbols)} symbols" if case.query.symbols else ""
    return f"{case.query.dataset}{named}"


def _asked(source: Source, query: Query, symbol: str | None) -> list[date]:
    """The sessions that are over, within the query and the reach; today where the answer tells the state of today."""
    offer = source.offers[query.dataset]
    if offer.snapshot:
        return [query.today]
    calendar = calendar_for("equity" if symbol is None else Symbol.parse(symbol).asset_class)
    start = max(query.start, offer.reach(query.today), calendar.first)
    return calendar.sessions(start, max(start, min(query.end, query.today)))
