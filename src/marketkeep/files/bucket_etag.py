"""What an ETag tells of the bytes of an object, without fetching them."""

from __future__ import annotations

import hashlib

PART_BYTES = 16 * 2**20
"""The size of the parts of an object that we store in parts."""
WHOLE_BYTES = 64 * 2**20
"""Up to this size an object is stored in one piece: then its ETag is its MD5, unless the server encrypts by KMS."""


def is_of(etag: str, data: bytes) -> bool:
    """Whether an ETag (without quotes) is known to be that of these bytes; False where it cannot be told."""
    if "-" not in etag:
        return etag == _md5(data).hexdigest()
    parts = [_md5(data[begin : begin + PART_BYTES]).digest() for begin in range(0, len(data), PART_BYTES)]
    return etag == f"{_md5(b''.join(parts)).hexdigest()}-{len(parts)}"


def _md5(data: bytes) -> hashlib._Hash:
    return hashlib.md5(data, usedforsecurity=False)
