"""What the tests of the landing share: exchanges with made-up facts, and a look at a pack's raw bytes."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import textwrap
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypedDict

from marketkeep.model import Payload, Request
from marketkeep.raw.landing import Landing


class FileFacts(TypedDict):
    """The named arguments that `land_file` and `land_bytes` share."""

    source: str
    dataset: str
    fetched_at: datetime
    options: dict[str, object]


AT = datetime(2024, 3, 5, 14, 30, 0, 123456, tzinfo=UTC)


def request(symbol: str = "AAPL", *, source: str = "yahoo", url: str = "https://api.example.com/chart") -> Request:
    """A request for a symbol's bars of one month."""
    params = (("symbol", symbol), ("range", "1 mo"), ("symbol", "again"))
    return Request(source, "daily_bars", url, params, (symbol,) if symbol else (), date(2024, 2, 1), date(2024, 3, 1))


def payload(body: bytes, *, status: int = 200, minutes: int = 0) -> Payload:
    """An answer with a body, some minutes after the first."""
    headers = (("Content-Type", "application/json"), ("Content-Encoding", "gzip"), ("X-Note", "año ✓"))
    return Payload(status, headers, body, AT + timedelta(minutes=minutes), ("http_503", "timeout"))


def file_facts(source: str = "csv", **options: object) -> FileFacts:
    """What `land_file` and `land_bytes` are told beside the content."""
    return {"source": source, "dataset": "daily_bars", "fetched_at": AT, "options": options}


def pack_text(root: Path) -> bytes:
    """All packs' content, decompressed."""
    return b"".join(gzip.decompress((root / place).read_bytes()) for place in Landing(root).packs())


def tree(root: Path) -> dict[str, bytes]:
    """Every file of a folder and its bytes."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def child(script: str, *args: object) -> subprocess.Popen[str]:
    """A Python process that runs a script, given arguments."""
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths})


def output(script: str, *args: object) -> list[str]:
    """The lines such a process prints; it must end well."""
    with child(script, *args) as process:
        text, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return text.splitlines()
