"""Minute bars as they are asked for: ranges, segments, adjustment, both clocks, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from marketkeep.calendars import XNYS
from marketkeep.errors import BadInput, BadRange, BadSymbol, CorruptFile, NotFound
from marketkeep.query import MinuteBarsQuery
from marketkeep.query.minutes import COLUMNS
from marketkeep.stores.lake import layout
from minute_keep import MinuteKeep
from minute_rows import Row, at_new_york, delivered, minute

DAYS = XNYS.sessions(date(2024, 3, 4), date(2024, 3, 15))
EX_SPLIT, EX_CASH = DAYS[3], DAYS[6]
CLOCKS = ("09:29", "09:30", "15:59", "16:00")
PRE_SPLIT, POST_SPLIT = 40.0, 10.0


def session(day: date, **told: object) -> list[Row]:
    """Four minutes of a session, before the split at four times the price."""
    return [minute(day, clock, PRE_SPLIT if day < EX_SPLIT else POST_SPLIT, **told) for clock in CLOCKS]


@pytest.fixture
def keep(tmp_path: Path) -> MinuteKeep:
    """A keep with daily and minute bars over a split of 4:1 and a dividend of 1 a share."""
    made = MinuteKeep(tmp_path / "keep")
    made.days({day: PRE_SPLIT if day < EX_SPLIT else POST_SPLIT for day in DAYS})
    made.split(EX_SPLIT, 4)
    paid = {
        "symbol": "AAPL",
        "ex_date": EX_CASH,
        "kind": "dividend",
        "amount": 1.0,
        "text": "1.0",
        "basis": "as_traded",
    }
    made.receive(delivered([paid], "actions"), dataset="actions")
    made.take(*(row for day in DAYS for row in session(day)))
    return made


def by_day(query: MinuteBarsQuery, column: str = "close") -> dict[date, float]:
    """The value of each session's first row."""
    frame = query.polars().group_by("date", maintain_order=True).agg(pl.col(column).first())
    return dict(frame.iter_rows())


def test_columns_and_order(keep: MinuteKeep) -> None:
    """
    The columns are those documented, in UTC, sorted by symbol and time; any spelling of a symbol is taken, once.
    """
    keep.take(*(row | {"symbol": "A"} for row in session(DAYS[0])))
    bars = keep.open().minute_bars(["aapl", "AAPL", "A"]).polars()
    assert bars.columns == COLUMNS
    assert bars.schema["ts"] == pl.Datetime("us", "UTC")
    assert bars.equals(bars.sort("symbol", "ts"))
    assert bars.height == 4 * (len(DAYS) + 1)
    assert bars["symbol"].unique().sort().to_list() == ["A", "AAPL"]


def test_dates_are_sessions_end_included(keep: MinuteKeep) -> None:
    """
    Both ends are sessions and belong to the answer; sessions without bars give none.
    """
    opened = keep.open()
    assert list(by_day(opened.minute_bars("AAPL", DAYS[1], DAYS[2]))) == DAYS[1:3]
    assert list(by_day(opened.minute_bars("AAPL", str(DAYS[-2])))) == DAYS[-2:]
    assert opened.minute_bars("AAPL", "2025-01-01").polars().is_empty()
    assert opened.minute_bars("AAPL", "2025-01-01", adjust="all").polars().columns == COLUMNS


def test_segments(keep: MinuteKeep) -> None:
    """
    One segment of the session or all of it.
    """
    opened = keep.open()
    told = {
        name: opened.minute_bars("AAPL", DAYS[0], DAYS[0], segment=name).polars().height
        for name in ("pre", "regular", "post")
    }
    assert told == {"pre": 1, "regular": 2, "post": 1}
    assert opened.minute_bars("AAPL", DAYS[0], DAYS[0]).polars().height == 4


def test_adjusted_by_the_factors_of_the_daily_bars(keep: MinuteKeep) -> None:
    """
    Prices and VWAP multiply by the session's daily factors, volume divides by the split's, trade counts stay; the
    regular close of a session is the daily one under every adjustment.
    """
    opened = keep.open()
    for adjust in ("none", "splits", "all"):
        query = opened.minute_bars("AAPL", segment="regular", adjust=adjust)
        daily = dict(opened.bars("AAPL", adjust=adjust).polars().select("date", "close").iter_rows())
        assert by_day(query) == daily
        assert by_day(query, "vwap") == daily
    scaled = opened.minute_bars("AAPL", adjust="splits")
    assert by_day(scaled, "volume") == {day: 400.0 if day < EX_SPLIT else 100.0 for day in DAYS}
    assert set(by_day(scaled, "trade_count").values()) == {5}
    assert by_day(scaled)[DAYS[0]] == 10.0
    assert by_day(scaled.adjusted("all"))[DAYS[0]] == 10.0 * (1 - 1 / 10)
    assert by_day(scaled.adjusted("none"))[DAYS[0]] == 40.0


