"""
What an answer of Alpaca is, before its rows are read: JSON, an error in its own words, or something else.

A vendor's words are passed on only as far as they are plain words and small numbers: no key can be among them.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from marketkeep.errors import PayloadRefused
from marketkeep.model import BAD_KEY, NOT_FOUND, PLAN_LIMIT, Payload, Request
from marketkeep.sources.alpaca.asking import spelled

NAME = "alpaca"
Answer = dict[str, Any]
_HOLDS = {"daily_bars": "bars", "minute_bars": "bars", "actions": "corporate_actions"}
_KINDS = {"daily_bars": "daily bars", "minute_bars": "minute bars", "actions": "corporate actions"}
_BESIDE = {"next_page_token", "currency"}
_WORD = re.compile(r"^[A-Za-z_]{1,16}$|^\d{1,6}$")
_INVALID_SYMBOL = re.compile(r"invalid symbol\S*:?\s+\S", re.IGNORECASE)
_LONGEST_TOKEN = 1_000


def answer_of(request: Request, payload: Payload) -> Answer:
    """The answer as a dict, proven to hold what was asked for; raises `PayloadRefused` for anything else."""
    if payload.status >= 400:
        raise _refusal(request, payload)
    answer = _decoded(payload.body)
    kind = _KINDS[request.dataset]
    if not isinstance(answer, dict):
        raise malformed(f"not {kind}: the answer is no JSON object")
    if "message" in answer:
        raise PayloadRefused(NAME, "refused", f"Alpaca answered: {plain(answer['message'])}", retry=False)
    others = sorted(answer.keys() - _BESIDE)
    if _HOLDS[request.dataset] not in answer and others:
        raise malformed(f"not {kind}: the answer holds {plain(', '.join(others[:3]))}")
    if answer.get("currency") not in (None, "USD"):
        raise malformed(f"not {kind} in US dollars: the answer is in {plain(answer['currency'])}")
    return answer


def token_of(payload: Payload) -> str | None:
    """The token of the next page; None where there is none, or where the answer is no page at all."""
    try:
        token = orjson.loads(payload.body)["next_page_token"] if payload.status == 200 else None
    except (orjson.JSONDecodeError, LookupError, TypeError):
        return None
    return token if isinstance(token, str) and 0 < len(token) <= _LONGEST_TOKEN else None


def malformed(reason: str) -> PayloadRefused:
    """A refusal of an answer that is not built as it should be; asking again may help."""
    return PayloadRefused(NAME, "malformed", reason)


def plain(text: object) -> str:
    """The words of a text that are plain words, the rest left out as `...`."""
    words = [word.strip(".,:;\"'()") for word in str(text)[:200].split()]
    return " ".join(word if _WORD.match(word) else "..." for word in words) or "nothing"


def _decoded(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise malformed("the answer is not JSON, or not all of it") from error


def _refusal(request: Request, payload: Payload) -> PayloadRefused:
    told = _message(payload.body)
    message = told or "in no form of its own"
    match payload.status:
        case 400 | 422 if _INVALID_SYMBOL.search(message):
            return PayloadRefused(NAME, NOT_FOUND, _unknown(request, message), retry=False)
        case 401:
            return _bad_key(401)
        case 403 if "subscription" in message.lower():
            return PayloadRefused(NAME, PLAN_LIMIT, _beyond_plan(message), retry=False)
        case 403:
            return _bad_key(403)
        case status:
            reason = f"Alpaca refused the request (HTTP {status}): {plain(message)}."
            # What is not in Alpaca's own form comes from something between it and us, and may pass.
            return PayloadRefused(NAME, f"http_{status}", reason, retry=not told)


def _message(body: bytes) -> str:
    """Alpaca's own words; empty where the body is not in its form."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return str(answer.get("message") or "") if isinstance(answer, dict) else ""


def _bad_key(status: int) -> PayloadRefused:
    reason = f"Alpaca does not accept the key and secret (HTTP {status}); set both from your account's API keys."
    return PayloadRefused(NAME, BAD_KEY, reason, retry=False)


def _beyond_plan(message: str) -> str:
    if "sip" in message.lower():
        return "Alpaca's free plan gives consolidated data only when it is 15 minutes old (HTTP 403)."
    return f"Alpaca's plan does not cover this (HTTP 403): {plain(message)}."


def _unknown(request: Request, message: str) -> str:
    """Which symbol Alpaca knows nothing of: named only where it is one of those asked for."""
    told = {word.strip(".,:;\"'()").upper() for word in message.split()}
    named = [symbol for symbol in request.symbols if spelled(symbol).upper() in told]
    return f"Alpaca knows no symbol {', '.join(named) or 'of one of those names'} (HTTP {400})."
