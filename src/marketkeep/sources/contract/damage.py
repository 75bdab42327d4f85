"""
Damage to answers: what may come instead of a good one, always the same for the same answer.

Nothing here knows any vendor's form.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

SECRETS = ("gH7-contract-key-Q2", "gH7-contract-secret-Q2")
"""Stand for a user's key and its secret, which some vendors repeat in what they answer."""

_KEY, _SECRET = SECRETS
ECHOED = tuple(
    text.encode()
    for text in (
        f'{{"message": "Your key {_KEY} with {_SECRET} is wrong", "code": "{_KEY}"}}',
        f'{{"error": "{_KEY} is used up", "msg": "{_SECRET}", "status": "ERROR", "request_id": "{_KEY}"}}',
        f'{{"Information": "We have detected your API key as {_KEY} and the standard rate limit is 25 a day."}}',
        f'{{"Note": "{_KEY}", "Error Message": "the parameter apikey is invalid or missing: {_KEY}"}}',
        f'{{"chart": {{"result": null, "error": {{"code": "Unauthorized", "description": "{_KEY}"}}}}}}',
        f"<html><body>{_KEY} is not allowed; {_SECRET}</body></html>",
        f"{_KEY} {_SECRET}",
    )
)
"""Errors in the forms that vendors have, each with the caller's key in it."""

_NO_ANSWERS = (
    b"",
    b" ",
    b"null",
    b"{}",
    b"[]",
    b"[[]]",
    b"0",
    b'""',
    b"true",
    b"\x00\xff" * 40,
    b"\x1f\x8b",
    b"PK\x03\x04",
)
_CUTS, _FLIPS = 24, 48
# A prime, so that flips fall all over an answer of whatever length.
_STRIDE = 7919
_PUT = (b"null", b'"x"', b"-1", b"1e999", b"[]", b"{}", b"99999999999999999999")


def damaged(body: bytes) -> Iterator[bytes]:
    """What may come instead of a good answer: other things, and the answer cut, changed in a bit, or in a value."""
    yield from _NO_ANSWERS
    yield from ECHOED
    for at in range(1, _CUTS):
        yield body[: len(body) * at // _CUTS]
    for number in range(_FLIPS if body else 0):
        at = number * _STRIDE % len(body)
        yield body[:at] + bytes([body[at] ^ 1 << number % 8]) + body[at + 1 :]
    for number, put in enumerate(_PUT):
        for start, end in _values(body, number):
            yield body[:start] + put + body[end:]


def _values(body: bytes, number: int) -> Iterator[tuple[int, int]]:
    """Some places between separators, others for each number."""
    edges = [at for at, byte in enumerate(body) if byte in b",:|[]{}\n"]
    spans = [(a + 1, b) for a, b in pairwise(edges) if b > a + 1]
    yield from spans[number :: max(1, len(spans) // 6)][:7]
