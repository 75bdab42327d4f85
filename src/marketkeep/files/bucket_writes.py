"""
Writes to a bucket that are under way: begun at once, many beside each other, waited for at a flush.

Two of the same key are stored in the order they were made. What waits to be stored is bounded in bytes, so a writer
that is faster than the line waits instead of filling the memory.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Condition

from marketkeep.errors import StoreError

_MOST_BYTES = 256 * 2**20
_MOST = 4096


class Writes:
    """The writes of one bucket; `put` stores one object and raises `StoreError`."""

    def __init__(self, pool: ThreadPoolExecutor, put: Callable[[str, bytes], None]) -> None:
        self._pool, self._put = pool, put
        self._changed = Condition()
        self._under_way: dict[str, tuple[Future[None], bytes]] = {}
        self._bytes, self._count = 0, 0
        self._failed: StoreError | None = None

    def add(self, key: str, data: bytes) -> Future[None]:
        """Begin to store one object. Raises the `StoreError` that an earlier one met."""
        with self._changed:
            self._raise_failed()
            while self._count and (self._bytes + len(data) > _MOST_BYTES or self._count >= _MOST):
                self._changed.wait()
            self._raise_failed()
            before = self._under_way.get(key)
            self._bytes, self._count = self._bytes + len(data), self._count + 1
            future = self._pool.submit(self._store, key, data, before[0] if before else None)
            self._under_way[key] = (future, data)
        future.add_done_callback(lambda done: self._done(key, done, len(data)))
        return future

    def pending(self, key: str) -> bytes | None:
        """The bytes last written to a key, while they are under way."""
        with self._changed:
            found = self._under_way.get(key)
            return found[1] if found else None

    def settle(self, key: str) -> None:
        """Wait until nothing is under way for a key, whatever came of it."""
        with self._changed:
            found = self._under_way.get(key)
        if found:
            wait([found[0]])

    def flush(self) -> None:
        """Wait for all that is under way. Raises the first `StoreError` met since the last flush, once."""
        with self._changed:
            self._changed.wait_for(lambda: not self._count)
            self._raise_failed()

    def forgive(self, error: StoreError) -> None:
        """The caller has been told of this error itself."""
        with self._changed:
            if self._failed is error:
                self._failed = None

    def _raise_failed(self) -> None:
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed

    def _store(self, key: str, data: bytes, before: Future[None] | None) -> None:
        if before is not None:
            # It was handed to the pool before us, so it is running or done.
            wait([before])
        self._put(key, data)

    def _done(self, key: str, future: Future[None], size: int) -> None:
        with self._changed:
            self._bytes, self._count = self._bytes - size, self._count - 1
            found = self._under_way.get(key)
            if found and found[0] is future:
                del self._under_way[key]
            error = future.exception()
            if isinstance(error, StoreError) and self._failed is None:
                self._failed = error
            self._changed.notify_all()
