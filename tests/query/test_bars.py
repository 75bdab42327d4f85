"""Bars asked of a keep: adjustment, the two clocks, laziness, and the same answer from every terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import marketkeep
from marketkeep.errors import BadInput, BadRange, BadSymbol, NotFound
from marketkeep.query import BarsQuery
from marketkeep.query.plan_run import BarsReader
from marketkeep.stores.lake import Lake, records
from small_keep import SmallKeep, sessions

DAYS = sessions("2024-03-04", 6)
# A 4:1 split on the third session and a dividend of 0.5 on the fifth.
CLOSES = [100.0, 104.0, 25.0, 26.0, 24.0, 25.0]
ROWS = [
    (day, close, 0.5 if n == 4 else 0.0, 4.0 if n == 2 else 1.0)
    for n, (day, close) in enumerate(zip(DAYS, CLOSES, strict=True))
]
PAID = 1 - 0.5 / 26


@pytest.fixture
def keep(tmp_path: Path) -> SmallKeep:
    """A keep that was told six sessions of AAPL."""
    made = SmallKeep(tmp_path / "keep")
    made.bars(*ROWS)
    return made


def closes(query: BarsQuery) -> list[float]:
    """The closes a question is answered with."""
    return query.polars()["close"].to_list()


# --- adjustment ------------------------------------------------------------------------------------------------------


def test_none_is_as_traded(keep: SmallKeep) -> None:
    """
    Without adjustment prices and volume are those of the tape.
    """
    bars = keep.open().bars("AAPL").polars()
    assert bars.columns == list(records.TICK_COLUMNS)
    assert bars["close"].to_list() == CLOSES
    assert bars["volume"].to_list() == [1000.0] * 6
    assert bars["adj_close"].to_list() == pytest.approx(
        [100 / 4 * PAID, 104 / 4 * PAID, 25 * PAID, 26 * PAID, 24.0, 25.0], rel=1e-12
    )


def test_splits_multiply_prices_and_divide_volume(keep: SmallKeep) -> None:
    """
    `splits` brings earlier prices and volume to today's shares, and leaves dividends in.
    """
    bars = keep.open().bars("AAPL", adjust="splits").polars()
    assert bars["close"].to_list() == [25.0, 26.0, 25.0, 26.0, 24.0, 25.0]
    assert bars["volume"].to_list() == [4000.0, 4000.0, 1000.0, 1000.0, 1000.0, 1000.0]
    assert bars["high"].to_list()[0] == pytest.approx(101.0 / 4)


def test_all_takes_dividends_out_too(keep: SmallKeep) -> None:
    """
    `all` multiplies prices by both factors; the close is then the adjusted close, the volume that of `splits`.
    """
    raw, bars = keep.open().bars("AAPL").polars(), keep.open().bars("AAPL", adjust="all").polars()
    assert bars["close"].to_list() == pytest.approx(raw["adj_close"].to_list(), rel=1e-15)
    assert bars["adj_close"].equals(raw["adj_close"])
    assert bars["volume"].to_list() == [4000.0, 4000.0, 1000.0, 1000.0, 1000.0, 1000.0]
    for name in ("open", "high", "low"):
        factor = (raw["adj_close"] / raw["close"]).to_list()
        assert bars[name].to_list() == pytest.approx([a * b for a, b in zip(raw[name], factor, strict=True)])


def test_factors_count_whatever_window_is_asked(keep: SmallKeep) -> None:
    """
    A window that ends before the split is adjusted by it all the same: `adjust` is about today's shares.
    """
    asked = keep.open().bars("AAPL", DAYS[0], DAYS[1], adjust="splits")
    assert closes(asked) == [25.0, 26.0]


def test_unknown_stays_unknown(tmp_path: Path) -> None:
    """
    A volume that is not known is null in every adjustment.
    """
    keep = SmallKeep(tmp_path / "keep")
    keep.bars((DAYS[0], 100.0, 0.0, 1.0, None), (DAYS[1], 25.0, 0.0, 4.0))
    for adjust in ("none", "splits", "all"):
        assert keep.open().bars("AAPL", adjust=adjust).polars()["volume"][0] is None


def test_adjustment_can_be_changed_on_a_question(keep: SmallKeep) -> None:
    """
    `adjusted` asks the same question with another adjustment; one that there is not is refused.
    """
    query = keep.open().bars("AAPL", DAYS[0], DAYS[1])
    assert closes(query.adjusted("splits")) == [25.0, 26.0]
    assert closes(query) == [100.0, 104.0]
    with pytest.raises(BadInput, match="adjust='split' is unknown"):
        query.adjusted("split")  # type: ignore[arg-type]


# --- market time -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recorded", [None, "2030-01-01"])
@pytest.mark.parametrize(
    ("as_of", "splits", "full"),
    [
        (DAYS[1], [100.0, 104.0], [100.0, 104.0]),
        (DAYS[2], [25.0, 26.0, 25.0], [25.0, 26.0, 25.0]),
        (DAYS[3], [25.0, 26.0, 25.0, 26.0], [25.0, 26.0, 25.0, 26.0]),
        (DAYS[4], [25.0, 26.0, 25.0, 26.0, 24.0], [25 * PAID, 26 * PAID, 25 * PAID, 26 * PAID, 24.0]),
    ],
)
def test_as_of_hides_later_bars_and_actions(
    keep: SmallKeep, as_of: date, splits: list[float], full: list[float], recorded: str | None
) -> None:
    """
    What came later must stay unseen: bars behind the day, and a split or dividend whose ex-date lies behind it leaves
    prices as they were; with keeping time and without.
    """
    reader = keep.open()
    clocks: dict[str, Any] = {"as_of": as_of, "recorded_by": recorded}
    assert closes(reader.bars("AAPL", **clocks)) == CLOSES[: len(splits)]
    assert closes(reader.bars("AAPL", adjust="splits", **clocks)) == splits
    assert closes(reader.bars("AAPL", adjust="all", **clocks)) == pytest.approx(full, rel=1e-12)
    assert reader.bars("AAPL", **clocks).polars()["adj_close"].to_list() == pytest.approx(full, rel=1e-12)


def test_as_of_before_and_behind_everything(keep: SmallKeep) -> None:
    """
    Before the first bar nothing was known of a symbol that is held; behind the last one all is.
    """
    reader = keep.open()
    empty = reader.bars("AAPL", as_of="2020-01-01").polars()
    assert empty.is_empty()
    assert empty.schema == reader.bars("AAPL").polars().schema
    for adjust in ("none", "splits", "all"):
        asked = reader.bars("AAPL", adjust=adjust)
        assert reader.bars("AAPL", adjust=adjust, as_of="2030-01-01").polars().equals(asked.polars())


def test_as_of_on_a_day_without_session(keep: SmallKeep) -> None:
    """
    On a Sunday the market knew what it knew on Friday.
    """
    friday = keep.open().bars("AAPL", as_of=DAYS[4], adjust="all").polars()
    assert keep.open().bars("AAPL", as_of=DAYS[4] + timedelta(days=2), adjust="all").polars().equals(friday)


# --- keeping time ----------------------------------------------------------------------------------------------------


def test_recorded_by_hides_a_later_batch(keep: SmallKeep) -> None:
    """
    What was written later must stay unseen: new sessions, a correction of an old one, and a new action.
    """
    early = keep.now
    more = sessions("2024-03-12", 2)
    keep.bars((more[0], 12.0, 0.0, 2.0), (DAYS[0], 99.0), (more[1], 13.0))
    reader = keep.open()
    assert closes(reader.bars("AAPL")) == [99.0, *CLOSES[1:], 12.0, 13.0]
    assert closes(reader.bars("AAPL", recorded_by=early)) == CLOSES
    assert closes(reader.bars("AAPL", recorded_by=early, adjust="splits")) == [25.0, 26.0, 25.0, 26.0, 24.0, 25.0]
    assert closes(reader.bars("AAPL", recorded_by=keep.now)) == closes(reader.bars("AAPL"))
    assert closes(reader.bars("AAPL", recorded_by=keep.now - timedelta(microseconds=1))) == CLOSES


def test_recorded_by_hides_a_later_source(keep: SmallKeep) -> None:
    """
    A better ranked source that was told later did not win then.
    """
    early = keep.now
    keep.bars((DAYS[0], 100.2), source="a")
    reader = keep.open()
    assert reader.bars("AAPL").polars().select("close", "source").row(0) == (100.2, "a")
    then = reader.bars("AAPL", recorded_by=early).polars()
    assert then.select("close", "source").row(0) == (100.0, "csv")


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ("2025-06-01", 0),
        ("2025-06-02", 6),
        (date(2025, 6, 1), 0),
        (date(2025, 6, 2), 6),
        ("2025-06-02T22:59:59Z", 0),
        ("2025-06-02T23:00:00Z", 6),
        ("2025-06-02T23:00:00", 6),
        ("2025-06-02T19:00:00-04:00", 6),
        ("2025-06-02T18:59:59-04:00", 0),
        (datetime(2025, 6, 2, 23, 0, tzinfo=UTC), 6),
        (datetime(2025, 6, 3, 1, 0, tzinfo=timezone(timedelta(hours=2))), 6),
        (datetime(2025, 6, 2, 22, 59), 0),  # noqa: DTZ001  a user's naive time is read as UTC
    ],
)
def test_instants_are_utc_and_a_date_is_its_whole_day(keep: SmallKeep, told: Any, seen: int) -> None:
    """
    A date means the end of that day in UTC; a time without a zone is UTC; any zone may be given.
    """
    query = keep.open().bars("AAPL", recorded_by=told)
    if seen:
        assert query.polars().height == seen
    else:
        with pytest.raises(NotFound, match="recorded by"):
            query.polars()


def test_both_clocks_together(keep: SmallKeep) -> None:
    """
    What the market knew on a day, by what the keep held at an instant: a later correction of an early bar is unseen.
    """
    early = keep.now
    keep.bars((DAYS[0], 99.0))
    reader = keep.open()
    assert closes(reader.bars("AAPL", as_of=DAYS[1], recorded_by=early)) == [100.0, 104.0]
    assert closes(reader.bars("AAPL", as_of=DAYS[1])) == [99.0, 104.0]


@pytest.mark.parametrize("adjust", ["none", "splits", "all"])
@pytest.mark.parametrize("window", [(None, None), (DAYS[1], DAYS[3]), (None, DAYS[0]), (DAYS[5], None)])
def test_both_readers_meet_at_now(keep: SmallKeep, adjust: Any, window: tuple[date | None, date | None]) -> None:
    """
    Published files and raw give the same answer to the same question about now.
    """
    reader = keep.open()
    published = reader.bars("AAPL", *window, adjust=adjust).polars()
    assert reader.bars("AAPL", *window, adjust=adjust, recorded_by=keep.now).polars().equals(published)


# --- asking ----------------------------------------------------------------------------------------------------------


def test_range_includes_both_ends(keep: SmallKeep) -> None:
    """
    A bare date as `end` means through that session; days without a session bound as well.
    """
    reader = keep.open()
    assert closes(reader.bars("AAPL", DAYS[1], DAYS[2])) == CLOSES[1:3]
    assert closes(reader.bars("AAPL", "2024-03-02", "2024-03-04")) == CLOSES[:1]
    assert closes(reader.bars("AAPL", "2024-03-09", "2024-03-10")) == []
    assert closes(reader.bars("AAPL", end=DAYS[0])) == CLOSES[:1]


def test_several_symbols_in_any_spelling(keep: SmallKeep) -> None:
    """
    Symbols are read in any vendor's spelling, each once; rows come sorted by symbol and date.
    """
    keep.bars((DAYS[0], 400.0), symbol="BRK.B")
    bars = keep.open().bars(["brk-b", "AAPL", "BRK/B"], end=DAYS[1], adjust="all").polars()
    assert bars["symbol"].to_list() == ["AAPL", "AAPL", "BRK.B"]
    assert keep.open().bars(s for s in ["BRK B"]).polars().height == 1
    assert keep.open().symbols() == ["AAPL", "BRK.B"]


def test_adjustment_of_one_symbol_leaves_another(keep: SmallKeep) -> None:
    """
    A split is its own symbol's; so is the last bar that decides whether an action is in force.
    """
    keep.bars((DAYS[0], 400.0), (DAYS[1], 401.0), symbol="MSFT")
    bars = keep.open().bars(["AAPL", "MSFT"], adjust="splits").polars().filter(symbol="MSFT")
    assert bars["close"].to_list() == [400.0, 401.0]


@pytest.mark.parametrize(
    ("ask", "error", "told"),
    [
        (lambda k: k.bars("AAPL", "2024-03-05", "2024-03-04"), BadRange, "start lies after the end"),
        (lambda k: k.bars("AAPL", "yesterday"), BadInput, "start='yesterday' is not a date"),
        (lambda k: k.bars("AAPL", end="2024-02-30"), BadInput, "end='2024-02-30'"),
        (lambda k: k.bars("AAPL", as_of="x"), BadInput, "as_of='x'"),
        (lambda k: k.bars("AAPL", as_of=datetime(2024, 1, 1, tzinfo=UTC)), BadInput, "has a time zone"),
        (lambda k: k.bars("AAPL", recorded_by="noon"), BadInput, "recorded_by='noon' is not a time"),
        (lambda k: k.bars("AAPL", recorded_by="2024-13-01"), BadInput, "recorded_by"),
        (lambda k: k.bars("AAPL", adjust="some"), BadInput, "use 'none', 'splits' or 'all'"),
        (lambda k: k.bars([]), BadInput, "no symbol was given"),
        (lambda k: k.bars("../AAPL"), BadSymbol, "is not a symbol"),
        (lambda k: k.bars(["AAPL", "A A A A"]), BadSymbol, "is not a symbol"),
        (lambda k: k.bars(["AAPL", "MSFT", "NA"]).polars(), NotFound, "MSFT, NA: no bars held"),
        (lambda k: k.actions("../AAPL"), BadSymbol, "is not a symbol"),
        (lambda k: k.explain("AAPL", "2024-03-04", "vwap"), BadInput, "'vwap' is not a field"),
        (lambda k: k.explain("AAPL", "2020-03-04"), NotFound, "no source has said anything"),
        (lambda k: k.explain("MSFT", "2024-03-04"), NotFound, "no source has said anything"),
        (lambda k: k.explain("AAPL", None), BadInput, "needs a date"),
    ],
)
def test_wrong_questions_are_refused_at_once(
    keep: SmallKeep, ask: Callable[[marketkeep.Keep], object], error: type[Exception], told: str
) -> None:
    """
    What cannot be asked is said before anything is read, with what to write instead.
    """
    with pytest.raises(error, match=told):
        ask(keep.open())


def test_nothing_is_read_before_a_terminal(keep: SmallKeep, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A question reads nothing; each terminal reads once.
    """
    reader = keep.open()
    calls: list[object] = []
    real = BarsReader.read
    monkeypatch.setattr(BarsReader, "read", lambda *asked: calls.append(asked) or real(*asked))
    monkeypatch.setattr(Lake, "catalog", lambda _: calls.append("catalog"))
    query = reader.bars("AAPL", "2024-03-04", adjust="all", as_of="2024-03-06", recorded_by="2030-01-01")
    query.adjusted("none")
    assert calls == []
    monkeypatch.undo()
    monkeypatch.setattr(BarsReader, "read", lambda *asked: calls.append("read") or real(*asked))
    reader.bars("AAPL").polars()
    assert calls == ["read"]


