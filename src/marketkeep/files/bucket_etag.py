"""What an ETag tells of the bytes of an object, without fetching them."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable

PART_BYTES = 16 * 2**20
"""The size of the parts of an object that we store in parts."""
WHOLE_BYTES = 64 * 2**20
"""Up to this size an object is stored in one piece: then its ETag is its MD5, unless the server encrypts by KMS."""


def is_of(etag: str, parts: Iterable[bytes]) -> bool:
    """
    Whether an ETag (without quotes) is known to be that of these bytes, in whatever parts they come; False where it
    cannot be told.
    """
    size = PART_BYTES if "-" in etag else sys.maxsize
    digests, digest, room = [], _md5(), size
    for part in parts:
        rest = memoryview(part)
        while rest:
            some, rest = rest[:room], rest[room:]
            digest.update(some)
            room -= len(some)
            if not room:
                digests.append(digest.digest())
                digest, room = _md5(), size
    if size == sys.maxsize:
        return etag == digest.hexdigest()
    if room < size:
        digests.append(digest.digest())
    return etag == f"{_md5(b''.join(digests)).hexdigest()}-{len(digests)}"


def _md5(data: bytes = b"") -> hashlib._Hash:
    return hashlib.md5(data, usedforsecurity=False)
