"""
What is wrong with a request, with rows, with a refusal: the judgements that the rules of the contract share.

Each tells in sentences, and tells nothing where all is well. None raises, whatever a source does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import polars as pl

from marketkeep.errors import BadSymbol, PayloadRefused
from marketkeep.model import RAW_TABLES, Frames, Payload, Request, Source, Symbol
from marketkeep.model.redact import redact_params, redact_url
from marketkeep.sources.contract.damage import SECRETS

_FAULT = re.compile(r"[a-z0-9_]+")
_BASES = ("as_traded", "split_adjusted", "adjusted", "unknown")
_LONGEST_REASON = 300
_COMPANIES = ("facts", "filings", "companies")


def ill_formed(source: Source, request: Request, what: str) -> Iterator[str]:
    """What is wrong with any request."""
    parts = urlsplit(request.url)
    if request.source != source.name:
        yield f"{what} names {request.source!r} as its source."
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        yield f"{what} has no plain https address."
    if redact_url(request.url) != request.url or redact_params(request.params) != request.params:
        yield f"{what} carries what is named like a secret; `access` says what the client adds."
    if (request.start is None) != (request.end is None) or (
        request.start and request.end and request.start >= request.end
    ):
        yield f"{what} settles no sessions: {request.start} to {request.end}."


def ill_following(source: Source, request: Request, following: Request) -> Iterator[str]:
    """What is wrong with the request for a next page."""
    yield from ill_formed(source, following, f"The next page of {request.dataset}")
    kept = ("source", "dataset", "symbols", "start", "end", "packed")
    if changed := [name for name in kept if getattr(request, name) != getattr(following, name)]:
        yield f"The next page of {request.dataset} has another {', '.join(changed)}."
    if following == request:
        yield f"The next page of {request.dataset} is the page itself."


def outcome(source: Source, request: Request, payload: Payload) -> Frames | Exception:
    """What a source makes of an answer, errors included."""
    try:
        return source.parse(request, payload)
    except Exception as error:  # noqa: BLE001  # whichever it is, it is the finding
        return error


def ill_taken(source: Source, request: Request, payload: Payload) -> Iterator[str]:
    """What is wrong with how any answer whatever is taken."""
    told = outcome(source, request, payload)
    if isinstance(told, PayloadRefused):
        yield from ill_refused(source, told)
    elif isinstance(told, Exception):
        yield f"{request.dataset}: parse raised {told!r} on {payload.body[:80]!r}..."
    else:
        yield from ill_read(source, request, told)
    try:
        following = source.next_page(request, payload)
    except Exception as error:  # noqa: BLE001  # whichever it is, it is the finding
        yield f"{request.dataset}: next_page raised {error!r} on {payload.body[:80]!r}..."
        return
    if following is not None:
        yield from ill_following(source, request, following)


def ill_refused(source: Source, refused: PayloadRefused) -> Iterator[str]:
    """What is wrong with a refusal."""
    if refused.source != source.name or not _FAULT.fullmatch(refused.fault):
        yield f"A refusal names {refused.source!r} as the source and {refused.fault!r} as the fault."
    if not refused.reason.strip() or "\n" in refused.reason or len(refused.reason) > _LONGEST_REASON:
        yield f"A refusal's reason is not one line of up to {_LONGEST_REASON} characters: {refused.reason!r}."
    if any(word in str(refused) for word in SECRETS):
        yield f"A refusal repeats a key that was in the answer ({refused.fault})."


def ill_read(source: Source, request: Request, frames: Frames) -> Iterator[str]:
    """What is wrong with the rows read from an answer."""
    for dataset, frame in frames.items():
        if dataset not in RAW_TABLES:
            yield f"{dataset} is no dataset."
            continue
        table = RAW_TABLES[dataset]
        try:
            known = table.conform(frame.with_columns(payload=0))
        except Exception as error:  # noqa: BLE001  # whichever it is, it is the finding
            yield f"The rows of {dataset} do not fit the raw table: {error}"
            continue
        holes = [one.name for one in table.columns if not one.nullable and known[one.name].null_count()]
        if holes:
            yield f"The rows of {dataset} have no value in {', '.join(holes)}."
        yield from _ill_asked(source, request, dataset, known)


def same(one: Frames, other: Frames) -> bool:
    """Whether two readings are the same to the last value."""
    return one.keys() == other.keys() and all(one[name].equals(other[name]) for name in one)


def _ill_asked(source: Source, request: Request, dataset: str, rows: pl.DataFrame) -> Iterator[str]:
    """What of the rows was not asked for, or says what cannot be."""
    if foreign := sorted(_subjects(dataset, rows) - set(request.symbols)) if request.symbols else []:
        yield f"Rows of {dataset} are of {', '.join(foreign[:3])}, which was not asked for."
    if "symbol" in rows.columns and (odd := [one for one in rows["symbol"].unique().to_list() if not _canonical(one)]):
        yield f"Rows of {dataset} have symbols that are not canonical: {', '.join(odd[:3])}."
    offer = source.offers.get(request.dataset)
    dates = RAW_TABLES[dataset].dates
    if dates and offer and not offer.snapshot and request.start and request.end:
        outside = rows.filter(~pl.col(dates).is_between(request.start, request.end, closed="left"))
        if outside.height:
            yield f"Rows of {dataset} lie outside what was asked: {outside[dates][0]}."
    if "basis" in rows.columns:
        yield from _ill_based(dataset, rows)


def _ill_based(dataset: str, rows: pl.DataFrame) -> Iterator[str]:
    if odd := set(rows["basis"]) - set(_BASES):
        yield f"Rows of {dataset} have a basis that there is not: {', '.join(sorted(odd))}."
    if rows.filter((pl.col("basis") == "as_traded") & pl.col("basis_date").is_not_null()).height:
        yield f"Rows of {dataset} are as traded and have a day of basis all the same."


def _subjects(dataset: str, rows: pl.DataFrame) -> set[str]:
    """Whom the rows are about, as a query names them."""
    if dataset in _COMPANIES:
        return {f"CIK{cik:010d}" for cik in rows["cik"].unique()}
    return set(rows["index" if dataset == "index_members" else "symbol"].unique())


def _canonical(text: str) -> bool:
    try:
        return Symbol.parse(text).text == text
    except BadSymbol:
        return False
