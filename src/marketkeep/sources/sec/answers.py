"""
What the SEC answers, before anything is read from it: a document of the company asked for, or a refusal in words.

Refuses pages of HTML, whatever their status, and every document that is another company's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import polars as pl

from marketkeep.errors import PayloadRefused
from marketkeep.model import BAD_KEY, EMPTY, NOT_FOUND, QUOTA, Payload
from marketkeep.model.tables import Dtype

SOURCE = "sec"

_KIND = {"facts": "companyfacts", "filings": "submissions"}
_OK = 200


def malformed(reason: str) -> PayloadRefused:
    """The refusal of what is not a document of the SEC's; asking again may help."""
    return PayloadRefused(SOURCE, "malformed", reason)


def empty(company: str, dataset: str) -> PayloadRefused:
    """The refusal of a document without a single row; asking again may help."""
    return PayloadRefused(SOURCE, EMPTY, f"the SEC's {_KIND[dataset]} for {company} are empty")


def document(payload: Payload, company: str, dataset: str) -> dict[str, Any]:
    """The JSON of an answer about `company`; refused where it is an error, no JSON object or about another company."""
    if payload.status != _OK:
        raise _refusal(payload, company, dataset)
    if payload.body.lstrip()[:1] == b"<":
        raise malformed("the SEC answered with a page for people, not with data")
    try:
        told = orjson.loads(payload.body)
    except orjson.JSONDecodeError as error:
        raise malformed(f"not JSON: {error}") from error
    if not isinstance(told, dict):
        raise malformed(f"not {_KIND[dataset]}: not a JSON object")
    _expect_company(told, company)
    return told


def _expect_company(told: dict[str, Any], company: str) -> None:
    """Trap 62: the number is an int or a zero-padded text; older pages of filings have none."""
    if "cik" not in told:
        return
    try:
        number = int(told["cik"])
    except (TypeError, ValueError, OverflowError) as error:
        raise malformed("cik is no number") from error
    if number != int(company[3:]):
        reason = f"asked for {company}, answered CIK{number:010d}"
        raise PayloadRefused(SOURCE, "wrong_symbol", reason)


def _refusal(payload: Payload, company: str, dataset: str) -> PayloadRefused:
    status, body = payload.status, payload.body
    # Its store of files says AccessDenied instead of NoSuchKey where it would rather not tell what it has.
    if status == 404 or (status == 403 and b"<Code>AccessDenied</Code>" in body):
        return PayloadRefused(SOURCE, NOT_FOUND, f"the SEC has no {_KIND[dataset]} for {company}", retry=False)
    if status in (403, 429) and b"Rate Threshold" in body:
        reason = f"the SEC was asked too often and rests this address for ten minutes (HTTP {status})"
        return PayloadRefused(SOURCE, QUOTA, reason, retry=False)
    if status == 403:
        reason = (
            "the SEC refuses requests that do not say whom to contact (HTTP 403); "
            "set MARKETKEEP_CONTACT to a name and a mail address"
        )
        return PayloadRefused(SOURCE, BAD_KEY, reason, retry=False)
    return PayloadRefused(SOURCE, f"http_{status}", f"the SEC answered HTTP {status}", retry=False)


def column(values: Sequence[Any], dtype: Dtype, name: str) -> pl.Series:
    """
    Values as a column; days and instants from their text, `""` being unknown.

    Raises `ValueError` where one is of another kind: what is not understood is not passed over.
    """
    if dtype == pl.String:
        return pl.Series(name, values, dtype=pl.String, strict=True)
    if isinstance(dtype, pl.Datetime):
        told = _texts(values, name)
        made = told.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", strict=False).dt.replace_time_zone("UTC")
    elif dtype == pl.Date:
        told = _texts(values, name)
        made = told.str.to_date("%Y-%m-%d", strict=False)
    else:
        made = pl.Series(name, values, dtype=dtype, strict=False)
        told = None
    if made.null_count() != (values.count(None) if told is None else told.null_count()):
        raise ValueError(f"{name} has a value that is none")
    return made


def _texts(values: Sequence[Any], name: str) -> pl.Series:
    texts = pl.Series(name, values, dtype=pl.String, strict=True)
    return texts.to_frame().select(pl.when(pl.first() != "").then(pl.first()).alias(name)).to_series()
