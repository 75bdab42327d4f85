"""A key that a vendor repeats is taken out of what is kept, in whatever form it is written."""

from __future__ import annotations

import base64
import html
import io
import json
import logging
from urllib.parse import quote, quote_plus

import pytest

from gym.scripted import Step
from marketkeep.errors import FetchFailed
from marketkeep.http import Credential
from marketkeep.model import Rate

FAST = Rate(10_000)
KEY = 'k/e+y="<&> %41~'
KEYED = {"vendor": Credential(headers=(("X-Key", f"Bearer {KEY}"),), secrets=(KEY,))}
WRITTEN = {
    "plain": KEY,
    "in a path": quote(KEY),
    "in an address": quote(KEY, safe=""),
    "in a form": quote_plus(KEY),
    "in html": html.escape(KEY),
    "in json": json.dumps(KEY)[1:-1],
    "in json of other makers": json.dumps(KEY)[1:-1].replace("/", "\\/"),
    "in base64": base64.b64encode(KEY.encode()).decode(),
    "in base64 of addresses": base64.urlsafe_b64encode(KEY.encode()).decode().rstrip("="),
}


@pytest.mark.parametrize("form", list(WRITTEN))
def test_each_form_is_replaced(form: str) -> None:
    """The key in one of its forms becomes REDACTED, and what stands around it stays."""
    told = KEYED["vendor"].scrub(f"you sent {WRITTEN[form]} and more".encode())
    assert told in (b"you sent REDACTED and more", b"you sent REDACTED= and more", b"you sent REDACTED== and more")


def test_longer_form_goes_first() -> None:
    """A secret that is a part of another does not leave the rest of it behind."""
    both = Credential(secrets=("abcd", "abcdefgh"))
    assert both.scrub(b"abcdefgh abcd") == b"REDACTED REDACTED"


def test_nothing_secret_nothing_changed() -> None:
    """Without a key, and with one too short to be told from words, bytes stay as they are."""
    body = bytes(range(256))
    assert Credential().scrub(body) == body
    assert Credential(secrets=("abc", "")).scrub(b"abc") == b"abc"


def test_page_in_place_of_a_zip_is_scrubbed(scripted, make_client, tmp_path):
    """Where a zip was asked for and a page came, the file holds the page without the key; a zip stays byte for byte."""
    for body, kept in ((f"<p>{KEY}</p>".encode(), b"<p>REDACTED</p>"), (b"PK" + KEY.encode(), b"PK" + KEY.encode())):
        with make_client(credentials=KEYED) as client, (tmp_path / "body").open("w+b") as sink:
            client.fetch(scripted(Step(body=body)).request(), FAST, "http", sink)
            sink.seek(0)
            assert sink.read() == kept


def test_page_too_large_to_be_scrubbed_is_refused(scripted, make_client):
    """A page of more bytes than memory is meant to hold is no zip, and is not kept unseen."""
    server = scripted(Step(body=b"x" * 20_000))
    with make_client(credentials=KEYED, max_bytes=10_000) as client, pytest.raises(FetchFailed, match="too_large"):
        client.fetch(server.request(), FAST, "http", io.BytesIO())
    assert len(server.seen) == 1


def test_library_logs_tell_no_headers_of_answers(scripted, make_client, caplog):
    """A vendor's headers may repeat the key: at its most talkative no library logs them."""
    server = scripted(Step(body=b"fine", headers={"X-RateLimit-Who": KEY, "Link": f"<{KEY}>"}))
    with caplog.at_level(logging.DEBUG), make_client(credentials=KEYED) as client:
        payload = client.fetch(server.request(), FAST, "http")
    assert KEY not in caplog.text
    assert dict(payload.headers)["x-ratelimit-who"] == "REDACTED"