def test_adjusted_slice_is_a_slice_of_the_adjusted(keep: MinuteKeep) -> None:
    """
    A range that ends before an ex-date is adjusted for it all the same.
    """
    opened = keep.open()
    whole = opened.minute_bars("AAPL", adjust="all").polars()
    part = opened.minute_bars("AAPL", DAYS[0], DAYS[1], adjust="all").polars()
    assert part.equals(whole.filter(pl.col("date") <= DAYS[1]))


def test_as_of_an_instant_shows_minutes_that_are_over(keep: MinuteKeep) -> None:
    """
    A bar is known once its minute is over, and an action from the date of its ex-date in New York on.
    """
    opened = keep.open()

    def seen(clock: str) -> list[float]:
        as_of = at_new_york(EX_SPLIT, clock)
        return opened.minute_bars("AAPL", EX_SPLIT, as_of=as_of).polars()["close"].to_list()

    assert seen("09:29") == []
    assert seen("09:30") == [10.0]
    assert seen("09:31") == [10.0] * 2
    assert seen("16:00") == [10.0] * 3
    before = opened.minute_bars("AAPL", adjust="all", as_of=at_new_york(DAYS[2], "23:59"))
    assert set(by_day(before).values()) == {40.0}
    after = opened.minute_bars("AAPL", adjust="all", as_of=at_new_york(EX_SPLIT, "00:01"))
    assert set(by_day(after).values()) == {10.0}
    assert max(by_day(after)) == DAYS[2]


def test_as_of_a_date_is_the_end_of_its_session(keep: MinuteKeep) -> None:
    """
    A date shows its whole session; text is read as either.
    """
    opened = keep.open()
    assert list(by_day(opened.minute_bars("AAPL", as_of=DAYS[1]))) == DAYS[:2]
    assert list(by_day(opened.minute_bars("AAPL", as_of=str(DAYS[1])))) == DAYS[:2]
    # 20:59 UTC is 15:59 in New York then, so the last regular minute is not over yet; no zone means UTC.
    for text in (f"{DAYS[1]}T20:59:00", f"{DAYS[1]}T20:59:59+00:00"):
        assert opened.minute_bars("AAPL", DAYS[1], as_of=text).polars().height == 2


def test_recorded_by_replays_what_was_held(keep: MinuteKeep) -> None:
    """
    A correction or an action received later stays unseen by an earlier clock; with the latest one the answer is the
    published one.
    """
    before = keep.now
    keep.now += timedelta(hours=1)
    keep.take(minute(DAYS[0], "09:30", 44.0))
    keep.split(DAYS[1], 2)
    opened = keep.open()

    def at(moment: object, **told: object) -> list[float]:
        frame = opened.minute_bars("AAPL", DAYS[0], DAYS[0], recorded_by=moment, **told).polars()
        return frame["close"].to_list()

    assert at(before) == [40.0, 40.0, 40.0, 40.0]
    assert at(None) == at(keep.now) == [40.0, 44.0, 40.0, 40.0]
    assert at(before, adjust="splits") == [10.0] * 4
    for adjust in ("none", "splits", "all"):
        now = opened.minute_bars("AAPL", adjust=adjust).polars()
        assert opened.minute_bars("AAPL", adjust=adjust, recorded_by=keep.now).polars().equals(now)


def test_recorded_before_anything_was(keep: MinuteKeep) -> None:
    """
    What the keep did not hold then is not found; a range without bars of a symbol it did hold is empty.
    """
    opened = keep.open()
    with pytest.raises(NotFound, match="recorded by"):
        opened.minute_bars("AAPL", DAYS[0], recorded_by="2020-01-01").polars()
    assert opened.minute_bars("AAPL", "2025-01-01", recorded_by=keep.now).polars().is_empty()


def test_unknown_symbol_is_not_found(keep: MinuteKeep) -> None:
    """
    A symbol without minute bars is named, though it may have daily ones.
    """
    with pytest.raises(NotFound, match="MSFT: no minute bars"):
        keep.open().minute_bars(["AAPL", "MSFT"]).polars()


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"symbols": "no such/../thing"}, BadSymbol),
        ({"symbols": []}, BadInput),
        ({"start": "2024-03-05", "end": "2024-03-04"}, BadRange),
        ({"start": "yesterday"}, BadInput),
        ({"adjust": "dividends"}, BadInput),
        ({"segment": "night"}, BadInput),
        ({"as_of": "noon"}, BadInput),
        ({"recorded_by": "noon"}, BadInput),
    ],
)
def test_bad_questions_are_refused_before_reading(keep: MinuteKeep, told: dict[str, object], error: type) -> None:
    """
    What cannot be right is refused when it is asked, not when it is read.
    """
    with pytest.raises(error):
        keep.open().minute_bars(**{"symbols": "AAPL", **told})


