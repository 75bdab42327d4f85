"""
yfinance's data object on a session of ours that bounds time and size and can point at another server.

Import it late: yfinance brings pandas. Nothing of yfinance's caches touches the disk, and the object is our own, so
that a program that uses yfinance itself keeps its session, cookies and settings.
"""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import urlsplit

from curl_cffi import CurlECode
from curl_cffi.curl import CURL_WRITEFUNC_ERROR
from curl_cffi.requests import Response, Session
from curl_cffi.requests.exceptions import InvalidSchema, InvalidURL, RequestException, TooManyRedirects
from yfinance.data import YfData  # type: ignore[import-untyped]  # yfinance ships no types
from yfinance.exceptions import YFException, YFRateLimitError  # type: ignore[import-untyped]  # as above

from marketkeep.http.transport import BAD_URL, CONNECT, CUT, TIMEOUT, TOO_LARGE, Answer, Call, TransportFault

_HOST = "yahoo.com"
_NOT_CONNECTED = frozenset(
    {
        CurlECode.COULDNT_RESOLVE_PROXY,
        CurlECode.COULDNT_RESOLVE_HOST,
        CurlECode.COULDNT_CONNECT,
        CurlECode.SSL_CONNECT_ERROR,
        CurlECode.PEER_FAILED_VERIFICATION,
        CurlECode.PROXY,
    }
)


class YahooAccess:
    """One session, one cookie, any number of threads."""

    def __init__(self, base: str | None) -> None:
        self._session = _Session(base)
        # Past the singleton of yfinance: there the last session given wins for the whole process.
        self._data = type.__call__(_Data, self._session)

    def get(self, call: Call) -> Answer:
        """Make one attempt. Raises `TransportFault`."""
        with self._session.told(call):
            try:
                return _answer(self._data.get(call.url, params=dict(call.params), timeout=call.timeout_seconds))
            except _Answered as final:
                return _answer(final.response)
            except (RequestException, YFException, _TooLarge) as error:
                raise _fault(error) from None

    def close(self) -> None:
        """Give connections back."""
        self._session.close()


class _Answered(Exception):
    """Carries a final answer out of yfinance before it asks again."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class _TooLarge(Exception):
    pass


class _Data(YfData):  # type: ignore[misc]  # untyped base
    """yfinance's data object without its cookie file, which lies in the user's home."""

    def _load_cookie_curlCffi(self) -> bool:  # noqa: N802  yfinance's name
        return False

    def _save_cookie_curlCffi(self) -> bool:  # noqa: N802  yfinance's name
        return False


class _Told(threading.local):
    call: Call | None = None


class _Session(Session[Response]):
    """A browser-like session whose every request, cookies and crumb included, keeps to the call's bounds."""

    def __init__(self, base: str | None) -> None:
        super().__init__(impersonate="chrome")
        self._base = base.rstrip("/") if base else None
        self._told = _Told()

    def told(self, call: Call) -> _Telling:
        """Tell this thread's requests which call they serve, for the length of a `with`."""
        return _Telling(self._told, call)

    # One of forty arguments concerns us; the rest passes through untouched.
    def request(self, method: Any, url: str, **options: Any) -> Response:  # type: ignore[override]  # on purpose, see above
        """Ask as curl_cffi does; yfinance calls nothing else."""
        call = self._told.call or Call(url)
        body = _Body(call.max_bytes)
        options |= {"timeout": call.timeout_seconds, "content_callback": body.take}
        try:
            response = super().request(method, self._address(url), **options)
        except RequestException:
            if body.too_large:
                raise _TooLarge from None
            raise
        response.content = bytes(body.data)
        # On 4xx and 5xx yfinance changes its cookies and asks a second time at once. That mends a stale crumb, and
        # makes a 429 worse: the waiting is the client's business, and it needs this answer's headers.
        if url == call.url and response.status_code >= 400 and response.status_code not in (401, 403):
            raise _Answered(response)
        return response

    def _address(self, url: str) -> str:
        host = urlsplit(url).hostname or ""
        # What the client sent through a gateway is there already; cookies and crumbs, which yfinance asks for, are not.
        if self._base is None or not (host == _HOST or host.endswith(f".{_HOST}")):
            return url
        return self._base + url.split(host, 1)[1]


class _Telling:
    def __init__(self, told: _Told, call: Call) -> None:
        self._told, self._call = told, call

    def __enter__(self) -> None:
        self._told.call = self._call

    def __exit__(self, *_: object) -> None:
        self._told.call = None


class _Body:
    """Collects a body as it arrives and ends the transfer when it grows too large."""

    def __init__(self, limit: int) -> None:
        self.data = bytearray()
        self.too_large = False
        self._limit = limit

    def take(self, chunk: bytes) -> int:
        self.data += chunk
        self.too_large = len(self.data) > self._limit
        return CURL_WRITEFUNC_ERROR if self.too_large else len(chunk)


def _answer(response: Response) -> Answer:
    headers = tuple((k.lower(), v) for k, v in response.headers.multi_items() if v is not None)
    return Answer(response.status_code, headers, response.content)


def _fault(error: Exception) -> TransportFault:
    if isinstance(error, _TooLarge):
        return TransportFault(TOO_LARGE, retry=False)
    if isinstance(error, YFRateLimitError):
        return TransportFault("http_429")
    if isinstance(error, InvalidURL | InvalidSchema | TooManyRedirects):
        return TransportFault(BAD_URL, retry=False)
    code = getattr(error, "code", 0)
    if code == CurlECode.OPERATION_TIMEDOUT:
        return TransportFault(TIMEOUT)
    return TransportFault(CONNECT if code in _NOT_CONNECTED else CUT)
