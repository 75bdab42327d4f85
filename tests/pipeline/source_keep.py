"""A keep that collects from one builtin source over the gym's sockets: what each source is asked in tests of faults."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from gym_keep import BAR_COLUMNS, differing_actions, published_tree

import marketkeep
from gym import Gym
from marketkeep.config import Settings
from marketkeep.http import Client, Credential, HttpSettings, HttpxTransport, YahooTransport
from marketkeep.model import RAW_TABLES, Policy, Rate, Source
from marketkeep.operate.doctor import examine
from marketkeep.operate.sources import SourceState, source_states
from marketkeep.pipeline.collecting.book import find_source
from marketkeep.pipeline.collecting.filling import Outcome
from marketkeep.pipeline.collecting.ledger import Ledger
from marketkeep.pipeline.collecting.means import Means
from marketkeep.pipeline.collecting.update import update
from marketkeep.pipeline.journal import open_runs, read_run, run_keys
from marketkeep.pipeline.rebuild import rebuild
from marketkeep.pipeline.securities import add_symbols
from marketkeep.pipeline.workspace import Workspace, open_workspace
from marketkeep.stores.lake import Lake

QUICK = HttpSettings(
    timeout_seconds=0.8, connect_seconds=0.8, attempts=3, wait_initial=0.01, wait_max=0.02, retry_after_max=0.1
)
QUICKLY = Rate(1000)
CONTACT = "Gym Tester gym@example.org"
LAST, LATER = date(2024, 11, 20), timedelta(days=31)
"""The last session that is collected at first, and when every memory of a refusal is over."""

START = date(2024, 9, 3)
SYMBOLS = ("BRK.B", "NA")


@dataclass(frozen=True)
class Case:
    """What a source is asked: `datasets` for `symbols`; `prepared` are sources that tell first whom there is to ask."""

    source: str
    datasets: tuple[str, ...]
    symbols: tuple[str, ...] = ()
    prepared: tuple[str, ...] = ()


CASES = {
    case.source: case
    for case in (
        Case("nasdaq_trader", ("listings",)),
        Case("sec_tickers", ("listings",)),
        Case("wikipedia", ("index_members",)),
        Case("ishares", ("index_members",)),
        Case("treasury", ("treasury_yields",)),
        Case("yahoo", ("daily_bars", "actions"), SYMBOLS),
        Case("polygon", ("daily_bars", "actions"), SYMBOLS),
        Case("alpaca", ("daily_bars", "actions"), SYMBOLS),
        Case("alpha_vantage", ("daily_bars",), SYMBOLS),
        Case("binance", ("daily_bars",), ("BTC-USDT", "ETH-USDT")),
        Case("coinbase", ("daily_bars",), ("BTC-USD", "ETH-USD")),
        Case("sec", ("filings", "facts"), SYMBOLS, ("sec_tickers",)),
    )
}


def credential(source: Source) -> Credential:
    """The gym's key for a source, where it needs one."""
    given = {"key": f"gym-key-{source.name}", "secret": f"gym-secret-{source.name}", "contact": CONTACT}
    filled = [
        tuple((name, template.format_map(given)) for name, template in pairs)
        for pairs in (source.access.headers, source.access.params)
    ]
    return Credential(filled[0], filled[1], tuple(given[need] for need in source.access.needs))


