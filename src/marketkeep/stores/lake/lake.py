"""
The lake: the published files of a keep, in a folder or a bucket, read and written as whole files.

It knows keys and forms, not where values come from; nothing here decides what is true. What a catalog tells of a file
(its hash) is handed on when it is read, so that a copy of the same bytes is not asked for again.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import orjson
import polars as pl

from marketkeep.errors import BadInput, BadSetting, NotFound
from marketkeep.files import Files, Folder, files_at
from marketkeep.model import FINDINGS, SECURITIES, TICKER_HISTORY, TICKERS, Policy, Table
from marketkeep.stores.lake import layout, records
from marketkeep.stores.lake.catalog import Catalog, read_catalog, touching

FORMAT = 1
"""Version of the keep's layout, written into its marker."""


class Lake:
    """The published files of the keep at a place."""

    def __init__(self, place: Files | Path | str) -> None:
        self.files = files_at(place)

    def catalog(self) -> Catalog:
        """The current catalog."""
        return read_catalog(self.files)

    def policy(self) -> Policy:
        """The policy kept with the keep. Raises `NotFound` without a keep here, `BadSetting` when it is wrong."""
        marker, place = self.files.name(layout.MARKER), self.files.place
        try:
            content = orjson.loads(self.files.read(layout.MARKER))
            if content["format"] != FORMAT:
                raise BadSetting(f"{marker}: format {content['format']} is not {FORMAT}; use a version that knows it.")
            return Policy.from_json(content["policy"])
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(f"there is no keep in {place}; make one with: marketkeep init {place}") from None
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise BadSetting(f"{marker} cannot be read: {error}") from error

    def create(self, policy: Policy) -> None:
        """Make an empty keep here. Raises `BadInput` when the place holds something else; a keep stays as it is."""
        if self.files.exists(layout.MARKER):
            return
        if _in_use(self.files):
            raise BadInput(f"{self.files.place} holds something else; give an empty or a new folder.")
        self._mark(policy)

    def set_policy(self, policy: Policy) -> None:
        """Keep another policy in place of the one there is. Raises `NotFound` without a keep here."""
        self.policy()
        self._mark(policy)

    def _mark(self, policy: Policy) -> None:
        content = {"format": FORMAT, "policy": policy.to_json()}
        data = orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n"
        self.files.write(layout.MARKER, data, durable=True)

    def bars(self, catalog: Catalog, symbols: Iterable[str], first: date | None, last: date | None) -> pl.DataFrame:
        """Published bars of these symbols from `first` to `last`, both included, sorted by symbol and date."""
        wanted = sorted(set(symbols))
        entries = catalog.entries.filter((pl.col("dataset") == "daily_bars") & pl.col("symbol").is_in(wanted))
        told = touching(entries, first, last).sort("symbol", "period").select("symbol", "period", "hash").rows()
        versions = {layout.ticks(symbol, year): digest for symbol, year, digest in told}
        frame = records.load_ticks(self.files, list(versions), versions)
        if first is not None:
            frame = frame.filter(pl.col("date") >= first)
        return frame if last is None else frame.filter(pl.col("date") <= last)

    def years(self, files: Iterable[tuple[str, int]]) -> pl.DataFrame:
        """Published bars of these files, each of a symbol and year, sorted; what has no file has none."""
        keys = [layout.ticks(symbol, year) for symbol, year in sorted(files)]
        return records.load_ticks(self.files, keys, absent=True)

    def actions(self, symbols: Iterable[str], catalog: Catalog | None = None) -> pl.DataFrame:
        """Published actions of these symbols, as `ACTIONS` rows; by a catalog, where only what it names is read."""
        wanted = sorted(set(symbols))
        if catalog is None:
            return records.load_actions(self.files, [layout.actions(symbol) for symbol in wanted], absent=True)
        entries = catalog.entries.filter((pl.col("dataset") == "actions") & pl.col("symbol").is_in(wanted))
        told = entries.sort("symbol").select("symbol", "hash").iter_rows()
        versions = {layout.actions(symbol): digest for symbol, digest in told}
        return records.load_actions(self.files, list(versions), versions, absent=True)

    def securities(self, version: str | None = None) -> pl.DataFrame:
        """What the keep knows of each symbol, as `SECURITIES` rows; `version` is the catalog's, where it is known."""
        return self.table(layout.METADATA, SECURITIES, version)

    def ticker_history(self, version: str | None = None) -> pl.DataFrame:
        """Renames and delistings that sources told, as `TICKER_HISTORY` rows."""
        return self.table(layout.HISTORY, TICKER_HISTORY, version)

    def tickers(self, version: str | None = None) -> pl.DataFrame:
        """Who had which ticker when, as `TICKERS` rows; a ticker without a row means itself."""
        return self.table(layout.TICKERS, TICKERS, version)

    def findings(self, version: str | None = None) -> pl.DataFrame:
        """All findings kept, as `FINDINGS` rows, oldest first."""
        try:
            keys: list[str] = orjson.loads(self.files.read(layout.FINDINGS_HELD, version))
        except FileNotFoundError:
            return FINDINGS.empty()
        # A writer may have dropped one by now that it lists.
        bodies = (data for _, data in self.files.stream(keys, _tokens(keys, version)) if data is not None)
        frame = pl.concat([FINDINGS.empty(), *(pl.read_parquet(io.BytesIO(data)) for data in bodies)])
        return frame.sort("detected_at", "symbol", "first", "check", maintain_order=True)

    def table(self, key: str, table: Table, version: str | None = None) -> pl.DataFrame:
        """The rows of a table that is one file; what is not there has none."""
        try:
            [path] = self.files.local([key], _tokens([key], version))
            return pl.read_parquet(path, glob=False)
        except FileNotFoundError:
            return table.empty()

    def put(self, key: str, data: bytes) -> str:
        """Publish one file (in one step) and return the SHA-256 of its bytes in hex."""
        self.files.write(key, data)
        return hashlib.sha256(data).hexdigest()

    def put_frame(self, key: str, frame: pl.DataFrame) -> None:
        """Publish one frame as Parquet."""
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression="zstd")
        self.files.write(key, buffer.getvalue())

    def drop(self, *keys: str) -> None:
        """Remove published files that have nothing to hold any more."""
        self.files.remove(keys)


def _tokens(keys: Iterable[str], version: str | None) -> Mapping[str, str] | None:
    return None if version is None else dict.fromkeys(keys, version)


def _in_use(files: Files) -> bool:
    """Whether a place holds anything, in a folder hidden files too."""
    if isinstance(files, Folder):
        return files.root.exists() and (not files.root.is_dir() or any(files.root.iterdir()))
    return bool(files.keys(""))
