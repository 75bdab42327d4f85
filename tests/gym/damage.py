"""
Bodies spoilt on the way: cut short, or unreadable for the form they have, while HTTP itself goes well.

It knows forms (JSON, zip, XML, HTML, text of separated fields), not vendors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gym.wire import Reply

_SEPARATORS = (b"|", b",", b"\t", b";")


def truncated(reply: Reply) -> Reply:
    """The first two thirds; of separated fields so that the last line is without its last ones."""
    body, at = reply.body, len(reply.body) * 2 // 3
    if _form(reply) == "text":
        start = body.rfind(b"\n", 0, at) + 1
        ends = [found for mark in _SEPARATORS if (found := body.find(mark, start)) > start]
        at = min(ends, default=at)
    return replace(reply, body=body[:at])


def malformed(reply: Reply) -> Reply:
    """As long as before, and no reader of the form can make anything of it."""
    return replace(reply, body=_SPOIL[_form(reply)](reply.body))


def _json(body: bytes) -> bytes:
    for mark, broken in ((b":[", b"=["), (b'":', b'"=')):
        if mark in body:
            return body.replace(mark, broken, 1)
    return body[:1] + b"=" + body[1:]


def _packed(body: bytes) -> bytes:
    # Readers of a stream start with the first member's head, others with the directory at the end.
    at = body.rfind(b"PK\x05\x06")
    spoilt = body if at < 0 else body[:at] + b"XX" + body[at + 2 :]
    return b"XX" + spoilt[2:]


def _text(body: bytes) -> bytes:
    for mark in _SEPARATORS:
        body = body.replace(mark, b"\xff")
    return body or b"\xff"


_SPOIL: dict[str, Callable[[bytes], bytes]] = {
    "json": _json,
    "packed": _packed,
    "xml": lambda body: body.replace(b"</", b"<=", 1),
    "html": lambda body: body.replace(b"<t", b"<="),
    "text": _text,
}


def _form(reply: Reply) -> str:
    start = reply.body[:500].lstrip()
    if start[:2] in (b"PK", b"\x1f\x8b"):
        return "packed"
    if start[:1] in (b"{", b"["):
        return "json"
    if start[:5] == b"<?xml" or "xml" in reply.content_type:
        return "xml"
    return "html" if start[:1] == b"<" else "text"
