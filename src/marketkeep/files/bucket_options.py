"""How a bucket is used: the cache on this machine, the lease, how many requests at once."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from marketkeep.errors import BadSetting


@dataclass(frozen=True, slots=True)
class Options:
    """
    How a bucket is used. `cache` is the folder of the copies kept here, `cache_bytes` how large they may grow together;
    `fresh_seconds` for how long what was just read is not asked for again; `lease_seconds` after which a writer that
    was not heard of is taken for dead; `in_flight` how many requests are under way at once; `retries` how often one is
    made again.
    """

    cache: Path | None = None
    cache_bytes: int = 10 * 2**30
    fresh_seconds: float = 1.0
    lease_seconds: float = 60.0
    in_flight: int = 128
    retries: int = 8

    @classmethod
    def from_environment(cls) -> Options:
        """As MARKETKEEP_CACHE and the other fields' variables, named likewise, say. Raises `BadSetting`."""
        usual = cls()
        folder = os.environ.get("MARKETKEEP_CACHE")
        return cls(
            cache=Path(folder) if folder else None,
            cache_bytes=int(_number("CACHE_BYTES", usual.cache_bytes, 0)),
            fresh_seconds=_number("FRESH_SECONDS", usual.fresh_seconds, 0),
            lease_seconds=_number("LEASE_SECONDS", usual.lease_seconds, 1),
            in_flight=int(_number("IN_FLIGHT", usual.in_flight, 1)),
            retries=int(_number("RETRIES", usual.retries, 0)),
        )

    @property
    def cache_folder(self) -> Path:
        """The folder of the copies: as set, or marketkeep's own in the user's cache folder."""
        if self.cache is not None:
            return self.cache
        usual = "Library/Caches" if sys.platform == "darwin" else ".cache"
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / usual) / "marketkeep"


def _number(name: str, default: float, least: float) -> float:
    told = os.environ.get(f"MARKETKEEP_{name}")
    if not told:
        return default
    try:
        value = float(told)
    except ValueError:
        value = float("nan")
    if not least <= value < float("inf"):
        raise BadSetting(f"setting {name.lower()} (MARKETKEEP_{name}) is {told!r}: not a number of at least {least:g}.")
    return value
