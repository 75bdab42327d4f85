"""
The seam to the network: one call in, one answer or one named fault out. Tests put their own transport behind it.

A transport makes exactly one attempt. It does not retry, wait, log or judge a status: the client does.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

import httpx

CONNECT, TIMEOUT, CUT, TOO_LARGE, BAD_URL = "connect", "timeout", "cut", "too_large", "bad_url"


@dataclass(frozen=True, slots=True)
class Call:
    """
    One attempt: `params` and `headers` may hold keys, so neither is printed.

    The body of a 200 goes to `sink` where there is one, a file at its beginning. Then neither `max_bytes` nor
    `timeout_seconds` bound the whole: the timeout is that between two pieces.
    """

    url: str
    params: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    timeout_seconds: float = 30.0
    connect_seconds: float = 10.0
    max_bytes: int = 64 * 1024 * 1024
    sink: BinaryIO | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over the wire, content encoding undone; header names in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)


class TransportFault(Exception):
    """
    An attempt that brought no usable answer.

    Its text is the code alone: addresses and the library's own words may hold keys.
    """

    def __init__(self, code: str, *, retry: bool = True, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.code, self.retry, self.retry_after = code, retry, retry_after


class Transport(Protocol):
    """One way to reach a vendor; used by many threads at once."""

    def open(self) -> None:
        """Get ready, as often as it is told: what takes its time now does not come between a turn and its call."""

    def send(self, call: Call) -> Answer:
        """Make one attempt. Raises `TransportFault`."""

    def close(self) -> None:
        """Give connections back; no call follows."""


class _HideQuery(logging.Filter):
    """httpx logs every address at INFO, and some vendors take their key in the query."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(a.copy_with(query=None) if isinstance(a, httpx.URL) else a for a in record.args)
        return True


class _HideHeaders(logging.Filter):
    """httpcore logs an answer's headers at DEBUG, and a vendor may repeat the key in one or redirect to it."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "response_headers" not in str(record.msg)


_HIDE_QUERY, _HIDE_HEADERS = _HideQuery(), _HideHeaders()


class HttpxTransport:
    """Plain HTTP through one pool of connections."""

    def __init__(self, user_agent: str = "marketkeep") -> None:
        logging.getLogger("httpx").addFilter(_HIDE_QUERY)
        for name in ("httpcore.http11", "httpcore.http2"):
            logging.getLogger(name).addFilter(_HIDE_HEADERS)
        self._client = httpx.Client(headers={"user-agent": user_agent})

    def open(self) -> None:
        """It is ready."""

    def send(self, call: Call) -> Answer:
        """Make one attempt; see `Transport`."""
        try:
            return self._send(call)
        except httpx.HTTPError as error:
            raise _fault(error) from None
        except httpx.InvalidURL:
            raise TransportFault(BAD_URL, retry=False) from None

    def _send(self, call: Call) -> Answer:
        deadline = time.monotonic() + call.timeout_seconds
        with self._client.stream(
            "GET",
            call.url,
            params=call.params or None,
            headers=list(call.headers),
            timeout=httpx.Timeout(call.timeout_seconds, connect=min(call.connect_seconds, call.timeout_seconds)),
            # A key in a header would follow a redirect to whatever host it names.
            follow_redirects=not call.headers,
        ) as response:
            if call.sink is not None and response.status_code == httpx.codes.OK:
                for chunk in response.iter_bytes():
                    call.sink.write(chunk)
                return Answer(response.status_code, tuple(response.headers.multi_items()), b"")
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > call.max_bytes:
                    raise TransportFault(TOO_LARGE, retry=False)
                # The library's timeout starts anew with every chunk; a server that drips would hold us for ever.
                if time.monotonic() > deadline:
                    raise TransportFault(TIMEOUT)
            return Answer(response.status_code, tuple(response.headers.multi_items()), bytes(body))

    def close(self) -> None:
        """Give connections back."""
        self._client.close()


def _fault(error: httpx.HTTPError) -> TransportFault:
    match error:
        case httpx.TimeoutException():
            return TransportFault(TIMEOUT)
        case httpx.ConnectError() | httpx.ProxyError():
            return TransportFault(CONNECT)
        case httpx.UnsupportedProtocol() | httpx.LocalProtocolError() | httpx.TooManyRedirects():
            return TransportFault(BAD_URL, retry=False)
        case _:
            return TransportFault(CUT)
