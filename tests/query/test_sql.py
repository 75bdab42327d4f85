"""SQL over a keep's tables: every table is a view, and its rows are those that the other readers give."""

# ruff: noqa: S608  # the queries here are put together of the test's own words

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

import marketkeep
from marketkeep.errors import StoreError
from marketkeep.model import PANELS, PUBLISHED_TABLES
from marketkeep.query.sql_tables import TABLES
from marketkeep.stores.lake import Lake
from minute_keep import MinuteKeep
from minute_rows import minute
from small_keep import SmallKeep, sessions

DAYS = sessions("2023-11-01", 60)


@pytest.fixture(scope="module")
def keep(tmp_path_factory: pytest.TempPathFactory) -> marketkeep.Keep:
    """Two years of three symbols; AAPL has a split and dividends, MSFT a dividend, BRK.B none."""
    small = SmallKeep(tmp_path_factory.mktemp("sql") / "keep")
    small.bars(
        *((day, 100 + n, 0.25 if n in (5, 40) else 0.0, 4.0 if n == 20 else 1.0) for n, day in enumerate(DAYS)),
        symbol="AAPL",
    )
    small.bars(*((day, 300 + n / 3, 0.75 if n == 33 else 0.0) for n, day in enumerate(DAYS)), symbol="MSFT")
    small.bars(*((day, 500 - n) for n, day in enumerate(DAYS[:50])), symbol="BRK.B")
    return small.open()


@pytest.fixture(scope="module")
def minutes(tmp_path_factory: pytest.TempPathFactory) -> marketkeep.Keep:
    """Minute bars of two symbols in three sessions of two months."""
    made = MinuteKeep(tmp_path_factory.mktemp("sql-minutes") / "keep")
    clocks = ("04:00", "09:30", "09:31", "15:59", "19:59")
    days = (date(2024, 1, 30), date(2024, 1, 31), date(2024, 2, 1))
    told = ((symbol, day, clock) for symbol in ("AAPL", "MSFT") for day in days for clock in clocks)
    made.take(*(minute(day, clock, 10.0 + n, symbol=symbol) for n, (symbol, day, clock) in enumerate(told)))
    return made.open()


def all_bars(keep: marketkeep.Keep) -> pl.DataFrame:
    """What the reader of bars gives of everything."""
    return keep.bars(["AAPL", "MSFT", "BRK.B"]).polars().sort("symbol", "date")


def test_daily_bars_are_the_readers_own(keep: marketkeep.Keep) -> None:
    """
    Every column of daily bars, adj_close too, has the very floats that `keep.bars` gives.
    """
    columns = ", ".join(all_bars(keep).columns)
    answer = keep.sql(f"select {columns} from daily_bars order by symbol, date").polars()
    assert answer.equals(all_bars(keep))
    assert answer.schema == all_bars(keep).schema


@pytest.mark.parametrize("adjust", ["splits", "all"])
def test_factors_bring_prices_to_today(keep: marketkeep.Keep, adjust: str) -> None:
    """
    Prices times the factors of daily_bars are the adjusted prices of `keep.bars`, to the last bit.
    """
    factor = "split_factor * dividend_factor" if adjust == "all" else "split_factor"
    # The product of the factors is made first, as the reader makes it.
    columns = f"symbol, date, close * ({factor}) as close, volume / split_factor as volume"
    query = f"select {columns} from daily_bars order by symbol, date"
    expected = keep.bars(["AAPL", "MSFT", "BRK.B"], adjust=adjust).polars().sort("symbol", "date")  # type: ignore[arg-type]
    assert keep.sql(query).polars().equals(expected.select("symbol", "date", "close", "volume"))


@pytest.fixture(scope="module")
def years(tmp_path_factory: pytest.TempPathFactory) -> marketkeep.Keep:
    """
    Some sessions of each of six years: LONG has no action between 2019 and 2023 and several in that year, MANY one each
    week of the second year, NONE none; each on a first and a last session of a year too.
    """
    small = SmallKeep(tmp_path_factory.mktemp("sql-years") / "keep")
    spans = [sessions(f"{year}-{day}", 8) for year in range(2018, 2024) for day in ("01-02", "12-18")]
    days = sorted({day for span in spans for day in span})
    ends = {day for span in spans for day in (span[0], span[-1])}
    acts = {
        "LONG": {day for day in days if day.year in (2018, 2023)},
        "MANY": {day for at, day in enumerate(days) if day.year == 2019 and (at % 3 == 0 or day in ends)},
        "NONE": set[date](),
    }
    for symbol, some in acts.items():
        told = ((day, 50 + at / 7, 0.1 if day in some and at else 0.0) for at, day in enumerate(days))
        small.bars(*told, symbol=symbol)
    return small.open()


