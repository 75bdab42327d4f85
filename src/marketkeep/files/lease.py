"""
The one writer's lease of a keep in a bucket: an object that says who holds it, changed only by conditional PUTs.

The holder renews it from a thread of its own. Who finds it not renewed for longer than its holder said, by the
server's clock, takes it over. What the old holder might still be about to replace is then stamped (one more newline at
the end of the pointer), so that its conditional PUT fails even if it slept through all of this. A server that does not
keep such conditions is found out before anything is written.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event, RLock, Thread
from uuid import uuid4

import obstore
import orjson
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from marketkeep.errors import LeaseHeld, StoreError
from marketkeep.files.bucket_errors import trouble

KEY = ".lease"
_CLOCK = ".lease-clock"
_NO_TAG = '"00000000000000000000000000000000"'
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class _Told:
    """What the lease's object says."""

    holder: str
    seconds: float
    token: str
    count: int = 0
    held: bool = True
    guarded: tuple[str, ...] = ()

    def data(self) -> bytes:
        return orjson.dumps(self, option=orjson.OPT_INDENT_2) + b"\n"

    @classmethod
    def read(cls, data: bytes) -> _Told:
        """What an object says; one that cannot be read is somebody's whom we do not know."""
        try:
            told = orjson.loads(data)
            return cls(
                holder=str(told["holder"]),
                seconds=float(told["seconds"]),
                token=str(told["token"]),
                held=bool(told["held"]),
                guarded=tuple(str(key) for key in told["guarded"]),
            )
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return cls(holder="another process", seconds=60.0, token="")


class BucketLease:
    """The lease of the keep at `place`, for `purpose`, taken for lost `seconds` after it was last renewed."""

    def __init__(self, store: S3Store, place: str, seconds: float, purpose: str) -> None:
        self._store, self._place = store, place
        holder = f"process {os.getpid()} on {socket.gethostname()} ({purpose})"
        self._told = _Told(holder, seconds, uuid4().hex)
        self._tag: str | None = None
        self._renewed = 0.0
        self._lost = False
        self._lock = RLock()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it while the block runs. Raises `LeaseHeld`, or `StoreError` when it cannot be had or trusted."""
        self._take()
        ended = Event()
        renewing = Thread(target=self._keep_renewing, args=(ended,), name="lease", daemon=True)
        renewing.start()
        try:
            yield
        finally:
            ended.set()
            renewing.join()
            self._release()

    def assure(self) -> None:
        """Raise `StoreError` when it is no longer ours, as far as is known here: no request is made."""
        late = time.monotonic() - self._renewed > self._told.seconds * 2 / 3
        if self._lost or late:
            raise StoreError(
                f"the lease of {self._place} was lost: it was not renewed in time and another writer may hold it. "
                "Nothing more was published; run again."
            )

    def guard(self, key: str) -> None:
        """Renew it now, saying that `key` is about to be replaced. Raises `StoreError` when it is no longer ours."""
        with self._lock:
            self.assure()
            guarded = tuple(sorted({*self._told.guarded, key}))
            self._told = replace(self._told, guarded=guarded)
            try:
                self._renew()
            except (BaseError, FileNotFoundError) as error:
                raise trouble("renew the lease of", self._place, error) from None
            self.assure()

    def _take(self) -> None:
        try:
            for _ in range(_ATTEMPTS):
                if self._try_to_take():
                    self._prove_conditions()
                    return
        except (BaseError, FileNotFoundError) as error:
            raise trouble("take the lease of", self._place, error) from None
        raise LeaseHeld(self._place, "another process")

    def _try_to_take(self) -> bool:
        """Whether it is ours now; False when somebody came between, so that it is to be looked at again."""
        begun = time.monotonic()
        found = self._look()
        try:
            if found is None:
                put = obstore.put(self._store, KEY, self._told.data(), mode="create")
            else:
                tag, told, renewed = found
                if told.held and (self._now() - renewed).total_seconds() <= told.seconds + 1:
                    raise LeaseHeld(self._place, told.holder)
                put = obstore.put(self._store, KEY, self._told.data(), mode={"e_tag": tag})
        except (AlreadyExistsError, PreconditionError):
            # Ours may be the one that is there: a PUT whose answer was lost is sent again, and then meets itself.
            again = self._look()
            if again is None or again[1].token != self._told.token:
                return False
            self._tag, self._renewed = again[0], begun
        else:
            self._tag, self._renewed = put["e_tag"], begun
        if found is not None and found[1].held:
            self._stamp(found[1].guarded)
        return True

    def _look(self) -> tuple[str | None, _Told, datetime] | None:
        try:
            found = obstore.get(self._store, KEY)
        except FileNotFoundError:
            return None
        return found.meta["e_tag"], _Told.read(bytes(found.bytes())), found.meta["last_modified"]

    def _now(self) -> datetime:
        """The server's clock: when it says that it stored something just now."""
        obstore.put(self._store, _CLOCK, uuid4().hex.encode())
        return obstore.head(self._store, _CLOCK)["last_modified"]

    def _stamp(self, keys: tuple[str, ...]) -> None:
        """Change the tag, and nothing else, of what a holder taken for dead might still replace."""
        for key in keys:
            for _ in range(_ATTEMPTS):
                with suppress(PreconditionError, FileNotFoundError):
                    found = obstore.get(self._store, key)
                    stamped = bytes(found.bytes()) + b"\n"
                    obstore.put(self._store, key, stamped, mode={"e_tag": found.meta["e_tag"]})
                    break

    def _prove_conditions(self) -> None:
        """Find out whether the server keeps conditions: one that ignores them lets two writers at it."""
        proofs = 0
        with suppress(AlreadyExistsError):
            obstore.put(self._store, KEY, self._told.data(), mode="create")
            proofs += 1
        with suppress(PreconditionError):
            obstore.put(self._store, KEY, self._told.data(), mode={"e_tag": _NO_TAG})
            proofs += 1
        if proofs:
            self._release()
            raise StoreError(
                f"the server of {self._place} ignores the conditions of a PUT (If-None-Match, If-Match), so two "
                "writers could not be kept apart. Use one that keeps them, as AWS S3, MinIO or Cloudflare R2 do."
            )

    def _keep_renewing(self, ended: Event) -> None:
        while not ended.wait(self._told.seconds / 4) and not self._lost:
            # What could not be renewed is tried again until it counts as lost.
            with suppress(BaseError, FileNotFoundError):
                self._renew()

    def _renew(self) -> None:
        with self._lock:
            begun = time.monotonic()
            self._told = replace(self._told, count=self._told.count + 1)
            try:
                put = obstore.put(self._store, KEY, self._told.data(), mode={"e_tag": self._tag})
                self._tag, self._renewed = put["e_tag"], begun
            except PreconditionError:
                found = self._look()
                self._lost = found is None or found[1].token != self._told.token
                if found is not None and not self._lost:
                    self._tag, self._renewed = found[0], begun

    def _release(self) -> None:
        with self._lock, suppress(BaseError, FileNotFoundError):
            if not self._lost:
                self._told = replace(self._told, held=False, guarded=())
                obstore.put(self._store, KEY, self._told.data(), mode={"e_tag": self._tag})
