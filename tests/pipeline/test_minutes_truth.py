"""Minute bars of the made-up market, delivered as traded or scaled, come out as they traded and add up to the day."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gym.minutes import minutes
from gym.truth import Truth
from marketkeep.pipeline.publishing.absorb import absorb
from minute_keep import MinuteKeep

PRICES = ["open", "high", "low", "close"]
FACTS = ["ts", "date", *PRICES, "volume", "vwap", "trade_count"]


@cache
def truth() -> Truth:
    """A market of some symbols over three years."""
    return Truth(seed=7, symbols=40, years=3)


@cache
def around_splits() -> dict[str, list[date]]:
    """By symbol that splits, the sessions from four before its last split to three after."""
    found = {}
    for symbol in truth().symbols:
        ex_dates = truth().actions(symbol).filter(pl.col("kind") == "split")["ex_date"]
        days = truth().history(symbol).sessions.dates.tolist()
        if len(ex_dates) and ex_dates[-1] in days[4:-4]:
            at = days.index(ex_dates[-1])
            found[symbol] = days[at - 4 : at + 4]
    return dict(list(found.items())[:4])


def true_minutes(symbol: str) -> pl.DataFrame:
    """What traded, in the columns of raw rows."""
    frames = [minutes(truth().history(symbol), day).with_columns(date=pl.lit(day)) for day in around_splits()[symbol]]
    ts = pl.from_epoch("ts", time_unit="s").dt.cast_time_unit("us").dt.replace_time_zone("UTC")
    return pl.concat(frames).rename({"trades": "trade_count"}).with_columns(ts=ts)


def scaled(symbol: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows as a source has them that applies all splits up to the last day and tells float32."""
    history = truth().history(symbol)
    told = {"date": history.sessions.dates, "ratio": history.ratio_after(truth().last)}
    ratio = rows.join(pl.DataFrame(told), on="date", how="left", maintain_order="left")["ratio"].to_numpy()
    prices = {name: (rows[name].to_numpy() / ratio).astype(np.float32).astype(np.float64) for name in PRICES}
    return rows.with_columns(
        *(pl.Series(name, values) for name, values in prices.items()),
        pl.Series("volume", rows["volume"].to_numpy() * ratio),
        vwap=pl.lit(None, dtype=pl.Float64),
        basis=pl.lit("split_adjusted"),
        basis_date=pl.lit(truth().last),
    )


def fill(keep: MinuteKeep, *, adjusted: bool) -> None:
    """Deliver minutes, daily bars and actions of every symbol that splits; a batch a symbol and dataset."""
    for symbol in around_splits():
        rows = true_minutes(symbol)
        rows = scaled(symbol, rows) if adjusted else rows.with_columns(basis=pl.lit("as_traded"))
        here = {"symbol": pl.lit(symbol), "payload": pl.lit(0, dtype=pl.UInt32)}
        keep.receive(rows.with_columns(feed=pl.lit("sip"), **here), source="a")
        paid = truth().actions(symbol).with_columns(text=pl.lit("told"), basis=pl.lit("as_traded"), **here)
        keep.receive(paid, source="a", dataset="actions")
        daily = truth().bars(symbol).with_columns(basis=pl.lit("as_traded"), **here)
        keep.receive(daily, source="a", dataset="daily_bars")
    absorb(keep.work)


@pytest.mark.parametrize("adjusted", [False, True])
def test_minutes_come_out_as_they_traded(tmp_path: Path, adjusted: bool) -> None:
    """
    Every minute is served with the cents and shares it traded at, whichever way the source delivered it.
    """
    assert len(around_splits()) == 4
    keep = MinuteKeep(tmp_path / "keep")
    fill(keep, adjusted=adjusted)
    for symbol in around_splits():
        ours = keep.open().minute_bars(symbol).polars().select(FACTS)
        true = true_minutes(symbol).select(FACTS)
        if adjusted:
            # A share scaled to a fraction comes back within the last bit; this source tells no VWAP.
            assert np.allclose(ours["volume"], true["volume"], rtol=1e-12)
            ours, true = ours.drop("vwap", "volume"), true.drop("vwap", "volume")
        assert ours.equals(true.cast(ours.schema))


@pytest.mark.parametrize("adjust", ["none", "splits", "all"])
def test_trap_25_regular_minutes_add_up_to_the_day(tmp_path: Path, adjust: str) -> None:
    """
    Trap 25: the regular segment alone gives the daily open, high, low, close and volume, under every adjustment; before
    and after hours lie beyond it.
    """
    keep = MinuteKeep(tmp_path / "keep")
    fill(keep, adjusted=False)
    opened = keep.open()
    for symbol, days in around_splits().items():
        regular = opened.minute_bars(symbol, adjust=adjust, segment="regular").polars()
        added = regular.group_by("date", maintain_order=True).agg(
            pl.col("open").first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").last(),
            pl.col("volume").sum(),
        )
        daily = opened.bars(symbol, days[0], days[-1], adjust=adjust).polars()
        assert added["date"].to_list() == days == daily["date"].to_list()
        for name in (*PRICES, "volume"):
            assert np.allclose(added[name], daily[name], rtol=1e-12)
    counts = opened.minute_bars(list(around_splits())).polars()["segment"].value_counts()
    assert set(counts["segment"]) == {"pre", "regular", "post"}


def test_as_of_a_session_before_the_split(tmp_path: Path) -> None:
    """
    Before the ex-date nothing is scaled for a split to come, and no minute later than the instant is seen.
    """
    keep = MinuteKeep(tmp_path / "keep")
    fill(keep, adjusted=True)
    for symbol, days in around_splits().items():
        as_of = true_minutes(symbol).filter(pl.col("date") == days[3])["ts"][5]
        seen = keep.open().minute_bars(symbol, adjust="splits", as_of=as_of).polars()
        true = true_minutes(symbol).filter(pl.col("ts") + timedelta(minutes=1) <= as_of)
        assert seen["close"].to_list() == true["close"].to_list()
