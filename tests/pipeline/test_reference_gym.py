"""Directories collected day after day over real sockets: the reference tables are the truth, and so are a rebuild's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from gym_keep import QUICK, after_close

from gold.told import changes, of
from gym import Gym, Truth, serve, some_vendors
from marketkeep.calendars import XNYS
from marketkeep.http import Client, Credential, HttpxTransport
from marketkeep.model import Rate
from marketkeep.pipeline.collecting.ledger import Ledger
from marketkeep.pipeline.collecting.means import Means
from marketkeep.pipeline.collecting.update import update
from marketkeep.pipeline.rebuild import rebuild
from marketkeep.pipeline.securities import add_symbols
from marketkeep.sources import NasdaqTrader, SecTickers
from marketkeep.stores.lake import layout
from small_keep import SmallKeep

TRUTH = Truth(symbols=40, years=2)
CONTACT = Credential(headers=(("User-Agent", "marketkeep gym@example.org"),))
SOURCES = (NasdaqTrader(rate=Rate(1000)), SecTickers(rate=Rate(1000)))


def collect(keep: SmallKeep, gym: Gym, day: date) -> None:
    """The reference data of a day's evening."""
    gym.now = keep.now = after_close(day)
    transports = {"http": HttpxTransport("marketkeep")}
    with (
        Ledger(keep.root, lambda: keep.now) as ledger,
        Client(
            QUICK,
            clock=lambda: keep.now,
            transports=transports,
            credentials={"sec_tickers": CONTACT},
            gateway=gym.url,
        ) as client,
    ):
        update(keep.work, Means(SOURCES, client, ledger), datasets=("listings",))


def reference(keep: SmallKeep) -> dict[str, bytes]:
    """The published reference tables."""
    paths = [keep.root / path for path in (layout.METADATA, layout.HISTORY)]
    return {path.name: path.read_bytes() for path in paths if path.exists()}


@pytest.mark.parametrize("kind", ["renamed", "delisted"])
def test_days_of_directories_tell_what_happened(tmp_path: Path, kind: str) -> None:
    """Around a rename or delisting of the truth, history has it with its day, and following goes along."""
    every = [TRUTH.security(symbol) for symbol in TRUTH.symbols]
    if kind == "renamed":
        # With a name that changes too: the SEC's list has to tell that it is the same security.
        one = next(s for s in every if s.formerly and s.renamed_on and not TRUTH.profile(s.symbol).etf)
        assert one.renamed_on is not None
        day, want = one.renamed_on, (one.formerly, one.symbol, one.renamed_on)
    else:
        one = next(s for s in every if s.delisted)
        day = XNYS.next_session(one.last)
        want = (one.symbol, None, day)
    before = [XNYS.previous_session(XNYS.previous_session(day)), XNYS.previous_session(day)]
    days = [*before, *XNYS.sessions(day, day + timedelta(days=9))[:3]]
    keep = SmallKeep(tmp_path / "keep", now=datetime(2022, 1, 1, tzinfo=UTC))
    add_symbols(keep.work, [str(want[0])])
    with serve(truth=TRUTH, vendors=some_vendors("nasdaq_trader", "sec_tickers")) as gym:
        for one_day in days:
            collect(keep, gym, one_day)
        asked = [hit.vendor for hit in gym.log]
    assert sorted(set(asked)) == ["nasdaq_trader", "sec_tickers"]
    assert len(asked) == 2 * len(days)
    securities = keep.work.lake.securities()
    assert want in changes(keep.work.lake.ticker_history())
    if want[1] is None:
        assert not of(securities, str(want[0]))["active"]
    else:
        assert str(want[0]) not in securities["symbol"]
        assert of(securities, want[1])["followed"]
    listed = {
        s.formerly if s.renamed_on and s.renamed_on > days[-1] else s.symbol
        for s in every
        if s.first <= days[-1] and not (s.delisted and s.last < days[-1])
    }
    assert listed <= set(securities.filter(pl.col("active"))["symbol"])
    published = reference(keep)
    rebuild(keep.work)
    assert reference(keep) == published
