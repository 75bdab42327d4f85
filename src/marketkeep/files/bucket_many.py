"""
What is asked of many objects of a bucket at once: listing them and removing them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from marketkeep.files.bucket_errors import not_offered, trouble
from marketkeep.files.bucket_options import Options
from marketkeep.files.bucket_place import make_store

_AT_ONCE = 1000


class Many:
    """Lists and removes what is under the `prefix` of a bucket that `store` is the client of."""

    def __init__(self, bucket: str, prefix: str, options: Options, store: S3Store) -> None:
        self._bucket, self._prefix, self._options, self._store = bucket, prefix, options, store
        self._bulk = True

    def facts(self, prefix: str) -> dict[str, tuple[int, str]]:
        """By key that begins with a prefix, sorted: size and ETag (without quotes); no names that begin with a dot."""
        folder = prefix.rpartition("/")[0]
        try:
            found = [item for part in obstore.list(self._store, folder, chunk_size=_AT_ONCE) for item in part]
        except (BaseError, FileNotFoundError) as error:
            raise trouble("list", self._name(prefix), error) from None
        told = {one["path"]: (one["size"], (one["e_tag"] or "").strip('"')) for one in found}
        visible = (key for key in told if not PurePosixPath(key).name.startswith("."))
        return {key: told[key] for key in sorted(visible) if key.startswith(prefix)}

    def remove(self, keys: Sequence[str]) -> None:
        """Remove objects; one that is not there is left at that."""
        for begin in range(0, len(keys), _AT_ONCE):
            self._remove(list(keys[begin : begin + _AT_ONCE]))

    def _remove(self, names: list[str]) -> None:
        try:
            if len(names) > 1 and self._bulk:
                try:
                    # A server that does not know it says so at once; the client takes that for a passing fault.
                    obstore.delete(self._store_with(retries=0), names)
                    return
                except BaseError as error:
                    self._bulk = not not_offered(error)
            obstore.delete(self._store_with(bulk=self._bulk and len(names) > 1), names)
        except BaseError as error:
            raise trouble("remove", self._name(names[0]), error) from None

    def _store_with(self, *, bulk: bool = True, retries: int | None = None) -> S3Store:
        """A client that removes many objects in one request, or each in its own."""
        options = self._options if retries is None else replace(self._options, retries=retries)
        return make_store(self._bucket, self._prefix, options, bulk=bulk)

    def _name(self, key: str) -> str:
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/") + f"/{key}"
