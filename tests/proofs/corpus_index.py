"""Verdicts on the recorded pages and files about indices and the yield curve: folders index, wikipedia, treasury."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from marketkeep.errors import BadFile
from marketkeep.model import Query, Request, Source
from marketkeep.sources.fund_holdings import IShares
from marketkeep.sources.members_csv import read_members
from marketkeep.sources.treasury import Treasury
from marketkeep.sources.wikipedia import Wikipedia
from proofs.verdicts import Verdict, body_of, files_of, judge

FETCHED = datetime(2026, 5, 12, 22, tzinfo=UTC)
CURVES = Request("treasury", "treasury_yields", "https://home.treasury.gov/.../daily-treasury-rates.csv")
LISTS_FROM = date(2026, 8, 1)
"""As of when lists without a day of their own are said to be."""
_INDEX = {"dowjones": "dow_jones", "nasdaq100": "nasdaq100", "history_dow30": "dow_jones", "latest_dow30": "dow_jones"}


def index_of(path: Path) -> str:
    """The index that a file is about."""
    return _INDEX.get(path.parent.name) or _INDEX.get(path.stem) or "sp500"


def asked(source: Source, index: str, now: datetime = FETCHED) -> Request:
    """The request that a page or file answers."""
    (request,) = source.plan(Query("index_members", (index,), now.date(), now.date(), now))
    return request


def verdicts(corpus: Path) -> Iterator[Verdict]:
    """What becomes of every file of the three folders."""
    for path in files_of(corpus, "wikipedia"):
        yield judge(corpus, path, Wikipedia(), asked(Wikipedia(), "sp500"), fetched_at=FETCHED)
    for path in files_of(corpus, "treasury"):
        yield judge(corpus, path, Treasury(), CURVES, fetched_at=FETCHED)
    for path in files_of(corpus, "index"):
        if path.parent.name.startswith("ishares"):
            index = "russell_1000" if path.name.startswith("IWB") else "sp500"
            yield judge(corpus, path, IShares(), asked(IShares(), index), fetched_at=FETCHED)
        else:
            yield _local(corpus, path)


def members_of(path: Path) -> pl.DataFrame:
    """What a local file says, as a list of `LISTS_FROM` where it has no day."""
    return read_members(body_of(path), name=path.name, index=index_of(path), on=LISTS_FROM)["index_members"]


def _local(corpus: Path, path: Path) -> Verdict:
    where, endpoint = path.relative_to(corpus).as_posix(), "a file of the user's"
    try:
        rows = members_of(path)
    except BadFile as error:
        return Verdict(where, "members_csv", endpoint, refused=str(error))
    return Verdict(where, "members_csv", endpoint, {"index_members": rows.height})
