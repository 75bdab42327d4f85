"""What became of each recorded payload: parsed into so many rows, or refused with a reason."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from marketkeep.errors import MarketkeepError, PayloadRefused
from marketkeep.model import Frames, Payload, Request, Source

FETCHED = datetime(2026, 9, 1, 22, tzinfo=UTC)
"""When recorded payloads are said to have come, where nothing else is known."""


@dataclass(frozen=True)
class Verdict:
    """One file of the corpus (path relative to it): who read it, as what, and the rows by dataset or the reason."""

    path: str
    reader: str
    endpoint: str
    rows: Mapping[str, int] = field(default_factory=dict)
    refused: str | None = None


def body_of(path: Path) -> bytes:
    """The payload in a file of the corpus, unpacked where the file is gzip."""
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def files_of(corpus: Path, folder: str) -> list[Path]:
    """Every file under a folder of the corpus but the indices that describe others, in order."""
    return sorted(path for path in (corpus / folder).rglob("*") if path.is_file() and path.name != "index.jsonl")


def judge(
    corpus: Path, path: Path, source: Source, request: Request, *, status: int = 200, fetched_at: datetime = FETCHED
) -> Verdict:
    """Let a source read one file as the answer to `request`; anything but rows or a refusal is raised."""
    payload = Payload(status, (), body_of(path), fetched_at)
    return _verdict(corpus, path, source.name, request.url, lambda: source.parse(request, payload))


def _verdict(corpus: Path, path: Path, reader: str, endpoint: str, read: Callable[[], Frames]) -> Verdict:
    where = path.relative_to(corpus).as_posix()
    try:
        frames = read()
    except PayloadRefused as refusal:
        return Verdict(where, reader, endpoint, refused=f"{refusal.fault}: {refusal.reason}")
    except MarketkeepError as refusal:
        return Verdict(where, reader, endpoint, refused=str(refusal))
    return Verdict(where, reader, endpoint, {name: frame.height for name, frame in frames.items() if frame.height})


def table(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """The verdicts as lines a person can read: file, who read it, endpoint, rows or reason."""
    for one in verdicts:
        told = ", ".join(f"{count} {name}" for name, count in one.rows.items()) or f"refused, {one.refused}"
        yield f"{one.path} -> {one.reader} {one.endpoint} -> {told[:160]}"
