"""A vendor that says what was recorded: bodies of a folder whose index.jsonl tells address, status and headers."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from gym.wire import Ask, Reply


class Replay:
    """
    Answers by path and parameters: a recording whose parameters are all among those asked, the closest first.

    Keys and crumbs that were taken out of a recorded address are not compared.
    """

    variants: frozenset[str] = frozenset()

    def __init__(self, folder: Path, name: str = "replay") -> None:
        self.name, self._folder = name, folder
        self._recorded: dict[str, list[tuple[dict[str, str], dict[str, object]]]] = {}
        hosts = set()
        for line in (folder / "index.jsonl").read_text().splitlines():
            entry = json.loads(line)
            parts = urlsplit(entry["url"])
            params = {name: value for name, value in parse_qsl(parts.query) if "REDACTED" not in value}
            hosts.add(parts.hostname or "")
            self._recorded.setdefault(unquote(parts.path), []).append((params, entry))
        self.hosts = frozenset(hosts)

    def key_of(self, ask: Ask) -> str | None:
        """The last part of a recorded path."""
        return unquote(ask.path).rsplit("/", 1)[-1] if unquote(ask.path) in self._recorded else None

    def answer(self, ask: Ask) -> Reply | None:
        """The recorded answer that fits best."""
        asked = set(ask.params.items())
        fitting = [(p, e) for p, e in self._recorded.get(unquote(ask.path), []) if set(p.items()) <= asked]
        # Better an answer for other dates than none: a test asks for what was recorded, in its own parameters.
        found = max(fitting or self._recorded.get(unquote(ask.path), []), key=lambda r: len(r[0]), default=None)
        if found is None:
            return None
        entry = found[1]
        name = str(entry["file"])
        body = (self._folder / name).read_bytes()
        headers = dict(entry.get("headers") or {})  # type: ignore[call-overload]
        content_type = next((v for k, v in headers.items() if k.lower() == "content-type"), "application/json")
        status = int(str(entry.get("status") or 200))
        return Reply(status, gzip.decompress(body) if name.endswith(".gz") else body, content_type)
