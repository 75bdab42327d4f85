"""
Access to Yahoo as a transport: cookies, crumb and browser likeness are yfinance's work, the payload stays untouched.

Every exception of yfinance and of curl becomes one of our faults here and nowhere else.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from marketkeep.http.transport import Answer, Call

if TYPE_CHECKING:
    from marketkeep.http.yahoo_session import YahooAccess


class YahooTransport:
    """
    Yahoo through yfinance; opened before the first call.

    `base` sends all of Yahoo's hosts to one address instead, such as `http://127.0.0.1:8000` of a test server.
    """

    def __init__(self, base: str | None = None) -> None:
        self._base = base
        self._lock = threading.Lock()
        self._access: YahooAccess | None = None

    def open(self) -> None:
        """Get ready; see `Transport`."""
        self._opened()

    def send(self, call: Call) -> Answer:
        """Make one attempt; see `Transport`."""
        return self._opened().get(call)

    def _opened(self) -> YahooAccess:
        with self._lock:
            if self._access is None:
                # Importing yfinance brings pandas and takes its time; only who asks Yahoo shall pay for it.
                from marketkeep.http.yahoo_session import YahooAccess  # noqa: PLC0415  for the reason above

                self._access = YahooAccess(self._base)
            return self._access

    def close(self) -> None:
        """Give connections back."""
        with self._lock:
            if self._access is not None:
                self._access.close()
