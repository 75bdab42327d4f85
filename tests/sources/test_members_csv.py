"""A user's own file about an index: its form told by its headings, or the line and column that cannot be read."""

from __future__ import annotations

from datetime import date

import pytest

from marketkeep.errors import BadFile
from marketkeep.sources.members_csv import read_members

ON = date(2025, 1, 2)


def read(text: str, index: str | None = "mine", on: date | None = ON) -> list[tuple[str, str, str]]:
    """Symbol, date and event of the rows of a file."""
    frame = read_members(text.encode(), name="members.csv", index=index, on=on)["index_members"]
    return [(symbol, str(day), event) for symbol, day, event in frame.select("symbol", "date", "event").iter_rows()]


def bad(text: str, index: str | None = "mine", on: date | None = ON) -> BadFile:
    """Why a file is not read."""
    with pytest.raises(BadFile) as refused:
        read(text, index, on)
    return refused.value


def test_list_of_a_day() -> None:
    """
    A column of tickers is the list as of the day given; a date of addition is told beside it.
    """
    assert read("Symbol,Name\nBRK-B,Berkshire\nNA,Nano\n") == [
        ("BRK.B", "2025-01-02", "member"),
        ("NA", "2025-01-02", "member"),
    ]
    dated = "ticker;Date added\nA;2000-06-05\nB;\nC;2009\nD;1983-11-30 (1957-03-04)\n"
    assert read(dated) == [
        ("A", "2025-01-02", "member"),
        ("A", "2000-06-05", "added"),
        ("B", "2025-01-02", "member"),
        ("C", "2025-01-02", "member"),
        ("D", "2025-01-02", "member"),
        ("D", "1983-11-30", "added"),
    ]


def test_intervals() -> None:
    """
    Start and end are an addition and a removal; an empty end is none, and an empty interval is nothing.
    """
    lines = (
        "AAL,1996-01-02,1997-01-15",
        "AAL,2015-03-23,",
        "X,,2001-01-02",
        "Y,2001-01-02,2001-01-02",
        "Z,2001-01-02,",
    )
    assert read("\n".join(("ticker,start_date,end_date", *lines))) == [
        ("AAL", "1996-01-02", "added"),
        ("AAL", "1997-01-15", "removed"),
        ("AAL", "2015-03-23", "added"),
        ("X", "2001-01-02", "removed"),
        ("Z", "2001-01-02", "added"),
    ]


def test_trap_55_intervals_that_overlap_are_one() -> None:
    """
    Who is a member by two intervals at once does not leave when the first ends; intervals that meet stay two.
    """
    lines = ("A,2010-01-04,2015-01-02", "A,2012-01-03,2018-01-02", "C,2011-01-03,")
    meeting = ("D,2010-01-04,2012-01-03", "D,2012-01-03,2013-01-02")
    assert read("\n".join(("ticker,start,end", *lines, "C,2012-01-03,2013-01-02", *meeting))) == [
        ("A", "2010-01-04", "added"),
        ("A", "2018-01-02", "removed"),
        ("C", "2011-01-03", "added"),
        ("D", "2010-01-04", "added"),
        ("D", "2012-01-03", "removed"),
        ("D", "2012-01-03", "added"),
        ("D", "2013-01-02", "removed"),
    ]


def test_changes() -> None:
    """
    Changes come one a line with their action, or as tickers added and removed on a date.
    """
    assert read("date,action,ticker\n2005-01-03,removed,B\n2005-01-03,Added,A\n") == [
        ("B", "2005-01-03", "removed"),
        ("A", "2005-01-03", "added"),
    ]
    assert read('date,add,remove\n2019-06-03,"CTVA,DD","FLR, DWDP"\n2019-06-07,"",MAT\n') == [
        ("CTVA", "2019-06-03", "added"),
        ("DD", "2019-06-03", "added"),
        ("FLR", "2019-06-03", "removed"),
        ("DWDP", "2019-06-03", "removed"),
        ("MAT", "2019-06-07", "removed"),
    ]


def test_dated_lists_and_indices() -> None:
    """
    Dates and the index's name may stand in columns of their own.
    """
    text = "effective_date,ticker,index\n2004-12-30,A,one\n2005-12-30,A,two\n"
    frame = read_members(text.encode(), name="x", index=None)["index_members"]
    assert frame.select("index", "symbol", "date").rows() == [
        ("one", "A", date(2004, 12, 30)),
        ("two", "A", date(2005, 12, 30)),
    ]


def test_holdings_of_a_fund() -> None:
    """
    A fund's own file is read as the list of its day.
    """
    above = 'X ETF\nFund Holdings as of,"Jul 17, 2026"\n\nTicker,Name,Asset Class,Exchange\n'
    text = above + '"BRKB","B","Equity","NYSE"\n\nLegal'
    assert read(text, on=None) == [("BRK.B", "2026-07-17", "member")]
    assert "which index" in str(bad(text, index=None))
    assert "as of which day" in str(bad(text.replace("Fund Holdings", "Holdings")))


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("Symbol\nA\n../etc\n", 3, "Symbol", "is not a symbol"),
        ("Symbol,Name\n,Apple\n", 2, "Symbol", "it is empty"),
        ("Symbol,Date added\nA,soon\n", 2, "Date added", "'soon' is not a date"),
        ("ticker,start,end\nA,2005-01-03,2004-01-02\n", 2, "end", "before the start"),
        ("date,action,ticker\n2005-01-03,sold,A\n", 2, "action", "neither added nor removed"),
        ("date,action,ticker\n,added,A\n", 2, "date", "the date is missing"),
        ("Symbol,Name\nA\n", 2, None, "1 fields where the headings are 2"),
        ("Name,Sector\nApple,Tech\n", 1, None, "no heading says where the tickers are"),
        ("Symbol\n", None, None, "no rows"),
        ("", None, None, "empty"),
    ],
)
def test_bad_files_say_where(text: str, line: int | None, column: str | None, words: str) -> None:
    """
    What cannot be read stops the file, with its line and the heading of its column.
    """
    error = bad(text)
    assert (error.line, error.column) == (line, column)
    assert words in error.reason


def test_what_must_be_said_beside_the_file() -> None:
    """
    A list without dates needs its day, a file without an index its name; bytes that are no text are refused.
    """
    assert "give the day" in str(bad("Symbol\nA\n", on=None))
    assert "no name" in str(bad("Symbol\nA\n", index=None))
    with pytest.raises(BadFile, match="not text in UTF-8"):
        read_members(b"Symbol\n\xff\xfe", name="x", index="mine", on=ON)