@dataclass
class SourceKeep:
    """
    A keep at `root` that follows the case's symbols; its clock is the gym's. With `begun` it begins as a copy of that.
    """

    root: Path
    gym: Gym
    case: Case
    begun: Path | None = None
    work: Workspace = field(init=False)

    def __post_init__(self) -> None:
        if self.begun:
            shutil.copytree(self.begun, self.root)
            self.work = open_workspace(self.root, clock=lambda: self.gym.now)
            return
        Lake(self.root).create(Policy(start=START))
        self.work = open_workspace(self.root, clock=lambda: self.gym.now)
        if self.case.symbols:
            add_symbols(self.work, self.case.symbols)
        for name in self.case.prepared:
            self._update(name, ("listings",))

    @contextmanager
    def means(self, name: str) -> Iterator[Means]:
        """The means of asking one source, which is not slowed down."""
        source = find_source(name)
        quotas = {name: source.quota} if source.quota is not None else {}
        with (
            Ledger(self.root, self.work.clock, quotas) as ledger,
            Client(
                QUICK,
                clock=self.work.clock,
                transports={
                    "http": HttpxTransport(),
                    "yahoo": YahooTransport(f"{self.gym.url}/query2.finance.yahoo.com"),
                },
                credentials={name: credential(source)},
                rates={name: QUICKLY},
                gateway=self.gym.url,
                meter=ledger,
            ) as client,
        ):
            yield Means((source,), client, ledger, rates={name: QUICKLY}, quotas=quotas)

    def _update(self, name: str, datasets: Sequence[str]) -> Outcome:
        with self.means(name) as means:
            return update(self.work, means, datasets=datasets)

    def collect(self) -> Outcome:
        """One update from the case's source."""
        return self._update(self.case.source, self.case.datasets)

    def events(self, name: str) -> list[dict[str, Any]]:
        """All events of that name in all journals."""
        return [one for path in run_keys(self.root) for one in read_run(self.root, path) if one["event"] == name]

    def raw(self) -> dict[str, str]:
        """What is known of each raw dataset from the source: how many rows, each once, and their hash."""
        return raw_rows(self.work, f"{self.case.source}/")

    def sound(self) -> None:
        """Nothing is half-written: no temporary file, no run open, and the doctor finds all as it was kept."""
        assert [path for path in self.root.rglob("*") if path.suffix == ".tmp"] == []
        assert open_runs(self.root) == []
        assert examine(self.root).problems == ()

    def as_rebuilt(self) -> None:
        """What is published is what raw alone gives, byte for byte."""
        before = published_tree(self.root)
        rebuild(self.work)
        assert published_tree(self.root) == before

    def state(self) -> SourceState:
        """How the source stands, as `marketkeep sources` tells it."""
        states = source_states(self.root, Settings(data=self.root), self.work.clock)
        return next(one for one in states if one.name == self.case.source)

    def requests(self) -> dict[tuple[str, str], int]:
        """How often the gym was asked for the same, by path and parameters."""
        asked: dict[tuple[str, str], int] = {}
        for hit in self.gym.log:
            key = hit.path, str(sorted(hit.params.items()))
            asked[key] = asked.get(key, 0) + 1
        return asked


def raw_rows(work: Workspace, source: str = "") -> dict[str, str]:
    """By raw dataset, from one source or all: how many rows are known, each counted once, and their hash."""
    return {name: _digest(work, name, source) for name in sorted(RAW_TABLES)}


def _digest(work: Workspace, dataset: str, source: str) -> str:
    paths = [path for path in work.batches.paths() if path.split("/")[1] == dataset and f"/{source}" in path]
    rows = work.batches.rows(dataset, paths)
    known = rows.select([name for name in RAW_TABLES[dataset].delivered if name != "basis_date"])
    lines = sorted(set(known.select(pl.struct(pl.all()).struct.json_encode()).to_series().to_list()))
    return f"{len(lines)} rows {hashlib.sha256(chr(10).join(lines).encode()).hexdigest()}"


def differing(keep: SourceKeep, last: date = LAST) -> dict[str, int]:
    """By symbol, how many rows of gold differ from the truth of stocks, from START to `last`."""
    opened, truth, wrong = marketkeep.open(keep.root), keep.gym.truth, {}
    assert truth is not None
    for symbol in keep.case.symbols:
        true = truth.bars(symbol).filter(pl.col("date").is_between(START, last)).select(BAR_COLUMNS)
        ours = opened.bars(symbol).polars().select(BAR_COLUMNS)
        count = ours.join(true.cast(ours.schema), on=BAR_COLUMNS, how="anti", nulls_equal=True).height
        count += true.cast(ours.schema).join(ours, on=BAR_COLUMNS, how="anti", nulls_equal=True).height
        if "actions" in keep.case.datasets:
            count += differing_actions(opened, keep.gym, symbol, START, last)
        if count:
            wrong[symbol] = count
    return wrong


def evening(day: date) -> datetime:
    """An instant at which a day is over for New York and for the day's files."""
    return datetime(day.year, day.month, day.day, 23, tzinfo=UTC)
