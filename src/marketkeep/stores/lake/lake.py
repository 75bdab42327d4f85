"""
The local lake: the published files of a keep, read and written as whole files.

It knows paths and forms, not where values come from. Writes go aside and are renamed; nothing here decides what is
true.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import orjson
import polars as pl

from marketkeep.errors import BadInput, BadSetting, NotFound
from marketkeep.files import write_atomic
from marketkeep.model import FINDINGS, SECURITIES, TICKER_HISTORY, TICKERS, Policy
from marketkeep.stores.lake import layout, records
from marketkeep.stores.lake.catalog import Catalog, read_catalog

FORMAT = 1
"""Version of the keep's layout, written into its marker."""


@dataclass(frozen=True, slots=True)
class Lake:
    """The published files under `root`."""

    root: Path

    def catalog(self) -> Catalog:
        """The current catalog."""
        return read_catalog(self.root)

    def policy(self) -> Policy:
        """The policy kept with the keep. Raises `NotFound` without a keep here, `BadSetting` when it is wrong."""
        marker = self.root / layout.MARKER
        try:
            content = orjson.loads(marker.read_bytes())
            if content["format"] != FORMAT:
                raise BadSetting(f"{marker}: format {content['format']} is not {FORMAT}; use a version that knows it.")
            return Policy.from_json(content["policy"])
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(f"there is no keep in {self.root}; make one with: marketkeep init {self.root}") from None
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise BadSetting(f"{marker} cannot be read: {error}") from error

    def create(self, policy: Policy) -> None:
        """Make an empty keep here. Raises `BadInput` when the folder holds something else; a keep stays as it is."""
        marker = self.root / layout.MARKER
        if marker.exists():
            return
        if self.root.exists() and (not self.root.is_dir() or any(self.root.iterdir())):
            raise BadInput(f"{self.root} holds something else; give an empty or a new folder.")
        self._mark(policy)

    def set_policy(self, policy: Policy) -> None:
        """Keep another policy in place of the one there is. Raises `NotFound` without a keep here."""
        self.policy()
        self._mark(policy)

    def _mark(self, policy: Policy) -> None:
        content = {"format": FORMAT, "policy": policy.to_json()}
        data = orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n"
        write_atomic(self.root / layout.MARKER, data, durable=True)

    def bars(self, catalog: Catalog, symbols: Iterable[str], first: date | None, last: date | None) -> pl.DataFrame:
        """Published bars of these symbols from `first` to `last`, both included, sorted by symbol and date."""
        wanted = sorted(set(symbols))
        entries = catalog.entries.filter((pl.col("dataset") == "daily_bars") & pl.col("symbol").is_in(wanted))
        if first is not None:
            entries = entries.filter(pl.col("last") >= first)
        if last is not None:
            entries = entries.filter(pl.col("first") <= last)
        files = entries.sort("symbol", "period").select("symbol", "period").rows()
        frame = records.load_ticks([self.root / layout.ticks(symbol, year) for symbol, year in files])
        if first is not None:
            frame = frame.filter(pl.col("date") >= first)
        return frame if last is None else frame.filter(pl.col("date") <= last)

    def years(self, files: Iterable[tuple[str, int]]) -> pl.DataFrame:
        """Published bars of these files, each of a symbol and year, sorted; what has no file has none."""
        paths = [self.root / layout.ticks(symbol, year) for symbol, year in sorted(files)]
        return records.load_ticks([path for path in paths if path.exists()])

    def actions(self, symbols: Iterable[str]) -> pl.DataFrame:
        """Published actions of these symbols, as `ACTIONS` rows."""
        paths = [self.root / layout.actions(symbol) for symbol in sorted(set(symbols))]
        return records.load_actions([path for path in paths if path.exists()])

    def securities(self) -> pl.DataFrame:
        """What the keep knows of each symbol, as `SECURITIES` rows."""
        path = self.root / layout.METADATA
        return pl.read_parquet(path, glob=False) if path.exists() else SECURITIES.empty()

    def ticker_history(self) -> pl.DataFrame:
        """Renames and delistings that sources told, as `TICKER_HISTORY` rows."""
        path = self.root / layout.HISTORY
        return pl.read_parquet(path, glob=False) if path.exists() else TICKER_HISTORY.empty()

    def tickers(self) -> pl.DataFrame:
        """Who had which ticker when, as `TICKERS` rows; a ticker without a row means itself."""
        path = self.root / layout.TICKERS
        return pl.read_parquet(path, glob=False) if path.exists() else TICKERS.empty()

    def findings(self) -> pl.DataFrame:
        """All findings kept, as `FINDINGS` rows, oldest first."""
        paths = sorted((self.root / "quality" / "findings").glob("*/*.parquet"))
        frame = pl.concat([pl.read_parquet(path, glob=False) for path in paths]) if paths else FINDINGS.empty()
        return frame.sort("detected_at", "symbol", "first", "check", maintain_order=True)

    def put(self, path: str, data: bytes) -> str:
        """Publish one file (aside, then renamed) and return the SHA-256 of its bytes in hex."""
        write_atomic(self.root / path, data)
        return hashlib.sha256(data).hexdigest()

    def put_frame(self, path: str, frame: pl.DataFrame) -> None:
        """Publish one frame as Parquet."""
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression="zstd")
        write_atomic(self.root / path, buffer.getvalue())

    def drop(self, path: str) -> None:
        """Remove a published file that has nothing to hold any more, and folders that are empty without it."""
        file = self.root / path
        if not file.exists():
            return
        file.unlink()
        for folder in file.parents:
            if folder == self.root or any(folder.iterdir()):
                break
            folder.rmdir()
