"""
What all of Polygon's answers have in common: a JSON object with `status`, `results` and, where it goes on, `next_url`.

An answer that is an error, or not an object at all, is refused here. What the vendor writes in `error` or `message` is
compared, never quoted.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from marketkeep.errors import PayloadRefused
from marketkeep.model import BAD_KEY, NOT_FOUND, PLAN_LIMIT, QUOTA, Payload, Request
from marketkeep.model.new_york import new_york_date

NAME = "polygon"
HOSTS = ("api.polygon.io", "api.massive.com")
"""The vendor's old and new name; a page may continue on either, whichever was asked."""


_GOOD = ("OK", "DELAYED")
_BAD = ("ERROR", "NOT_AUTHORIZED", "NOT_FOUND")
# What is said of bars of today, which a free plan has tomorrow: neither out of reach nor a session without bars.
_NOT_YET = ("before end of day", "data timeframe")


def read_answer(request: Request, payload: Payload) -> dict[str, Any]:
    """The answer as an object. Raises `PayloadRefused` when it is an error, or none of Polygon's objects."""
    root = _decoded(payload.body)
    if payload.status >= 400 or (root is not None and root.get("status") in _BAD):
        raise _refusal(request, payload, root or {})
    if root is None:
        raise malformed("Polygon's answer is not a JSON object, or only a part of one.")
    if root.get("status") not in _GOOD:
        raise malformed("Polygon's answer has no status that such answers have.")
    return root


def results_of(root: dict[str, Any]) -> list[Any]:
    """The rows of an answer; a list that is absent or null is one without rows."""
    results = root.get("results")
    if results is None:
        return []
    if not isinstance(results, list):
        raise malformed("Polygon's results are not a list of rows.")
    return results


def continuation(request: Request, root: dict[str, Any]) -> Request | None:
    """
    The request for the next page, None after the last; a key in the address is left out of it.

    Raises `PayloadRefused` where the page goes on at an address that is not Polygon's, or at the one it came from:
    rows would be missing then.
    """
    told = root.get("next_url")
    if told in (None, ""):
        return None
    try:
        parts = urlsplit(str(told))
        host, path = parts.hostname, parts.path
        params = tuple((k, v) for k, v in parse_qsl(parts.query) if k.lower().replace("_", "") != "apikey")
    except ValueError:
        host, path, params = None, "", ()
    url = f"https://{host}{path}"
    if host not in HOSTS or not path.startswith("/v") or (url, params) == (request.url, request.params):
        raise PayloadRefused(NAME, "truncated", "Polygon's answer goes on at an address that cannot be followed.")
    return Request(NAME, request.dataset, url, params, symbols=request.symbols, start=request.start, end=request.end)


def malformed(reason: str) -> PayloadRefused:
    """The refusal of an answer that is not built as such answers are."""
    return PayloadRefused(NAME, "malformed", reason)


def _decoded(body: bytes) -> dict[str, Any] | None:
    try:
        root = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return root if isinstance(root, dict) else None


def _refusal(request: Request, payload: Payload, root: dict[str, Any]) -> PayloadRefused:
    state, status = root.get("status"), payload.status
    note = f"{root.get('error', '')} {root.get('message', '')}".lower()
    http = f"HTTP {status}"
    if status == 401 or "api key" in note:
        return _for_good(BAD_KEY, f"Polygon does not accept this key, or none was sent ({http}).")
    if status == 429 or "maximum requests per minute" in note:
        return _for_good(QUOTA, f"Polygon's calls of this minute are used up ({http}); a paid plan has more.")
    if state == "NOT_AUTHORIZED":
        return _beyond_plan(request, payload, note)
    if state == "NOT_FOUND" and request.symbol is not None:
        return _for_good(NOT_FOUND, f"Polygon knows no ticker {request.symbol} ({http}).")
    if status >= 400:
        return _for_good(f"http_{status}", f"Polygon answered with an error ({http}).")
    return _for_good("refused", f"Polygon refused the request ({http}).")


def _beyond_plan(request: Request, payload: Payload, note: str) -> PayloadRefused:
    today = new_york_date(payload.fetched_at)
    if request.start is not None and request.start >= today and any(words in note for words in _NOT_YET):
        reason = f"Polygon's plan does not give bars of {request.start} before that day is over; a paid plan does."
        return _for_good("not_yet", reason)
    reach = f"reach back to {request.start}" if "timeframe" in note else f"include {_what(request)}"
    return _for_good(PLAN_LIMIT, f"Polygon's plan does not {reach} (HTTP {payload.status}); a paid plan does.")


def _what(request: Request) -> str:
    what = request.dataset.replace("_", " ")
    return what if request.start is None else f"{what} of {request.start}"


def _for_good(fault: str, reason: str) -> PayloadRefused:
    return PayloadRefused(NAME, fault, reason, retry=False)
