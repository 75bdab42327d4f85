"""
Sources and the HTTP client as the settings ask for them. Only the pipeline knows both a source and the network.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from marketkeep.config import Settings
from marketkeep.http import Client, HttpSettings, HttpxTransport, Transport, YahooTransport
from marketkeep.model import Rate, Source
from marketkeep.sources import Yahoo, source


def make_client(settings: Settings, clock: Callable[[], datetime]) -> Client:
    """A client for all sources; close it, or use it in a `with`."""
    http = HttpSettings(
        timeout_seconds=settings.timeout_seconds,
        connect_seconds=min(settings.timeout_seconds, HttpSettings().connect_seconds),
        attempts=settings.attempts,
        max_bytes=settings.max_bytes,
    )
    transports: dict[str, Transport] = {
        "http": HttpxTransport(http.user_agent),
        "yahoo": YahooTransport(settings.yahoo_base),
    }
    return Client(http, clock=clock, transports=transports)


def make_source(settings: Settings, name: str) -> Source:
    """The source of that name, at the pace the settings give it. Raises `BadInput` naming those there are."""
    if name == "yahoo":
        return Yahoo(rate=Rate(settings.yahoo_per_second))
    return source(name)