@pytest.mark.parametrize(
    "where",
    [
        "true",
        "symbol = 'LONG'",
        "symbol in ('MANY', 'NONE')",
        "date >= '2020-01-01'",
        "date between '2019-12-20' and '2020-01-06'",
        "date < '2018-01-05'",
        "date > '2023-12-27' and symbol <> 'LONG'",
        "adj_close < 50",
        "dividend_factor < 1 and symbol = 'MANY'",
        "split_factor * dividend_factor < 0.99",
        "date < '2018-01-01'",
        "date > '2019-06-01' and date < '2019-05-01'",
    ],
)
@pytest.mark.parametrize("as_of", [None, "2023-06-01"])
def test_factors_hold_over_years(years: marketkeep.Keep, where: str, as_of: str | None) -> None:
    """
    Each bar has the factors of the next action of its symbol, in its year or in a later one, however many there are.
    """
    columns = "symbol, date, close, adj_close"
    bars = years.bars(["LONG", "MANY", "NONE"], fields=["close", "adj_close"], as_of=as_of).polars()
    known = bars.with_columns(split_factor=pl.lit(1.0), dividend_factor=pl.col("adj_close") / pl.col("close"))
    expected = pl.SQLContext(known=known).execute(f"select * from known where {where}", eager=True)
    answer = years.sql(f"select {columns} from daily_bars where {where} order by symbol, date", as_of=as_of).polars()
    assert answer.equals(expected.sort("symbol", "date").select(answer.columns))
    counted = years.sql(f"select count(*) from daily_bars where {where}", as_of=as_of).polars().item()
    assert counted == expected.height
    if where == "true":
        assert known.filter(pl.col("dividend_factor") != 1)["symbol"].unique().sort().to_list() == ["LONG", "MANY"]


def test_factors_of_bars_and_a_table_of_factors_do_not_meet(years: marketkeep.Keep) -> None:
    """
    A query that asks for bars of one symbol and for factors of another has both, by a day as well.
    """
    query = (
        "select (select count(*) from daily_bars where symbol = 'LONG' and dividend_factor < 1) as bars, "
        "(select count(*) from factors where symbol = 'MANY') as steps"
    )
    now, then = (years.sql(query, as_of=day).polars().row(0) for day in (None, "2023-12-29"))
    assert now == then
    assert min(now) > 5


@pytest.mark.parametrize(
    ("where", "chosen"),
    [
        ("date = '2024-01-05'", pl.col("date") == date(2024, 1, 5)),
        ("date >= '2023-12-29' and date < '2024-01-03'",
         pl.col("date").is_between(date(2023, 12, 29), date(2024, 1, 2))),
        ("symbol = 'AAPL' and date between '2023-11-20' and '2023-12-01'",
         (pl.col("symbol") == "AAPL") & pl.col("date").is_between(date(2023, 11, 20), date(2023, 12, 1))),
        ("symbol in ('AAPL', 'BRK.B') and year(date) = 2024",
         pl.col("symbol").is_in(["AAPL", "BRK.B"]) & (pl.col("date").dt.year() == 2024)),
        ("date = '2023-11-02' or date = '2024-01-10'", pl.col("date").is_in([date(2023, 11, 2), date(2024, 1, 10)])),
        ("date > '2030-01-01'", pl.lit(value=False)),
        ("not date < '2024-01-10'", pl.col("date") >= date(2024, 1, 10)),
        ("symbol = 'NONE'", pl.lit(value=False)),
        ("symbol = 'AAPL' or date < '2023-11-03'", (pl.col("symbol") == "AAPL") | (pl.col("date") < date(2023, 11, 3))),
    ],
)  # fmt: skip
def test_only_needed_files_are_read_and_nothing_is_lost(keep: marketkeep.Keep, where: str, chosen: pl.Expr) -> None:
    """
    Whatever a filter lets the keep leave unread, the rows are those of a filter over everything.
    """
    answer = keep.sql(f"select symbol, date, close, adj_close from daily_bars where {where} order by symbol, date")
    assert answer.polars().equals(all_bars(keep).filter(chosen).select("symbol", "date", "close", "adj_close"))


