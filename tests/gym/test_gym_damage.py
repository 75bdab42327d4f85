"""Spoilt bodies: whatever a vendor's form, a reader of that form notices."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from xml.etree import ElementTree as ET

import orjson
import pytest

from gym.damage import malformed, truncated
from gym.wire import Reply


def zipped() -> bytes:
    """A zip of two members."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("CIK0000000001.json", b'{"a": [1, 2, 3]}' * 50)
        packed.writestr("CIK0000000002.json", b'{"a": [1, 2, 3]}' * 50)
    return held.getvalue()


@pytest.mark.parametrize("damage", [malformed, truncated])
@pytest.mark.parametrize(
    "body", [b'{"results":[{"c":1.5}]}', b'{"Note": "calls"}', b'[[1499040000000,"0.01"],[1,"2"]]', b"[]", b"{}"]
)
def test_json_cannot_be_read(damage, body) -> None:
    """Objects, arrays and empty ones are no JSON afterwards."""
    json.loads(body)
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(damage(Reply(200, body)).body)


@pytest.mark.parametrize("damage", [malformed, truncated])
def test_packed_bodies_cannot_be_opened(damage) -> None:
    """Neither by a zip's directory or first head, nor as gzip."""
    body = damage(Reply(200, zipped(), "application/zip")).body
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(body))
    assert damage is truncated or not body.startswith(b"PK")
    with pytest.raises((EOFError, gzip.BadGzipFile)):
        gzip.decompress(damage(Reply(200, gzip.compress(b"a,b\n1,2\n" * 90))).body)


@pytest.mark.parametrize("damage", [malformed, truncated])
def test_xml_cannot_be_parsed(damage) -> None:
    """A feed is not well-formed any more."""
    body = b'<?xml version="1.0"?><feed><entry><d>1</d></entry></feed>'
    with pytest.raises(ET.ParseError):
        ET.fromstring(damage(Reply(200, body, "application/xml")).body)  # noqa: S314


@pytest.mark.parametrize("mark", ["|", ",", "\t"])
def test_separated_text_loses_its_fields(mark) -> None:
    """Unreadable text has one field a line and is no UTF-8; cut text ends within its last line."""
    lines = [mark.join((f"S{n}", "Name", "N", "Q")) for n in range(20)]
    reply = Reply(200, "\r\n".join(lines).encode(), "text/plain")
    with pytest.raises(UnicodeDecodeError):
        malformed(reply).body.decode()
    widths = [len(row) for row in csv.reader(malformed(reply).body.decode("latin-1").splitlines(), delimiter=mark)]
    assert set(widths) == {1}
    widths = [len(row) for row in csv.reader(truncated(reply).body.decode().splitlines(), delimiter=mark)]
    assert set(widths[:-1]) == {4}
    assert widths[-1] == 1


def test_pages_have_no_tables_left() -> None:
    """HTML holds no table and no row that a reader could find."""
    page = Reply(200, b"<!DOCTYPE html><html><table><tr><th>Symbol</th></tr></table></html>", "text/html")
    assert b"<table" not in malformed(page).body
    assert b"<tr" not in malformed(page).body
    assert b"</html>" not in truncated(page).body


def test_empty_bodies_stay_bodies() -> None:
    """Nothing to spoil is no reason to fail."""
    assert truncated(Reply(200, b"", "text/plain")).body == b""
    assert malformed(Reply(200, b"", "text/plain")).body == b"\xff"
