"""
The one client for all vendors: it owns retries, pace, timeouts, keys and what of an answer is kept.

It does not read a body, follow pages or write anything: a status that repeating cannot change (400, 401, 403, 404, ...)
is an answer like any other, for the source to read. Clock and transports are handed in.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import BinaryIO, Protocol, Self

import stamina

from marketkeep.errors import BadSetting, FetchFailed
from marketkeep.http.pace import Pace, Stopped
from marketkeep.http.settings import Credential, HttpSettings
from marketkeep.http.transport import TOO_LARGE, Answer, Call, HttpxTransport, Transport, TransportFault
from marketkeep.http.yahoo import YahooTransport
from marketkeep.model import QUOTA, Payload, Rate, Request
from marketkeep.model.redact import redact_headers, redact_url

CLOSED = "closed"
_KEPT_HEADERS = frozenset({"content-type", "date", "retry-after", "etag", "last-modified", "link"})
_KEPT_PREFIX = "x-ratelimit-"
_ZIP = b"PK"


class Meter(Protocol):
    """Counts calls, over all threads and runs."""

    def take(self, source: str) -> bool:
        """Count one call to a source; false, and nothing is counted, when it has none left today."""


class Client:
    """
    Fetches requests for any number of threads.

    `transports` maps a source's `transport` to the way it is reached; by default `http` (plain) and `yahoo`.
    `credentials` maps a source's name to its key, `rates` to the pace that holds instead of its own. `gateway` is the
    address that stands before all hosts, `meter` counts every call. Close it, or use it in a `with`.
    """

    def __init__(
        self,
        settings: HttpSettings | None = None,
        *,
        clock: Callable[[], datetime],
        transports: Mapping[str, Transport] | None = None,
        credentials: Mapping[str, Credential] | None = None,
        rates: Mapping[str, Rate] | None = None,
        gateway: str | None = None,
        meter: Meter | None = None,
    ) -> None:
        self._settings = settings or HttpSettings()
        self._clock = clock
        if transports is None:
            transports = {"http": HttpxTransport(self._settings.user_agent), "yahoo": YahooTransport()}
        self._transports = transports
        self._credentials = credentials or {}
        self._rates = rates or {}
        self._gateway = gateway.rstrip("/") if gateway else None
        self._meter = meter
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._paces: dict[str, Pace] = {}
        self._under_way = 0

    def fetch(self, request: Request, rate: Rate, transport: str, sink: BinaryIO | None = None) -> Payload:
        """
        Ask until an answer comes that repeating would not change, at most `attempts` times.

        The body of a 200 goes to `sink` where one is given, an empty file; the payload's own body is empty then.

        Raises `FetchFailed` after the last attempt, at once for what cannot improve (`permanent`), or on `close`.
        """
        if transport not in self._transports:
            raise BadSetting(f"no transport named {transport!r}; there are {', '.join(sorted(self._transports))}.")
        faults: list[str] = []
        with self._counted():
            try:
                self._transports[transport].open()
                pace = self._pace(request.source, rate)
                return self._attempt(request, self._call(request, sink), pace, self._transports[transport], faults)
            except TransportFault as fault:
                permanent = not fault.retry
            except Stopped:
                faults.append(CLOSED)
                permanent = False
        # Raised out here so that no library's exception, whose text may hold a key, hangs on it as its context.
        raise FetchFailed(request.source, redact_url(request.full_url), tuple(faults), permanent=permanent)

    def _attempt(self, request: Request, call: Call, pace: Pace, transport: Transport, faults: list[str]) -> Payload:
        settings = self._settings
        pause = 0.0
        for attempt in stamina.retry_context(
            on=_again,
            attempts=settings.attempts,
            timeout=None,
            wait_initial=settings.wait_initial,
            wait_max=settings.wait_max,
            wait_jitter=0,
        ):
            with attempt:
                pace.enter(pause)
                if call.sink is not None:
                    call.sink.seek(0)
                    call.sink.truncate()
                try:
                    self._count(request.source)
                    answer = transport.send(call)
                    if call.sink is not None and request.source in self._credentials:
                        self._scrub_page(self._credentials[request.source], call.sink)
                    return self._payload(request.source, answer, faults)
                except TransportFault as fault:
                    faults.append(fault.code)
                    pause = self._pause(fault, attempt.next_wait, pace)
                    raise
        raise AssertionError("stamina re-raises after the last attempt")

    def _count(self, source: str) -> None:
        if self._meter is not None and not self._meter.take(source):
            raise TransportFault(QUOTA, retry=False)

    def _call(self, request: Request, sink: BinaryIO | None) -> Call:
        key = self._credentials.get(request.source, Credential())
        return Call(
            self._address(request.url),
            (*request.params, *key.params),
            key.headers,
            self._settings.timeout_seconds,
            self._settings.connect_seconds,
            self._settings.max_bytes,
            sink,
        )

    def _address(self, url: str) -> str:
        return url if self._gateway is None else f"{self._gateway}/{url.partition('://')[2]}"

    def _payload(self, source: str, answer: Answer, faults: list[str]) -> Payload:
        now = self._clock()
        if answer.status == 429 or answer.status >= 500:
            raise TransportFault(f"http_{answer.status}", retry_after=_retry_after(answer.headers, now))
        key = self._credentials.get(source, Credential())
        kept = [(k.lower(), key.scrub(v.encode()).decode()) for k, v in answer.headers if _keep(k.lower())]
        return Payload(answer.status, tuple(redact_headers(kept)), key.scrub(answer.body), now, tuple(faults))

    def _scrub_page(self, key: Credential, sink: BinaryIO) -> None:
        """Scrub what came where a zip was asked for and is none: a page, which may repeat what it was asked with."""
        sink.seek(0)
        head = sink.read(len(_ZIP))
        if head == _ZIP:
            return
        body = head + sink.read(self._settings.max_bytes)
        if len(body) > self._settings.max_bytes:
            raise TransportFault(TOO_LARGE, retry=False)
        sink.seek(0)
        sink.truncate()
        sink.write(key.scrub(body))

    def _pause(self, fault: TransportFault, backoff: float, pace: Pace) -> float:
        """How long this thread waits before its next attempt; what the server asked for holds all of its threads."""
        if fault.retry_after is None or stamina.is_testing():
            return backoff * random.uniform(1.0, 1.5)
        pace.hold(min(fault.retry_after, self._settings.retry_after_max))
        return 0.0

    def _pace(self, source: str, declared: Rate) -> Pace:
        rate = self._rates.get(source, declared)
        with self._lock:
            if source not in self._paces or self._paces[source].rate != rate:
                self._paces[source] = Pace(rate, self._stop)
            return self._paces[source]

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1
                last = self._stop.is_set() and not self._under_way
            if last:
                self._hang_up()

    def close(self) -> None:
        """
        Wake every thread that waits, with `FetchFailed`; an attempt under way ends at its own timeout at the latest.

        Connections are given back by whoever leaves last, because a transport must not close under a running call.
        """
        with self._lock:
            self._stop.set()
            idle = not self._under_way
        if idle:
            self._hang_up()

    def _hang_up(self) -> None:
        for transport in self._transports.values():
            transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _again(error: Exception) -> bool | float:
    # Zero, because the wait itself is done by `Pace.enter`, where closing can end it.
    return 0.0 if isinstance(error, TransportFault) and error.retry else False


def _keep(name: str) -> bool:
    return name in _KEPT_HEADERS or name.startswith(_KEPT_PREFIX)


def _retry_after(headers: tuple[tuple[str, str], ...], now: datetime) -> float | None:
    """Seconds that `Retry-After` asks for in either of its forms; a date is measured by the server's own clock."""
    fields = {name.lower(): value.strip() for name, value in headers}
    if (text := fields.get("retry-after")) is None:
        return None
    if text.isdecimal():
        return float(text)
    if (until := _http_date(text)) is None:
        return None
    return max(0.0, (until - (_http_date(fields.get("date", "")) or now)).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
