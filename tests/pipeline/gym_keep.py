"""What the pipeline's tests share: a keep over the gym with a clock that tests set, and a picture of its files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

import marketkeep
from gym import Gym
from marketkeep.http import Client, HttpSettings, YahooTransport
from marketkeep.model import Policy, Rate
from marketkeep.pipeline.collecting.filling import Outcome
from marketkeep.pipeline.collecting.ledger import Ledger
from marketkeep.pipeline.collecting.means import Means
from marketkeep.pipeline.collecting.update import update
from marketkeep.pipeline.securities import add_symbols
from marketkeep.pipeline.workspace import Workspace, open_workspace
from marketkeep.sources import Yahoo
from marketkeep.stores.lake import Lake, layout

QUICK = HttpSettings(
    timeout_seconds=1.0, connect_seconds=1.0, attempts=4, wait_initial=0.01, wait_max=0.05, retry_after_max=0.2
)
FAST_YAHOO = Yahoo(rate=Rate(1000))
BAR_COLUMNS = ["date", "open", "high", "low", "close", "volume"]


def after_close(day: date) -> datetime:
    """An instant at which the session of `day` is final."""
    return datetime(day.year, day.month, day.day, 23, tzinfo=UTC)


@dataclass
class GymKeep:
    """A keep at `root` that collects from `gym`; its clock is the gym's."""

    root: Path
    gym: Gym
    work: Workspace = field(init=False)

    def __post_init__(self) -> None:
        Lake(self.root).create(Policy())
        self.work = open_workspace(self.root, clock=lambda: self.gym.now)

    def follow(self, start: date, symbols: Sequence[str] | None = None) -> None:
        """Follow symbols, all of the truth's when none are named."""
        add_symbols(self.work, symbols or self.gym.truth.symbols, start=start)

    def collect(self, act: Callable[..., Outcome] = update, **options: object) -> Outcome:
        """Run one collecting step from Yahoo, through yfinance's own session."""
        with (
            Ledger(self.root, self.work.clock) as ledger,
            Client(QUICK, clock=self.work.clock, transports={"yahoo": YahooTransport(self.gym.url)}) as client,
        ):
            return act(self.work, Means((FAST_YAHOO,), client, ledger), **options)


def differing(root: Path, gym: Gym, start: date, last: date) -> dict[str, int]:
    """By symbol, how many rows of gold differ from the truth (bars and applied actions); empty when all are equal."""
    keep = marketkeep.open(root)
    wrong = {}
    for symbol in gym.truth.symbols:
        true = gym.truth.bars(symbol).filter(pl.col("date").is_between(start, last)).select(BAR_COLUMNS)
        if true.is_empty():
            continue
        ours = keep.bars(symbol).polars().select(BAR_COLUMNS)
        rows = ours.join(true.cast(ours.schema), on=BAR_COLUMNS, how="anti", nulls_equal=True).height
        rows += true.cast(ours.schema).join(ours, on=BAR_COLUMNS, how="anti", nulls_equal=True).height
        rows += differing_actions(keep, gym, symbol, start, last)
        if rows:
            wrong[symbol] = rows
    return wrong


def differing_actions(keep: marketkeep.Keep, gym: Gym, symbol: str, start: date, last: date) -> int:
    """How many actions of a symbol are told differently by the keep and by the truth."""
    columns = ["ex_date", "kind", "numerator", "denominator", "amount"]
    true = gym.truth.actions(symbol).filter(pl.col("ex_date").is_between(start, last)).select(columns)
    ours = keep.actions(symbol).select(columns)
    true = true.cast(ours.schema)
    extra = ours.join(true, on=columns, how="anti", nulls_equal=True)
    return extra.height + true.join(ours, on=columns, how="anti", nulls_equal=True).height


def published_tree(root: Path) -> dict[str, str]:
    """Hash of every published file, by its path."""
    return {key: hashlib.sha256((root / key).read_bytes()).hexdigest() for key in layout.published(root)}


def served_tree(root: Path) -> dict[str, str]:
    """
    Hash of the published files that tell values alone: findings and the catalog's ledgers also tell when and by which
    batch, which an interruption may change.
    """
    return {
        path: digest for path, digest in published_tree(root).items() if not path.startswith(("catalog/", "quality/"))
    }