def test_bars_of_different_days_meet(keep: marketkeep.Keep) -> None:
    """
    Two looks at one table, each with its own days, both find their rows.
    """
    query = (
        "select a.symbol, b.close / a.close as gain from daily_bars a join daily_bars b using (symbol) "
        "where a.date = '2023-11-01' and b.date = '2024-01-11' order by symbol"
    )
    assert keep.sql(query).polars().to_dict(as_series=False) == {
        "symbol": ["AAPL", "BRK.B", "MSFT"],
        "gain": [148 / 100, 452 / 500, 316 / 300],
    }


def test_parameters_are_bound(keep: marketkeep.Keep) -> None:
    """
    ? takes from a list and $name from a mapping; a text is a value, whatever is in it.
    """
    count = "select count(*) as n from daily_bars where symbol = "
    assert keep.sql(f"{count} ?", ["AAPL"]).polars().item() == 60
    assert keep.sql(f"{count} $symbol and date >= $day", {"symbol": "AAPL", "day": DAYS[58]}).polars().item() == 2
    assert keep.sql(f"{count} $symbol", {"$symbol": "MSFT"}).polars().item() == 60
    assert keep.sql(f"{count} ?", ["x' or true --"]).polars().item() == 0
    listed = keep.sql("select count(*) from daily_bars where list_contains(?, symbol)", [["AAPL", "BRK.B"]])
    assert listed.polars().item() == 110


def test_every_table_is_there(keep: marketkeep.Keep) -> None:
    """
    Each table that a keep publishes is a view, but for what only checks read, and each can be asked and described.
    """
    assert set(TABLES) >= {table.name for table in PUBLISHED_TABLES} - {"minute_days", "panels"}
    assert keep.sql("show tables").polars()["name"].to_list() == sorted(TABLES)
    for name, schema in TABLES.items():
        answer = keep.sql(f"select * from {name}").polars()
        assert dict(answer.schema) == schema
        assert keep.sql(f"describe {name}").polars()["column_name"].to_list() == list(schema)


@pytest.mark.parametrize(
    ("table", "reader"),
    [
        ("actions", lambda keep: keep.actions()),
        ("securities", lambda keep: keep.securities()),
        ("ticker_history", lambda keep: keep.ticker_history()),
        ("index_members", lambda keep: keep.index_members()),
        ("treasury_yields", lambda keep: keep.treasury_yields()),
        ("findings", lambda keep: keep.findings()),
    ],
)
def test_reference_tables_are_the_readers_own(
    keep: marketkeep.Keep, table: str, reader: Callable[[marketkeep.Keep], pl.DataFrame]
) -> None:
    """
    The rows of a reference table are those its own reader gives.
    """
    expected = reader(keep)
    answer = keep.sql(f"select * from {table}").polars()
    assert answer.sort(answer.columns).equals(expected.sort(expected.columns))


def test_coverage_tells_both_kinds_of_bars(keep: marketkeep.Keep, minutes: marketkeep.Keep) -> None:
    """
    What is held by symbol is what `keep.coverage` tells, of daily and of minute bars.
    """
    for reader, dataset in ((keep, "daily_bars"), (minutes, "minute_bars")):
        answer = reader.sql("select * exclude dataset from coverage where dataset = ? order by symbol", [dataset])
        assert answer.polars().equals(reader.coverage(dataset))


@pytest.mark.parametrize(
    ("where", "chosen"),
    [
        ("true", pl.lit(value=True)),
        ("symbol = 'AAPL' and date = '2024-01-31'",
         (pl.col("symbol") == "AAPL") & (pl.col("date") == date(2024, 1, 31))),
        ("ts >= '2024-01-31 20:00:00+00'", pl.col("ts") >= datetime(2024, 1, 31, 20, tzinfo=UTC)),
        ("ts < timestamptz '2024-01-31 00:00:00+00'", pl.col("ts") < datetime(2024, 1, 31, tzinfo=UTC)),
        ("segment = 'regular' and date >= '2024-02-01'",
         (pl.col("segment") == "regular") & (pl.col("date") >= date(2024, 2, 1))),
    ],
)  # fmt: skip
def test_minute_bars_are_the_readers_own(minutes: marketkeep.Keep, where: str, chosen: pl.Expr) -> None:
    """
    Minute bars too are those of their reader, an instant in UTC, whatever the filter leaves unread.
    """
    expected = minutes.minute_bars(["AAPL", "MSFT"]).polars().filter(chosen)
    answer = minutes.sql(f"select * from minute_bars where {where} order by symbol, ts").polars()
    assert answer.equals(expected)


