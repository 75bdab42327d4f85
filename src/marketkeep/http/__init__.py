"""One HTTP client for all vendors: retries, pace, keys, bounds, and a name for every fault."""

from marketkeep.http.client import CLOSED, Client, Meter
from marketkeep.http.settings import Credential, HttpSettings
from marketkeep.http.transport import (
    BAD_URL,
    CONNECT,
    CUT,
    TIMEOUT,
    TOO_LARGE,
    Answer,
    Call,
    HttpxTransport,
    Transport,
    TransportFault,
)
from marketkeep.http.yahoo import YahooTransport

__all__ = [
    "BAD_URL",
    "CLOSED",
    "CONNECT",
    "CUT",
    "TIMEOUT",
    "TOO_LARGE",
    "Answer",
    "Call",
    "Client",
    "Credential",
    "HttpSettings",
    "HttpxTransport",
    "Meter",
    "Transport",
    "TransportFault",
    "YahooTransport",
]
