"""
What a client may be told: how long, how often, how much, and which keys it adds to a source's requests.

Values only. Nothing here reads the environment; the faces do and hand these down.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from html import escape
from urllib.parse import quote, quote_plus

from marketkeep.errors import BadSetting
from marketkeep.model.redact import REDACTED

_SHORTEST_SECRET = 4


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """
    Bounds of one request: seconds are wall time, bytes are counted after content encoding is undone.

    `timeout_seconds` bounds one attempt from sending to the last byte. `attempts` counts the first one.
    `retry_after_max` caps what a server may ask us to wait.
    """

    timeout_seconds: float = 30.0
    connect_seconds: float = 10.0
    attempts: int = 4
    max_bytes: int = 64 * 1024 * 1024
    wait_initial: float = 0.5
    wait_max: float = 30.0
    retry_after_max: float = 120.0
    user_agent: str = "marketkeep"

    def __post_init__(self) -> None:
        for name in ("timeout_seconds", "connect_seconds", "attempts", "max_bytes"):
            if getattr(self, name) <= 0:
                raise BadSetting(f"{name} is {getattr(self, name)}; give a number above 0.")
        for name in ("wait_initial", "wait_max", "retry_after_max"):
            if getattr(self, name) < 0:
                raise BadSetting(f"{name} is {getattr(self, name)}; give 0 or more.")


def _written(value: str) -> set[bytes]:
    """A text as it stands in addresses, JSON, HTML and base64."""
    plain = value.encode()
    texts = {value, quote(value), quote(value, safe=""), quote_plus(value), escape(value), escape(value, quote=False)}
    encoded = {json.dumps(value)[1:-1].encode(), json.dumps(value)[1:-1].replace("/", "\\/").encode()}
    coded = {code(plain).rstrip(b"=") for code in (base64.b64encode, base64.urlsafe_b64encode)}
    return {text.encode() for text in texts} | encoded | coded


@dataclass(frozen=True, slots=True)
class Credential:
    """
    A source's key, as headers (preferred) or as query parameters where the vendor takes it nowhere else.

    It is added to what goes over the wire only: never to a request that is recorded, and never printed. `secrets` are
    parts of those values that must not be kept either.
    """

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    params: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def scrub(self, text: bytes) -> bytes:
        """Replace the key where a vendor's answer echoes it, as it is or in a form that text takes on the web."""
        for form in self._forms():
            text = text.replace(form, REDACTED.encode())
        return text

    def _forms(self) -> list[bytes]:
        """Every form of what must not be kept, the longest first: a part replaced would hide the whole."""
        values = {*self.secrets, *(value for _, value in (*self.headers, *self.params))}
        forms = {form for value in values if len(value) >= _SHORTEST_SECRET for form in _written(value)}
        return sorted(forms, key=lambda form: (-len(form), form))
