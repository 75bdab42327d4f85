"""What SQL over a keep must never do, tried: write, set, load, reach a file or the network; and what errors say."""

from __future__ import annotations

from pathlib import Path

import pytest

import marketkeep
from marketkeep.errors import BadInput
from small_keep import SmallKeep, sessions

DAYS = sessions("2024-01-02", 5)
READ_ONLY = "SELECT, WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE and EXPLAIN read."


@pytest.fixture(scope="module")
def keep(tmp_path_factory: pytest.TempPathFactory) -> SmallKeep:
    """A few bars of one symbol."""
    small = SmallKeep(tmp_path_factory.mktemp("sql-refused") / "keep")
    small.bars(*((day, 10.0 + n) for n, day in enumerate(DAYS)))
    return small


@pytest.fixture(scope="module")
def reader(keep: SmallKeep) -> marketkeep.Keep:
    """It as a reader sees it."""
    return keep.open()


def whole(root: Path) -> dict[str, bytes]:
    """Every file of a folder with its bytes."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("insert into daily_bars select * from daily_bars", "INSERT"),
        ("with a as (select 1) insert into daily_bars select * from a", "INSERT"),
        ("update daily_bars set close = 0", "UPDATE"),
        ("delete from daily_bars", "DELETE"),
        ("truncate daily_bars", "TRUNCATE"),
        ("merge into actions using daily_bars on true when matched then delete", "MERGE"),
        ("create table mine as select * from daily_bars", "CREATE"),
        ("create or replace view daily_bars as select 1", "CREATE"),
        ("drop table daily_bars", "DROP"),
        ("/* only a look */ -- really\n drop table daily_bars", "DROP"),
        ("alter table daily_bars add column mine int", "ALTER"),
        ("copy daily_bars to 'bars.csv'", "COPY"),
        ("copy (select 1) to 'bars.parquet'", "COPY"),
        ("copy daily_bars from '/etc/passwd'", "COPY"),
        ("export database 'here'", "EXPORT"),
        ("attach 'other.db'", "ATTACH"),
        ("detach memory", "DETACH"),
        ("use memory", "USE"),
        ("install httpfs", "INSTALL"),
        ("load httpfs", "LOAD"),
        ("set threads = 1", "SET"),
        ("reset threads", "RESET"),
        ("pragma enable_profiling", "PRAGMA"),
        ("pragma version", "PRAGMA"),
        ("call pragma_version()", "CALL"),
        ("checkpoint", "CHECKPOINT"),
        ("vacuum", "VACUUM"),
        ("begin", "BEGIN"),
        ("prepare mine as select 1", "PREPARE"),
        ("execute mine", "EXECUTE"),
        ("explain analyze insert into daily_bars select * from daily_bars", "INSERT"),
        ("explain (format json) copy daily_bars to 'bars.csv'", "COPY"),
        ("EXPLAIN (ANALYZE, FORMAT JSON) DELETE FROM daily_bars", "DELETE"),
    ],
)
def test_what_does_not_read_is_refused(reader: marketkeep.Keep, query: str, word: str) -> None:
    """
    A statement that is no question is refused by its name, and nothing of it is run.
    """
    with pytest.raises(BadInput) as refused:
        reader.sql(query)
    assert str(refused.value) == f"a keep is read-only: {word} is refused. {READ_ONLY}"


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('{root}/marketkeep.json')",
        "select * from read_blob('{root}/landing/*')",
        "select * from read_json('{root}/ticks/daily/AAPL/2024/ticks.json')",
        "select * from read_parquet('{root}/reference/ticker_metadata.parquet')",
        "select * from glob('{root}/*')",
        "select * from sniff_csv('/etc/passwd')",
        "select * from parquet_metadata('{root}/reference/ticker_metadata.parquet')",
        "select * from read_parquet('https://localhost/x.parquet')",
        "select * from read_parquet('s3://bucket/x.parquet')",
        "select * from query('select * from read_text(''/etc/passwd'')')",
        "select (select content from read_text('/etc/passwd')), close from daily_bars",
        "explain select * from read_text('/etc/passwd')",
        "from which_secret('s3://bucket', 's3')",
    ],
)
def test_no_file_is_reached(reader: marketkeep.Keep, keep: SmallKeep, query: str) -> None:
    """
    No function of a query reads a file or an address, none of the keep's own either.
    """
    with pytest.raises(BadInput, match=r"It reads the keep's tables and nothing else\.$"):
        reader.sql(query.format(root=keep.root)).polars()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("/etc/passwd", "'/etc/passwd' is a file"),
        ("bars.csv", 'Cannot access file "bars.csv"'),
        ("https://localhost/bars.parquet", 'Cannot access file "https://localhost/bars.parquet"'),
    ],
)
def test_a_file_is_no_table(reader: marketkeep.Keep, name: str, says: str) -> None:
    """
    A file's name in the place of a table's is refused as one.
    """
    with pytest.raises(BadInput) as refused:
        reader.sql(f"select * from '{name}'")  # noqa: S608
    assert str(refused.value) == f"the query is refused: {says}. It reads the keep's tables and nothing else."


def test_frames_of_the_program_are_no_tables(reader: marketkeep.Keep) -> None:
    """
    A query sees no variable of the program that asks it.
    """
    frame = reader.bars("AAPL").polars()
    assert frame.height == len(DAYS)
    with pytest.raises(BadInput, match="there is no table 'frame'"):
        reader.sql("select * from frame")


def test_nothing_is_changed_by_trying(reader: marketkeep.Keep, keep: SmallKeep, tmp_path: Path) -> None:
    """
    After answers and refusals every file of the keep has the bytes it had, and no other file has come.
    """
    before = whole(keep.root)
    reader.sql("select * from daily_bars").polars()
    for query in (f"copy daily_bars to '{tmp_path}/x.csv'", f"attach '{tmp_path}/x.db'", "drop view daily_bars"):
        with pytest.raises(BadInput):
            reader.sql(query).polars()
    assert whole(keep.root) == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "the query is empty; give one SELECT, such as: select * from daily_bars limit 10"),
        (" ;; -- nothing", "the query is empty; give one SELECT, such as: select * from daily_bars limit 10"),
        ("select 1; select 2", "the query has 2 statements; give one at a time"),
        (
            "pivot daily_bars on symbol using max(close)",
            "PIVOT needs its values named here: PIVOT ... ON column IN ('a', 'b') USING ...",
        ),
        (
            "select * form daily_bars",
            'the query is wrong: syntax error at or near "daily_bars" (line 1, at: daily_bars)',
        ),
        ("select * from daily_bars where", "the query is wrong: syntax error at end of input"),
        (
            "select *\nfrom daily_bar",
            "there is no table 'daily_bar'; did you mean daily_bars? (line 2, at: daily_bar)",
        ),
        (
            "select clos from daily_bars",
            (
                'the query is wrong: Referenced column "clos" not found in FROM clause; '
                'Candidate bindings: "close", "low", "score" (line 1, at: clos from daily_bars)'
            ),
        ),
        (
            "select avrg(close) from daily_bars",
            (
                'the query is wrong: Scalar Function with name avrg does not exist; Did you mean "avg"? '
                "(line 1, at: avrg(close) from daily_bars)"
            ),
        ),
        (
            "select symbol, max(close) from daily_bars",
            (
                'the query is wrong: column "symbol" must appear in the GROUP BY clause or must be part of an '
                'aggregate function.; Either add it to the GROUP BY list, or use "ANY_VALUE(symbol)" if the exact '
                'value of "symbol" is not important (line 1, at: symbol, max(close) from daily_bars)'
            ),
        ),
        (
            "select * from daily_bars where symbol = ?",
            "the query is wrong: Values were not provided for the following prepared statement parameters: 1",
        ),
    ],
)
def test_errors_say_what_is_wrong(reader: marketkeep.Keep, query: str, says: str) -> None:
    """
    A wrong query is told in one line, with DuckDB's own hint and the place, before anything is read.
    """
    with pytest.raises(BadInput) as wrong:
        reader.sql(query)
    assert str(wrong.value) == says


def test_errors_while_running_are_told_too(reader: marketkeep.Keep) -> None:
    """
    What only the rows show to be wrong is a `BadInput` as well, raised where the answer is read.
    """
    query = reader.sql("select symbol::int from daily_bars")
    with pytest.raises(BadInput, match="the query is wrong: Could not convert string 'AAPL' to INT32"):
        query.polars()


def test_parameters_of_the_wrong_kind_are_told(reader: marketkeep.Keep) -> None:
    """
    A text, a value too many and a name too many are each told.
    """
    count = "select count(*) from daily_bars where symbol = "
    with pytest.raises(BadInput) as wrong:
        reader.sql(f"{count} ?", "AAPL")
    assert str(wrong.value) == ("parameters='AAPL': give a list for ?, such as ['AAPL'], or a mapping for $name")
    with pytest.raises(BadInput, match="excess parameters: 2"):
        reader.sql(f"{count} ?", ["AAPL", 1])
    with pytest.raises(BadInput, match="excess parameters: day"):
        reader.sql(f"{count} $symbol", {"symbol": "AAPL", "day": 1})