def test_action_without_daily_bars_is_not_left_out_in_silence(tmp_path: Path) -> None:
    """
    Factors come from daily bars: where they are not there for an action, an adjusted answer is refused, as traded is
    not.
    """
    keep = MinuteKeep(tmp_path / "keep")
    keep.take(*(row for day in DAYS for row in session(day)))
    assert by_day(keep.open().minute_bars("AAPL", adjust="all"))[DAYS[0]] == 40.0
    keep.split(EX_SPLIT, 4)
    opened = keep.open()
    with pytest.raises(NotFound, match=f"split of {EX_SPLIT}"):
        opened.minute_bars("AAPL", adjust="splits").polars()
    assert opened.minute_bars("AAPL").polars().height == 4 * len(DAYS)
    assert opened.minute_bars("AAPL", EX_SPLIT, adjust="splits").polars()["close"].to_list()[0] == 10.0
    assert opened.minute_bars("AAPL", adjust="splits", as_of=DAYS[2]).polars()["close"].to_list()[0] == 40.0
    keep.days({DAYS[4]: 10.0, DAYS[5]: 10.0})
    with pytest.raises(NotFound, match="daily bars"):
        keep.open().minute_bars("AAPL", DAYS[0], DAYS[1], adjust="splits").polars()
    keep.days({DAYS[2]: 40.0})
    assert by_day(keep.open().minute_bars("AAPL", adjust="splits"))[DAYS[0]] == 10.0


def test_crypto_pair(tmp_path: Path) -> None:
    """
    A pair trades on weekends; its day and what is known as of an instant go by UTC.
    """
    keep = MinuteKeep(tmp_path / "keep")
    sunday = datetime(2024, 3, 3, tzinfo=UTC)
    times = [sunday, sunday + timedelta(hours=23, minutes=59)]
    keep.take(*(minute("2024-03-03", symbol="BTC-USD", feed="coinbase", ts=ts) for ts in times))
    opened = keep.open()
    assert opened.minute_bars("BTC-USD").polars().select("ts", "segment").rows() == [(ts, "regular") for ts in times]
    assert opened.minute_bars("BTC/USD", as_of=times[1]).polars().height == 1


def test_terminals_tell_the_same(keep: MinuteKeep, tmp_path: Path) -> None:
    """
    Arrow, pandas and files hold what the polars frame does; CSV tells times in UTC to the second.
    """
    query = keep.open().minute_bars("AAPL", DAYS[0], DAYS[1])
    frame = query.polars()
    assert pl.from_arrow(query.arrow()).equals(frame)
    assert query.pandas()["close"].to_list() == frame["close"].to_list()
    assert pl.read_parquet(query.parquet(tmp_path / "bars.parquet")).equals(frame)
    lines = query.csv(tmp_path / "bars.csv").read_text().splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert lines[1].startswith("AAPL,2024-03-04T14:29:00Z,2024-03-04,40.0,")
    assert pl.read_json(query.json(tmp_path / "bars.json"))["close"].equals(frame["close"])


def test_damaged_file_is_named_when_read(keep: MinuteKeep) -> None:
    """
    A file that is gone is named; sessions beside it are still served.
    """
    path = keep.root / layout.minute_ticks("AAPL", DAYS[2])
    path.unlink()
    opened = keep.open()
    with pytest.raises(CorruptFile) as raised:
        opened.minute_bars("AAPL").polars()
    assert raised.value.path == path
    assert opened.minute_bars("AAPL", DAYS[3]).polars().height == 4 * (len(DAYS) - 3)


def test_coverage_of_minute_bars(keep: MinuteKeep) -> None:
    """
    Coverage counts the sessions of either dataset.
    """
    opened = keep.open()
    [minutes] = opened.coverage("minute_bars").rows(named=True)
    assert minutes == {
        "symbol": "AAPL",
        "rows": 4 * len(DAYS),
        "first": DAYS[0],
        "last": DAYS[-1],
        "missing": 0,
        "score": 100.0,
    }
    assert opened.coverage()["rows"].to_list() == [len(DAYS)]


def test_issues_tell_datasets_apart(keep: MinuteKeep) -> None:
    """
    A session without minute bars is an issue of theirs, whatever the daily bars hold; a refused minute within a session
    that is served is none, and a flaw in one that is served is.
    """
    later = XNYS.sessions(date(2024, 3, 15), date(2024, 3, 23))
    keep.days(dict.fromkeys(later, 10.0))
    flawed = session(later[3], volume=0.0)
    keep.take(*session(later[0]), *session(later[1], volume=-1.0), *session(later[2]), *flawed)
    keep.take(minute(later[3], "11:00", volume=-1.0))
    issues = keep.open().issues().filter(pl.col("dataset") == "minute_bars", pl.col("check") != "minutes_incomplete")
    assert issues.select("check", "first", "last", "count").rows() == [
        ("volume_negative", later[1], later[1], 4),
        ("gap", later[1], later[1], 1),
        ("volume_zero", later[3], later[3], 4),
    ]
