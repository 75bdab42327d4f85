"""
The files of a keep under a prefix of an S3 bucket.

Reading goes through a cache on this machine (`Cache`): what is there under the version asked for costs no request,
what is there without one is asked for again only if its ETag has changed. No read ever lists. One object is one PUT, so
readers see the old bytes or the new. Whoever replaces a pointer holds the lease (`BucketLease`).
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Lock

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from marketkeep.errors import StoreError
from marketkeep.files.bucket_errors import absent, trouble
from marketkeep.files.bucket_etag import PART_BYTES, WHOLE_BYTES
from marketkeep.files.bucket_many import Many
from marketkeep.files.bucket_options import Options
from marketkeep.files.bucket_place import endpoint, make_store, split_url
from marketkeep.files.bucket_reads import Reads
from marketkeep.files.bucket_writes import Writes
from marketkeep.files.cache import cache_at
from marketkeep.files.lease import BucketLease
from marketkeep.files.protocol import Versions

_AHEAD_BYTES = 256 * 2**20
_FRESH_SIZE = 64 * 2**10
_FRESH = 1000
_PARTS_AT_ONCE = 4


class Bucket:
    """See `Files`. `url` is s3://bucket/prefix; nothing is asked of the server before something is read or written."""

    def __init__(self, url: str, options: Options | None = None) -> None:
        self.options = options or Options.from_environment()
        self._bucket, self._prefix = split_url(url)
        self._endpoint = endpoint() or ""
        self._store: S3Store = make_store(self._bucket, self._prefix, self.options)
        cache = cache_at(self.options.cache_folder / "objects", self.options.cache_bytes)
        self._reads = Reads(self._store, cache, self.place, self._identity)
        self._lease: BucketLease | None = None
        self._fresh: dict[str, tuple[float, bytes | None]] = {}
        self._fresh_lock = Lock()
        self._changes = 0
        self.many = Many(self._bucket, self._prefix, self.options, self._store)

    def __reduce__(self) -> tuple[type[Bucket], tuple[str, Options]]:
        """Another process makes its own client, from its own environment."""
        return Bucket, (self.place, self.options)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bucket) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    def __repr__(self) -> str:
        return f"Bucket({self.place!r})"

    @property
    def place(self) -> str:
        """See `Files`."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    @property
    def scratch(self) -> Path:
        """See `Files`: beside the cache, one for each keep."""
        digest = hashlib.sha256(self._identity.encode()).hexdigest()[:16]
        return self.options.cache_folder / "scratch" / f"{self._bucket}-{digest}"

    def name(self, key: str) -> str:
        """See `Files`."""
        return f"{self.place}/{key}"

    def read(self, key: str, version: str | None = None) -> bytes:
        """See `Files`. Without a version, what was read within the last `fresh_seconds` is not asked for again."""
        fresh = version is None and self._lease is None
        data = self._read_fresh(key) if fresh else self._fetch(key, version)
        if data is None:
            raise absent(self.name(key))
        return data

    def stream(self, keys: Sequence[str], versions: Versions | None = None) -> Iterator[tuple[str, bytes | None]]:
        """See `Files`. As many are ahead as there may be requests, or less, where files are large."""
        told = versions or {}
        ahead: deque[tuple[str, Future[bytes | None]]] = deque()
        waiting = iter(keys)
        room, seen, done = min(32, self.options.in_flight), 0, 0
        try:
            while True:
                while len(ahead) < room and (key := next(waiting, None)) is not None:
                    ahead.append((key, self._pool.submit(self._fetch, key, told.get(key))))
                if not ahead:
                    return
                key, future = ahead.popleft()
                data = future.result()
                seen, done = seen + len(data or b""), done + 1
                room = max(4, min(2 * self.options.in_flight, _AHEAD_BYTES * done // max(seen, 1)))
                yield key, data
        finally:
            for _, future in ahead:
                future.cancel()

    def parts(self, key: str) -> Iterator[bytes]:
        """See `Files`. Nothing of it is kept in the cache."""
        self._writes.settle(key)
        return self._reads.parts(key)

    def local(self, keys: Sequence[str], versions: Versions | None = None) -> list[Path]:
        """See `Files`: copies in the cache, which stay while this process uses them."""
        told = versions or {}
        under_way = [self._pool.submit(self._fetch_path, key, told.get(key)) for key in keys]
        try:
            return [future.result() for future in under_way]
        finally:
            for future in under_way:
                future.cancel()

    def exists(self, key: str) -> bool:
        """See `Files`."""
        if self._writes.pending(key) is not None:
            return True
        try:
            obstore.head(self._store, key)
        except FileNotFoundError:
            return False
        except BaseError as error:
            raise trouble("look for", self.name(key), error) from None
        return True

    def write(self, key: str, data: bytes, *, durable: bool = False) -> None:
        """See `Files`. A writer that has lost the lease is told so and writes nothing more."""
        self._assure()
        future = self._writes.add(key, data)
        if durable:
            try:
                future.result()
            except StoreError as error:
                self._writes.forgive(error)
                raise

    def adopt(self, key: str, path: Path) -> None:
        """See `Files`. What is small is stored beside others; what is large is stored when this returns."""
        if path.stat().st_size <= WHOLE_BYTES:
            self.write(key, path.read_bytes())
        else:
            self._assure()
            self._writes.settle(key)
            self._put(key, path)
        path.unlink()

    def flush(self) -> None:
        """See `Files`."""
        self._writes.flush()

    def replace(self, key: str, data: bytes, *, over: bytes | None) -> None:
        """See `Files`. What was written before is stored before; who has lost the lease changes nothing."""
        self.flush()
        if self._lease is not None:
            self._lease.guard(key)
        try:
            self._replace(key, data, over)
        except (AlreadyExistsError, PreconditionError):
            # A PUT whose answer was lost is sent again, and then meets itself.
            if self._fetch(key, None) != data:
                raise StoreError(
                    f"{self.name(key)} was replaced by another writer; nothing was changed. Run again."
                ) from None
        except (BaseError, FileNotFoundError) as error:
            raise trouble("write", self.name(key), error) from None
        finally:
            self._forget(key)

    def remove(self, keys: Iterable[str]) -> None:
        """See `Files`."""
        names = list(keys)
        for key in names:
            self._writes.settle(key)
        self.many.remove(names)
        for key in names:
            self._forget(key)

    def keys(self, prefix: str) -> list[str]:
        """See `Files`. Names that begin with a dot (the lease) are not among them."""
        self.flush()
        return list(self.many.facts(prefix))

    @contextmanager
    def lease(self, purpose: str) -> Iterator[None]:
        """See `Files` and `BucketLease`."""
        lease = BucketLease(self._store, self.place, self.options.lease_seconds, purpose)
        with lease.held():
            self._lease = lease
            try:
                yield
            finally:
                self._lease = None

    @property
    def _identity(self) -> str:
        return f"{self._endpoint} {self.place}"

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        """Threads wait for the client, which does its work without Python's lock; none is begun before it is needed."""
        return ThreadPoolExecutor(self.options.in_flight, "bucket")

    @cached_property
    def _writes(self) -> Writes:
        return Writes(self._pool, self._put)

    def _assure(self) -> None:
        if self._lease is not None:
            self._lease.assure()

    def _put(self, key: str, data: bytes | Path) -> None:
        size = data.stat().st_size if isinstance(data, Path) else len(data)
        try:
            # In one piece where it may be: then its ETag is its MD5.
            obstore.put(
                self._store,
                key,
                data,
                use_multipart=size > WHOLE_BYTES,
                chunk_size=PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )
        except (BaseError, FileNotFoundError) as error:
            raise trouble("write", self.name(key), error) from None
        self._forget(key)

    def _forget(self, key: str) -> None:
        """What was read before a change is not fresh after it."""
        with self._fresh_lock:
            self._changes += 1
            self._fresh.pop(key, None)

    def _replace(self, key: str, data: bytes, over: bytes | None) -> None:
        if over is None:
            obstore.put(self._store, key, data, mode="create")
            return
        try:
            found = obstore.get(self._store, key)
            same = bytes(found.bytes()) == over
        except FileNotFoundError:
            same = False
        if not same:
            raise PreconditionError("it is not what it was")
        obstore.put(self._store, key, data, mode={"e_tag": found.meta["e_tag"]})

    def _read_fresh(self, key: str) -> bytes | None:
        now = time.monotonic()
        with self._fresh_lock:
            known, changes = self._fresh.get(key), self._changes
        if known is not None and now - known[0] < self.options.fresh_seconds and self._writes.pending(key) is None:
            return known[1]
        data = self._fetch(key, None)
        if self.options.fresh_seconds and len(data or b"") <= _FRESH_SIZE:
            with self._fresh_lock:
                if len(self._fresh) > _FRESH:
                    self._fresh.clear()
                if self._changes == changes:
                    # The time from before it was asked: so old it may be.
                    self._fresh[key] = (now, data)
        return data

    def _fetch(self, key: str, version: str | None) -> bytes | None:
        """The bytes of one object, None where there is none; what is being written is seen."""
        written = self._writes.pending(key)
        if written is not None:
            return written
        try:
            return self._reads.data(key, version)
        except FileNotFoundError:
            return None

    def _fetch_path(self, key: str, version: str | None) -> Path:
        self._writes.settle(key)
        return self._reads.path(key, version)
