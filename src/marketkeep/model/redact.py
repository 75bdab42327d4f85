"""
Taking secrets out of addresses and headers before they are kept or logged.

Names decide: the value of a parameter or header that is called like a secret becomes `REDACTED`, all else stays as it
was, to the character. Bodies are not looked into.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote

REDACTED = "REDACTED"

Pairs = tuple[tuple[str, str], ...]

# Names are compared in lower case without their punctuation. `page_token` and its like are no secrets.
_SECRET = re.compile(
    r"x?(?:"
    r"key|token|crumb|auth|(?:proxy)?authorization|(?:set)?cookie2?|passwd|pwd|sig|session(?:id)?|appid"
    r"|(?:amz)?(?:signature|credentials?)"
    r"|.*(?:secret|password)"
    r"|.*(?:access|api|auth|license|registration|secret|subscription|user)key(?:id)?"
    r"|.*(?:access|api|auth|csrf|id|refresh|security|session)token"
    r")"
)
_PARAMETER = re.compile(r"([?&;#])([^=&;#?\s]+)=([^&#\s]*)")
_USER_INFO = re.compile(r"(?<=://)[^/?#@\s]+(?=@)")


def is_secret(name: str) -> bool:
    """Whether a parameter or header of this name holds a secret."""
    return _SECRET.fullmatch(re.sub(r"[^0-9A-Za-z]", "", name).lower()) is not None


def redact_url(url: str) -> str:
    """
    The address with the values of secret parameters and any user and password replaced by `REDACTED`.

    Addresses inside parameters, and several in a longer text, are treated too.
    """
    return _PARAMETER.sub(_redact_parameter, _USER_INFO.sub(REDACTED, url))


def redact_params(params: Iterable[tuple[str, str]]) -> Pairs:
    """Query parameters by name and value, secrets replaced."""
    return tuple((name, REDACTED if is_secret(name) else redact_url(value)) for name, value in params)


def redact_headers(headers: Iterable[tuple[str, str]]) -> Pairs:
    """HTTP headers with secrets replaced: credentials and cookies, and keys in the addresses that others hold."""
    return redact_params(headers)


def _redact_parameter(match: re.Match[str]) -> str:
    separator, name, value = match.groups()
    if is_secret(unquote(name)):
        return f"{separator}{name}={REDACTED}"
    redacted, plain = redact_url(value), unquote(value)
    if redacted == value and plain != value and (inner := redact_url(plain)) != plain:
        redacted = quote(inner, safe="")
    return f"{separator}{name}={redacted}"