def test_a_question_sees_what_is_there_when_it_is_read(keep: SmallKeep) -> None:
    """
    A question asked before a write and read after it tells the new state, whole.
    """
    query = keep.open().bars("AAPL")
    keep.bars((DAYS[0], 99.0))
    assert closes(query)[0] == 99.0


def test_empty_keep_says_what_to_do(tmp_path: Path) -> None:
    """
    A keep that holds nothing names the symbol and the next step.
    """
    keep = SmallKeep(tmp_path / "keep")
    with pytest.raises(NotFound, match="collect with marketkeep add-symbol"):
        keep.open().bars("AAPL").polars()
    with pytest.raises(NotFound):
        keep.open().bars("AAPL", recorded_by="2030-01-01").polars()
    assert keep.open().coverage().is_empty()
    assert keep.open().actions("AAPL").is_empty()


# --- terminals -------------------------------------------------------------------------------------------------------


def test_terminals_agree(keep: SmallKeep, tmp_path: Path) -> None:
    """
    polars, pandas, Arrow, CSV, Parquet and JSON tell the same rows.
    """
    keep.bars((DAYS[0], 7.0, 0.0, 1.0, None), symbol="NA")
    query = keep.open().bars(["AAPL", "NA"], adjust="all")
    bars = query.polars()
    rows = bars.rows()
    assert pl.DataFrame(pl.from_arrow(query.arrow())).equals(bars)
    assert query.arrow().column_names == bars.columns
    frame = query.pandas()
    assert list(frame.columns) == bars.columns
    assert pl.from_pandas(frame).with_columns(pl.col("date").cast(pl.Date)).cast(bars.schema).equals(bars)
    assert pl.read_parquet(query.parquet(tmp_path / "bars.parquet")).equals(bars)
    assert pl.read_csv(query.csv(tmp_path / "bars.csv"), schema=bars.schema).equals(bars)
    told = json.loads(query.json(tmp_path / "bars.json").read_bytes())
    assert [{**one, "date": date.fromisoformat(one["date"])} for one in told] == bars.rows(named=True)
    assert len(rows) == 7


