"""
The records of a pack: exchanges spelled as WARC/1.1, and read back.

A new payload is a `request` and a `response` (a `resource` where it did not come over HTTP), the same bytes again one
`revisit` without them. What WARC has no word for stands in `Marketkeep-*` headers, so that a pack alone tells all.
Secrets are taken out here, before anything is written. Nothing here knows files; see `packs`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import NAMESPACE_URL, uuid5

import orjson
from warcio.statusandheaders import StatusAndHeaders  # type: ignore[import-untyped]  # warcio ships no types

from marketkeep.model import Payload, Request
from marketkeep.model.redact import Pairs, redact_headers, redact_params, redact_url
from marketkeep.raw.landing.facts import Landed, RawRef
from marketkeep.raw.landing.members import Broken

ANSWERS = frozenset({"response", "resource", "revisit"})
_PROFILE = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
_HTTP = "application/http; msgtype="
# The body is kept with its encoding undone; under their own names these would make readers undo it again.
_NOT_AS_KEPT = frozenset({"content-encoding", "transfer-encoding", "content-length"})
_RENAMED = "X-Archive-Orig-"
_CONTROL = dict.fromkeys((0, 10, 13), " ")
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Record:
    """One record to write or as read: WARC headers in order, what stands before the body, and the body's length."""

    kind: str
    fields: Mapping[str, str]
    head: bytes = b""
    length: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is about to be landed: the facts of an exchange, and the digest and length of its body."""

    run_id: str
    sequence: int
    request: Request
    digest: str
    length: int
    fetched_at: datetime
    status: int = 200
    headers: Pairs = ()
    faults: tuple[str, ...] = ()
    options: Mapping[str, object] | None = field(default=None, hash=False)

    @classmethod
    def of(cls, run_id: str, sequence: int, request: Request, payload: Payload) -> Arrival:
        """The facts of an HTTP exchange, hashed and without its secrets."""
        return cls.measured(run_id, sequence, request, payload, digest_of(payload.body), len(payload.body))

    @classmethod
    def measured(
        cls, run_id: str, sequence: int, request: Request, payload: Payload, digest: str, length: int
    ) -> Arrival:
        """The facts of an HTTP exchange whose body lies elsewhere, without its secrets."""
        return cls(
            run_id=run_id,
            sequence=sequence,
            request=_without_secrets(request),
            digest=digest,
            length=length,
            fetched_at=payload.fetched_at,
            status=payload.status,
            headers=redact_headers(payload.headers),
            faults=tuple(redact_url(fault) for fault in payload.faults),
        )

    @property
    def is_http(self) -> bool:
        """Whether it came over HTTP, so that a request and a status line can be written."""
        return urlsplit(self.request.url).scheme in ("http", "https")


def digest_of(data: bytes) -> str:
    """The name of a payload: `sha256:` and the hash in hex."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def pack_record(run_id: str, name: str, at: datetime) -> Record:
    """The `warcinfo` record that opens a pack."""
    lines = {
        "software": "marketkeep",
        "format": "WARC File Format 1.1",
        "conformsTo": "https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
        "description": "Payloads as their sources delivered them, content encodings undone, secrets redacted.",
    }
    block = "".join(f"{key}: {value}\r\n" for key, value in lines.items()).encode()
    fields = _named("warcinfo", at, run_id, name) | {"WARC-Filename": name, "Marketkeep-Run": run_id}
    return _record("warcinfo", fields, "application/warc-fields", head=block, block=digest_of(block))


def resource_record(arrival: Arrival) -> Record:
    """The record of bytes that did not come over HTTP."""
    return _answer("resource", arrival, "application/octet-stream", block=arrival.digest)


def exchange_records(arrival: Arrival, body: Iterable[bytes]) -> tuple[Record, Record]:
    """The request and the response of bytes that came over HTTP, in the order they are written."""
    head = _response_head(arrival)
    block = hashlib.sha256(head)
    for piece in body:
        block.update(piece)
    digest = f"sha256:{block.hexdigest()}"
    answer = _answer("response", arrival, _HTTP + "response", head=head, block=digest)
    asked = _named("request", arrival.fetched_at, *_identity(arrival)) | {
        "WARC-Target-URI": _uri(arrival.request),
        "WARC-Concurrent-To": answer.fields["WARC-Record-ID"],
        "WARC-Payload-Digest": digest_of(b""),
        "Marketkeep-Run": arrival.run_id,
    }
    head = _request_head(arrival.request)
    return _record("request", asked, _HTTP + "request", head=head, block=digest_of(head)), answer


def revisit_record(arrival: Arrival, original: Record, pack: str) -> Record:
    """The record of bytes that `original` in `pack` already holds."""
    refers = {
        "WARC-Profile": _PROFILE,
        "WARC-Refers-To": original.fields["WARC-Record-ID"],
        "WARC-Refers-To-Target-URI": original.fields["WARC-Target-URI"],
        "WARC-Refers-To-Date": original.fields["WARC-Date"],
        "Marketkeep-Original-Pack": pack,
        "Marketkeep-Original-Offset": str(original.offset),
    }
    head = _response_head(arrival) if arrival.is_http else b""
    return _answer("revisit", arrival, _HTTP + "response", head=head, block=digest_of(head), refers=refers)


def fields_bytes(record: Record) -> bytes:
    """A record's WARC headers as they are written, the empty line included."""
    text: bytes = StatusAndHeaders("", list(record.fields.items()), protocol="WARC/1.1").to_bytes()
    return text


