"""
What went wrong with a bucket, told in our words.

The library's text names addresses, headers and the server's whole answer, which may hold a key: only its code, its
status and a connection's fault are taken from it.
"""

from __future__ import annotations

import errno
import re

from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

from marketkeep.errors import StoreError
from marketkeep.files.bucket_place import secrets
from marketkeep.model.redact import redact_url

_CODE = re.compile(r"<Code>(\w{1,80})</Code>")
_STATUS = re.compile(r"status code: (\d{3}[ \w]{0,40})")
_KEYS_REFUSED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}


def trouble(doing: str, name: str, error: BaseException) -> StoreError:
    """The error for what was met while `doing` (such as "read") something with `name`."""
    return StoreError(f"cannot {doing} {name}: {cause(error)}.")


def absent(name: str) -> FileNotFoundError:
    """The error for a key that is not there."""
    return FileNotFoundError(errno.ENOENT, "there is no such object", name)


def no_bucket(error: BaseException) -> bool:
    """Whether what is missing is the bucket itself."""
    return "<Code>NoSuchBucket</Code>" in str(error)


def not_offered(error: BaseException) -> bool:
    """Whether the server does not know what was asked of it."""
    text = str(error)
    return "<Code>NotImplemented</Code>" in text or "status code: 501" in text


def cause(error: BaseException) -> str:
    """Why, in a few words without a secret."""
    text = str(error).partition("\n\nDebug source")[0]
    code, status = _CODE.search(text), _STATUS.search(text)
    answered = " ".join(found[1].strip() for found in (status, code) if found)
    refused = isinstance(error, PermissionDeniedError | UnauthenticatedError)
    if refused or (code and code[1] in _KEYS_REFUSED):
        return f"the server refused it ({answered or 'no right to'}); check the AWS keys and what they may do"
    if code and code[1] == "NoSuchBucket":
        return "there is no such bucket; make it first"
    if answered:
        return f"the server answered {answered}"
    return f"the server was not reached ({_brief(text)}); nothing half-written was kept, run again"


def _brief(text: str) -> str:
    """The end of a connection's story, which is where its fault stands."""
    last = text.strip().partition("\n")[0].rpartition(" - ")[2].strip() or "no reason given"
    for secret in secrets():
        last = last.replace(secret, "***")
    return redact_url(last)[:200]