def test_csv_and_json_forms(keep: SmallKeep, tmp_path: Path) -> None:
    """
    CSV has a header, dates as YYYY-MM-DD and null as empty; JSON has the form of the published files.
    """
    keep.bars((DAYS[0], 7.0, 0.0, 1.0, None), symbol="NA")
    query = keep.open().bars("NA")
    text = query.csv(tmp_path / "new" / "bars.csv").read_text()
    assert text.splitlines()[0] == "symbol,date,open,high,low,close,adj_close,volume,score,source"
    assert text.splitlines()[1] == "NA,2024-03-04,7.0,7.07,6.93,7.0,7.0,,95,csv"
    path = query.json(str(tmp_path / "bars.json"))
    assert path == tmp_path / "bars.json"
    assert path.read_bytes() == (keep.root / "ticks/daily/NA/2024/ticks.json").read_bytes()


def test_no_rows_in_every_form(keep: SmallKeep, tmp_path: Path) -> None:
    """
    An empty answer keeps its columns, in a file too.
    """
    query = keep.open().bars("AAPL", "2024-03-09", "2024-03-10", adjust="all")
    assert query.polars().schema == keep.open().bars("AAPL").polars().schema
    assert query.arrow().num_rows == len(query.pandas()) == 0
    assert query.csv(tmp_path / "bars.csv").read_text() == ",".join(records.TICK_COLUMNS) + "\n"
    assert query.json(tmp_path / "bars.json").read_bytes() == b"[]\n"
    assert pl.read_parquet(query.parquet(tmp_path / "bars.parquet")).is_empty()


def test_coverage_and_actions(keep: SmallKeep) -> None:
    """
    Coverage tells rows, first and last session, holes and score; actions tell factors.
    """
    keep.bars(*((day, 10.0) for day in (DAYS[0], DAYS[3])), symbol="MSFT")
    told = keep.open().coverage().rows(named=True)
    assert told[1] == {
        "symbol": "MSFT", "rows": 2, "first": DAYS[0], "last": DAYS[3], "missing": 2, "score": 100.0
    }  # fmt: skip
    actions = keep.open().actions(["AAPL", "MSFT"]).select("ex_date", "kind", "adjustment_factor").rows()
    assert actions == [(DAYS[2], "split", 0.25), (DAYS[4], "dividend", PAID)]
