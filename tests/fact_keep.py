"""A keep with facts of companies that a test makes up, published as an update publishes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

import marketkeep
from fact_rows import RECEIVED, Row
from gold.told import kept, tickers
from marketkeep.model import RAW_TABLES, SECURITIES, Batch, Lineage, Policy
from marketkeep.pipeline.publishing.answers import asked_after
from marketkeep.pipeline.publishing.fundamentals import PublishedFundamentals, publish_fundamentals
from marketkeep.pipeline.publishing.panel import PanelUpdate
from marketkeep.pipeline.publishing.pieces import Pieces
from marketkeep.pipeline.publishing.written import entry_rows
from marketkeep.pipeline.securities import add_symbols
from marketkeep.pipeline.workspace import Workspace, open_workspace
from marketkeep.stores.lake import Lake, batch_rows, layout, write_catalog


@dataclass
class FactKeep:
    """A keep at `root`; `issuers` says which symbol is whose share, in raw and in the table of securities."""

    root: Path
    issuers: dict[str, int] = field(default_factory=lambda: {"MADE": 42})
    work: Workspace = field(init=False)

    def __post_init__(self) -> None:
        Lake(self.root).create(Policy())
        before = RECEIVED - timedelta(days=1)
        self.work = open_workspace(self.root, clock=lambda: before)
        told = {symbol: (cik, f"Company {cik}") for symbol, cik in self.issuers.items()}
        kept(self.work.batches, tickers(before.date(), told))
        add_symbols(self.work, sorted(self.issuers))
        self.name(self.issuers)

    def name(self, issuers: dict[str, int], *, followed: bool = True) -> None:
        """Say whose shares are traded under which symbol."""
        rows = [
            {
                "security_id": symbol,
                "symbol": symbol,
                "asset_class": "equity",
                "cik": cik,
                "priority": "medium",
                "followed": followed,
                "active": True,
            }
            for symbol, cik in sorted(issuers.items())
        ]
        self.work.lake.put_frame(layout.METADATA, pl.DataFrame(rows, schema=SECURITIES.schema))

    def take(self, dataset: str, rows: Iterable[Row], *, at: int = 0) -> Batch:
        """Keep raw rows as one batch, received that many days after the first."""
        moment = RECEIVED + timedelta(days=at)
        one = Lineage(f"sha256:{dataset}{at}", "pack", 0, "https://x.example/", (), None, None, moment)
        schema = RAW_TABLES[dataset].schema
        frame = pl.DataFrame([{name: row[name] for name in schema} for row in rows], schema=schema)
        batch = self.work.batches.write(dataset, "sec", "run", frame, [one])
        assert batch is not None
        return batch

    def publish(self) -> PublishedFundamentals:
        """Publish what raw holds beyond the catalog, as absorbing does."""
        catalog = self.work.lake.catalog()
        known = set(catalog.batches["path"])
        new = [self.work.batches.load(path) for path in self.work.batches.paths() if path not in known]
        batches = pl.concat([catalog.batches, batch_rows(new)])
        result = publish_fundamentals(self.work, catalog, batches, new)
        keys = pl.DataFrame(
            sorted(result.keys), schema={"dataset": pl.String, "symbol": pl.String, "period": pl.Int32}, orient="row"
        )
        stays = catalog.entries.join(keys, on=["dataset", "symbol", "period"], how="anti")
        entries = pl.concat([stays, entry_rows(result.entries)])
        with Pieces(self.work.files.scratch) as pieces:
            panels = PanelUpdate(self.work.files, catalog, pieces, self.work.engine).write(entries)
        write_catalog(self.root, entries, batches, asked_after(catalog.asked, new), catalog.tickers, panels)
        return result

    def files(self) -> dict[str, bytes]:
        """Every published file but those of identity, which are not made here, by path."""
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in self._mine()}

    def clear(self) -> None:
        """Take these away, as before a rebuild."""
        for path in self._mine():
            path.unlink()

    def _mine(self) -> list[Path]:
        other = ("reference/", "catalog/folded/listings")
        return [self.root / key for key in layout.published(self.root) if not key.startswith(other)]

    def open(self) -> marketkeep.Keep:
        """The keep as a reader sees it."""
        return marketkeep.open(self.root)


def days_after(count: int) -> datetime:
    """The instant that many days after the first batch was received."""
    return RECEIVED + timedelta(days=count)


def of(cik: int, rows: Sequence[Row]) -> list[Row]:
    """The same rows as told of another company."""
    return [{**row, "cik": cik, "accession": row["accession"].replace("42", str(cik), 1)} for row in rows]
