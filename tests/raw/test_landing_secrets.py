"""Secrets are taken out by name before anything is written, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from landing_keep import AT, pack_text

from marketkeep.model import Payload, Request
from marketkeep.model.redact import is_secret, redact_headers, redact_url
from marketkeep.raw.landing import Landing

HIDDEN = "S3CR3T"


@pytest.mark.parametrize(
    ("url", "redacted"),
    [
        ("https://x.org/a?b=1&apikey=S3&c=2", "https://x.org/a?b=1&apikey=REDACTED&c=2"),
        ("https://x.org/a?API_KEY=S3;x=1#y", "https://x.org/a?API_KEY=REDACTED#y"),
        ("https://x.org/a?api%5Fkey=S3", "https://x.org/a?api%5Fkey=REDACTED"),
        ("https://x.org/a?token=S3?&b", "https://x.org/a?token=REDACTED&b"),
        ("https://x.org/a?crumb=S%2F3&key=", "https://x.org/a?crumb=REDACTED&key=REDACTED"),
        ("https://me:S3@x.org/a@b", "https://REDACTED@x.org/a@b"),
        ("https://x.org/#access_token=S3", "https://x.org/#access_token=REDACTED"),
        ("https://x.org/?to=http%3A%2F%2Fy%3Fkey%3DS3", "https://x.org/?to=http%3A%2F%2Fy%3Fkey%3DREDACTED"),
        ("403 at https://x.org/?a=b&sig=S3 after 2", "403 at https://x.org/?a=b&sig=REDACTED after 2"),
        ("https://x.org/a?page_token=abc&keyword=a%20b&monkey=1&=&&", None),
        ("/v8/chart/BRK-B?symbol=KEY&range=max", None),
    ],
)
def test_addresses_lose_their_secrets_only(url: str, redacted: str | None) -> None:
    """The value of a secret parameter goes, every other character stays; twice is the same as once."""
    expected = url if redacted is None else redacted
    assert redact_url(url) == expected
    assert redact_url(expected) == expected


def test_secret_names() -> None:
    """These names hold secrets, in headers and in addresses."""
    headers = ["Authorization", "Proxy-Authorization", "Set-Cookie", "Cookie", "X-Api-Key", "X-Auth-Token"]
    vendors = ["APCA-API-KEY-ID", "APCA-API-SECRET-KEY", "X-Amz-Signature", "registrationkey", "app_id"]
    parameters = ["key", "token", "crumb", "apiKey", "api_token", "client_secret"]
    assert [name for name in headers + vendors + parameters if not is_secret(name)] == []


def test_headers_lose_credentials_cookies_and_keys_in_links() -> None:
    """A header called like a secret is blanked, one that holds an address loses the secrets in it."""
    given = [("Content-Type", "a/b"), ("set-cookie", "A=S3"), ("Link", '<https://x.org/?token=S3&p=2>; rel="next"')]
    assert redact_headers(given) == (
        ("Content-Type", "a/b"),
        ("set-cookie", "REDACTED"),
        ("Link", '<https://x.org/?token=REDACTED&p=2>; rel="next"'),
    )


def test_no_secret_reaches_a_pack(tmp_path: Path) -> None:
    """Secrets in parameters, address, headers and faults are nowhere in the packs, for a revisit neither."""
    asked = Request("x", "daily_bars", f"https://u:{HIDDEN}@x.org/p?key={HIDDEN}", (("apikey", HIDDEN), ("a", "b")))
    headers = (("Set-Cookie", f"a={HIDDEN}"), ("Authorization", f"Bearer {HIDDEN}"), ("Location", f"/x?token={HIDDEN}"))
    answer = Payload(200, headers, b"body", AT, (f"https://x.org/?crumb={HIDDEN}: 503",))
    with Landing(tmp_path).writer("run") as writer:
        writer.land(asked, answer)
        writer.land(asked, answer)
    text = pack_text(tmp_path)
    assert HIDDEN.encode() not in text
    assert text.count(b"REDACTED") > 10
    (told, _) = Landing(tmp_path).records("run")
    assert told.request.params == (("apikey", "REDACTED"), ("a", "b"))
