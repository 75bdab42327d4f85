"""
Reading objects through the copies on this machine.

A copy known to be the version asked for costs no request. Any other is asked for with its ETag, and kept when the
server has the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

import obstore
from obstore.exceptions import BaseError, NotModifiedError
from obstore.store import S3Store

from marketkeep.errors import StoreError
from marketkeep.files.bucket_errors import absent, no_bucket, trouble
from marketkeep.files.cache import Cache, Entry, token_of

if TYPE_CHECKING:
    from obstore import GetResult

_LARGE = 16 * 2**20
_PART = 4 * 2**20

Got = TypeVar("Got")


class Reads:
    """Reads of the objects under `place`, of which `identity` tells whose they are when many places share a cache."""

    def __init__(self, store: S3Store, cache: Cache, place: str, identity: str) -> None:
        self._store, self._cache, self._place, self._identity = store, cache, place, identity

    def data(self, key: str, version: str | None) -> bytes:
        """The bytes of one object. Raises `FileNotFoundError` and `StoreError`."""

        def keep(found: GetResult, name: str, token: str) -> bytes:
            data = bytes(found.bytes())
            self._cache.keep(name, data, found.meta["e_tag"] or "", token)
            return data

        return self._through(key, version, self._cache.read, keep)

    def path(self, key: str, version: str | None) -> Path:
        """A path to a copy of one object's bytes. Raises `FileNotFoundError` and `StoreError`."""
        suffix = PurePosixPath(key).suffix

        def keep(found: GetResult, name: str, token: str) -> Path:
            try:
                return self._cache.keep_held(name, _parts(found), found.meta["e_tag"] or "", token, suffix)
            except OSError as error:
                raise StoreError(
                    f"cannot keep a copy of {self._name(key)} in {self._cache.folder}: {error.strerror or error}. "
                    "Make room there, or set MARKETKEEP_CACHE to another folder."
                ) from error

        return self._through(key, version, lambda entry: self._cache.hold(entry, suffix), keep)

    def parts(self, key: str) -> Iterator[bytes]:
        """The bytes of one object in parts, past the cache. Raises `FileNotFoundError` and `StoreError`."""
        with self._told(key):
            found = obstore.get(self._store, key)
            size = 0
            for part in found.stream(min_chunk_size=_PART):
                size += len(part)
                yield part
        if size != found.meta["size"]:
            raise StoreError(f"cannot read {self._name(key)}: it ended after {size:,} of {found.meta['size']:,} bytes.")

    def _through(
        self,
        key: str,
        version: str | None,
        kept_as: Callable[[Entry], Got | None],
        keep: Callable[[GetResult, str, str], Got],
    ) -> Got:
        """What the cache has of an object, if it still is what is asked for, or else what is there now."""
        name, token = Cache.name_of(f"{self._identity}/{key}"), token_of(version)
        entry = self._cache.look(name)
        kept = kept_as(entry) if entry else None
        with self._told(key):
            if entry is None or kept is None or not entry.etag:
                return keep(obstore.get(self._store, key), name, token)
            if token and entry.token == token:
                return kept
            found = self._changed(key, entry.etag)
            if found is not None:
                return keep(found, name, token)
        self._cache.confirm(entry, token)
        return kept

    @contextmanager
    def _told(self, key: str) -> Iterator[None]:
        """What is met while an object is read, in our words."""
        try:
            yield
        except FileNotFoundError as error:
            if no_bucket(error):
                raise trouble("read", self._name(key), error) from None
            raise absent(self._name(key)) from None
        except BaseError as error:
            raise trouble("read", self._name(key), error) from None

    def _changed(self, key: str, etag: str) -> GetResult | None:
        """What the server has, if it is no longer what has this ETag."""
        try:
            found = obstore.get(self._store, key, options={"if_none_match": etag})
        except NotModifiedError:
            return None
        # A server that does not know the condition answers all the same.
        return None if found.meta["e_tag"] == etag else found

    def _name(self, key: str) -> str:
        return f"{self._place}/{key}"


def _parts(found: GetResult) -> Iterator[bytes]:
    """What came, in parts where it is large."""
    if found.meta["size"] <= _LARGE:
        yield bytes(found.bytes())
    else:
        yield from found.stream(min_chunk_size=_LARGE)