def landed(record: Record, pack: str) -> Landed:
    """The exchange that an answering record tells of; raises `Broken` where it lacks a fact."""
    try:
        return _landed(record, pack)
    except (KeyError, ValueError, TypeError) as error:
        raise Broken(f"its headers lack a fact ({error!r})") from error


def _landed(record: Record, pack: str) -> Landed:
    fields = record.fields
    ref = RawRef(fields["WARC-Payload-Digest"], pack, record.offset)
    if record.kind == "revisit":
        original = fields["Marketkeep-Original-Pack"], int(fields["Marketkeep-Original-Offset"])
        ref = RawRef(ref.digest, *original, revisit=True)
    told = orjson.loads(fields["Marketkeep-Exchange"])
    status, headers = _parse_response_head(record.head) if record.head else (told["status"], _pairs(told["headers"]))
    return Landed(
        ref=ref,
        pack=pack,
        offset=record.offset,
        run_id=fields["Marketkeep-Run"],
        sequence=int(fields["Marketkeep-Sequence"]),
        request=_parse_request(fields["Marketkeep-Source"], told),
        status=status,
        headers=headers,
        fetched_at=datetime.fromisoformat(fields["WARC-Date"]),
        faults=tuple(told["faults"]),
        length=int(fields["Marketkeep-Length"]),
        options=told["options"],
    )


def _answer(
    kind: str,
    arrival: Arrival,
    content_type: str,
    *,
    block: str,
    head: bytes = b"",
    refers: Mapping[str, str] | None = None,
) -> Record:
    fields = _named(kind, arrival.fetched_at, *_identity(arrival)) | {
        "WARC-Target-URI": _uri(arrival.request),
        "WARC-Payload-Digest": arrival.digest,
        **(refers or {}),
        "Marketkeep-Run": arrival.run_id,
        "Marketkeep-Sequence": str(arrival.sequence),
        "Marketkeep-Source": arrival.request.source,
        "Marketkeep-Length": str(arrival.length),
        "Marketkeep-Exchange": orjson.dumps(_told(arrival)).decode(),
    }
    length = 0 if kind == "revisit" else arrival.length
    return _record(kind, fields, content_type, head=head, block=block, length=length)


def _record(
    kind: str, fields: dict[str, str], content_type: str, *, head: bytes, block: str, length: int = 0
) -> Record:
    size = str(len(head) + length)
    block_facts = {"WARC-Block-Digest": block, "Content-Type": content_type, "Content-Length": size}
    return Record(kind, fields | block_facts, head, length)


def _identity(arrival: Arrival) -> tuple[str, ...]:
    return arrival.run_id, str(arrival.sequence), arrival.request.source, arrival.digest


def _named(kind: str, at: datetime, *of: str) -> dict[str, str]:
    """
    What a record is called by. The same exchange, told by `of`, has the same name wherever it is landed, so that keeps
    which were told the same hold the same bytes.
    """
    if at.tzinfo is None:
        raise ValueError("fetched_at must say its zone")
    when = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    name = uuid5(NAMESPACE_URL, "/".join(("marketkeep", kind, when, *of)))
    return {"WARC-Type": kind, "WARC-Record-ID": f"<urn:uuid:{name}>", "WARC-Date": when}


def _told(arrival: Arrival) -> dict[str, Any]:
    request = arrival.request
    told: dict[str, Any] = {
        "dataset": request.dataset,
        "symbols": request.symbols,
        "start": request.start,
        "end": request.end,
        "packed": request.packed,
        "url": request.url,
        "params": request.params,
        "faults": arrival.faults,
        "options": None if arrival.options is None else dict(arrival.options),
    }
    return told if arrival.is_http else told | {"status": arrival.status, "headers": arrival.headers}


def _parse_request(source: str, told: Mapping[str, Any]) -> Request:
    start, end = (told[key] and date.fromisoformat(told[key]) for key in ("start", "end"))
    return Request(
        source,
        told["dataset"],
        told["url"],
        _pairs(told["params"]),
        tuple(told["symbols"]),
        start,
        end,
        packed=told["packed"],
    )


def _pairs(pairs: list[list[str]]) -> Pairs:
    return tuple((name, value) for name, value in pairs)


def _without_secrets(request: Request) -> Request:
    return replace(request, url=redact_url(request.url), params=redact_params(request.params))


def _uri(request: Request) -> str:
    # Only what would break a header line or the URI's end is quoted; the rest stays as the source spelled it.
    return quote(request.full_url, safe="".join(map(chr, range(33, 127))))


def _request_head(request: Request) -> bytes:
    parts = urlsplit(_uri(request))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    head: bytes = StatusAndHeaders(f"{path} HTTP/1.1", [("Host", parts.netloc)], protocol="GET").to_bytes()
    return head


def _response_head(arrival: Arrival) -> bytes:
    line = f"{arrival.status} {_PHRASES.get(arrival.status, '')}".strip()
    headers = [(_kept_name(name).translate(_CONTROL), value.translate(_CONTROL)) for name, value in arrival.headers]
    head: bytes = StatusAndHeaders(line, headers, protocol="HTTP/1.1").to_bytes()
    return head


def _kept_name(name: str) -> str:
    return _RENAMED + name if name.lower() in _NOT_AS_KEPT else name


def _parse_response_head(head: bytes) -> tuple[int, Pairs]:
    line, *lines = head.decode(errors="replace").split("\r\n")
    pairs = (text.partition(":") for text in lines if text)
    return int(line.split(" ")[1]), tuple((name.removeprefix(_RENAMED), value.strip()) for name, _, value in pairs)
