"""
The HTTP client as the settings ask for it. Only the pipeline knows both a source and the network.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from marketkeep.config import Settings
from marketkeep.http import Client, HttpSettings, HttpxTransport, YahooTransport


def make_client(settings: Settings, clock: Callable[[], datetime]) -> Client:
    """A client for all sources; close it, or use it in a `with`."""
    http = HttpSettings(
        timeout_seconds=settings.timeout_seconds,
        connect_seconds=min(settings.timeout_seconds, HttpSettings().connect_seconds),
        attempts=settings.attempts,
        max_bytes=settings.max_bytes,
    )
    transports = {"http": HttpxTransport(http.user_agent), "yahoo": YahooTransport(settings.yahoo_base)}
    return Client(http, clock=clock, transports=transports)