def test_answers_have_plain_columns(keep: marketkeep.Keep) -> None:
    """
    Whole numbers are Int64, or Float64 where that is too narrow; columns of one name are told apart.
    """
    columns = "sum(score) as narrow, sum(9000000000000000000) as wide, count(*) as n, 1 as n, max(date) as last"
    answer = keep.sql(f"select {columns} from daily_bars")
    assert dict(answer.polars().schema) == {
        "narrow": pl.Int64,
        "wide": pl.Float64,
        "n": pl.Int64,
        "n_1": pl.Int32,
        "last": pl.Date,
    }


def test_instants_are_in_utc(keep: marketkeep.Keep) -> None:
    """
    A time with a zone is told in UTC and cut by days of UTC, wherever the machine stands.
    """
    query = "select date_trunc('day', timestamptz '2024-01-02 23:30:00-05') as day"
    assert keep.sql(query).polars().item() == datetime(2024, 1, 3, tzinfo=UTC)


def test_many_threads_ask_at_once(keep: marketkeep.Keep) -> None:
    """
    One keep answers many threads at once, each the question it asked.
    """
    found: dict[int, int] = {}

    def ask(number: int) -> None:
        query = keep.sql("select count(*) from daily_bars where close < ?", [100 + number])
        found[number] = query.polars().item()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: number for number in range(8)}


def test_a_query_is_answered_anew(tmp_path: Path) -> None:
    """
    A query asked before an update is answered by what is there when it is read.
    """
    small = SmallKeep(tmp_path / "keep")
    small.bars((DAYS[0], 10.0))
    query = small.open().sql("select count(*) from daily_bars")
    assert query.polars().item() == 1
    small.bars((DAYS[1], 11.0), (DAYS[2], 12.0))
    assert query.polars().item() == 3


def test_without_a_panel_the_published_files_answer(
    keep: marketkeep.Keep, minutes: marketkeep.Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Where there is no panel the same query has the same answer, to the last bit.
    """
    daily = "select * from daily_bars where date >= '2023-12-20' order by symbol, date"
    minute_bars = "select * from minute_bars where symbol = 'MSFT' and date > '2024-01-30' order by ts"
    before = keep.sql(daily).polars(), minutes.sql(minute_bars).polars()
    whole = Lake.catalog
    monkeypatch.setattr(Lake, "catalog", lambda lake: replace(whole(lake), panels=PANELS.empty()))
    assert [frame.is_empty() for frame in before] == [False, False]
    assert keep.sql(daily).polars().equals(before[0])
    assert minutes.sql(minute_bars).polars().equals(before[1])


@pytest.mark.parametrize("harmed", ["daily_bars/year=2023/bars", "factors/factors"])
@pytest.mark.parametrize("harm", [None, b"nonsense"])
def test_a_spoilt_file_is_told(tmp_path: Path, harmed: str, harm: bytes | None) -> None:
    """
    Where a file of the panel is lost or damaged, the error says that files are at fault, not the query.
    """
    small = SmallKeep(tmp_path / "keep")
    small.bars(*((day, 100 + n, 0.25 if n == 5 else 0.0) for n, day in enumerate(DAYS)))
    path = small.root / "panel" / f"{harmed}.parquet"
    path.unlink() if harm is None else path.write_bytes(harm)
    with pytest.raises(StoreError, match=r"the query could not be answered: .*parquet"):
        small.open().sql("select max(adj_close) from daily_bars").polars()


def test_a_keep_that_holds_nothing_answers(tmp_path: Path) -> None:
    """
    An empty keep has every table, each without rows.
    """
    reader = SmallKeep(tmp_path / "keep").open()
    for name in TABLES:
        assert reader.sql(f"select count(*) from {name}").polars().item() == 0


def test_nothing_is_left_behind(keep: marketkeep.Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Answering leaves no file: not in the working folder, not in the one for temporary files.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert keep.sql("select symbol, date, row_number() over (order by close) from daily_bars").polars().height == 170
    assert list(tmp_path.iterdir()) == []
