"""Files that cannot be read: each is refused with the line, the column and the reason."""

from __future__ import annotations

import gzip
import io
import zipfile

import pytest
from files_given import Given, refusal

from marketkeep.errors import BadFile
from marketkeep.sources.files import Tally, read, recognise

HEADER = "Date,Open,High,Low,Close,Volume"
ROW = "2020-01-02,1,3,0.5,2,100"
NEEDED = "needed are a date and a close, or a date and dividends, splits or a kind with an amount or a ratio"


@pytest.mark.parametrize("content", ["", "\n\n", HEADER, HEADER + "\n", "\ufeff" + HEADER + "\r\n"])
def test_nothing_in_it(content: str) -> None:
    """
    Trap 65: an empty file, or a header alone, holds no rows.
    """
    assert refusal(content) == "AAPL.csv: the file holds no rows"
    assert refusal(gzip.compress(content.encode()), "AAPL.csv.gz") == "AAPL.csv.gz: the file holds no rows"


@pytest.mark.parametrize(
    ("row", "where", "reason"),
    [
        ("2020-01-03,1,3,0.5,abc,100", ", column 'Close'", "'abc' is not a number"),
        ("2020-01-03,1,3,0.5,2,12x", ", column 'Volume'", "'12x' is not a number"),
        ("2020-01-03,inf,3,0.5,2,1", ", column 'Open'", "'inf' is not a number"),
        ("2020-01-03,1,1e999,0.5,2,1", ", column 'High'", "'1e999' is not a number"),
        ('2020-01-03,1,3,"1,5",2,1', ", column 'Low'", "'1,5' is not a number"),
        ("2020-01-03,1,3,0.5,1_000,1", ", column 'Close'", "'1_000' is not a number"),
        ("2020-01-03,1,3,0.5,2", "", "5 fields where the header has 6"),
        ("2020-01-03,1,3,0.5,2,1,7", "", "7 fields where the header has 6"),
        ("  ", "", "1 fields where the header has 6"),
        ('2020-01-03,"1,3,0.5,2,1', "", "2 fields where the header has 6"),
        ("2020-01-02,1,3,0.5,2,101", ", column 'Date'", "a second, different row for AAPL on 2020-01-02"),
        ("2020-01-03,1,3,0.5," + "9" * 50 + "x,1", ", column 'Close'", f"'{'9' * 40}...' is not a number"),
    ],
)
@pytest.mark.parametrize("before", [0, 30_000])
@pytest.mark.parametrize("packed", [False, True])
def test_a_bad_row_is_refused_with_its_line(row: str, where: str, reason: str, before: int, packed: bool) -> None:
    """
    Whatever the block and the packing, the line is the one a text editor shows, empty lines counted.
    """
    good = [f"{1800 + i // 336}-{i // 28 % 12 + 1:02d}-{i % 28 + 1:02d},1,3,0.5,2,100" for i in range(before)]
    content = "\r\n".join([HEADER, "", *good, ROW, row, "2020-01-06,1,3,0.5,2,100", "2020-01-07,1,3,0.5,2,100", ""])
    body = gzip.compress(content.encode(), 1) if packed else content.encode()
    assert refusal(body, chunk_rows=10_000) == f"AAPL.csv, line {before + 4}{where}: {reason}"


def test_the_first_bad_cell_is_named() -> None:
    """
    Of several bad cells the one in the first line is told, whichever column it is in.
    """
    content = f"{HEADER}\n2020-01-02,1,3,0.5,2,x\n2020-01-03,1,y,0.5,2,1\n2020-13-45,1,3,0.5,2,1\n"
    assert refusal(content) == "AAPL.csv, line 2, column 'Volume': 'x' is not a number"


def test_one_tally_for_several_files() -> None:
    """
    A tally that already counts another file's rows does not move the line that is told.
    """
    tally = Tally()
    good, bad = io.BytesIO(f"{HEADER}\n{ROW}\n".encode()), io.BytesIO(f"{HEADER}\n{ROW}x\n".encode())
    assert len(list(read("A.csv", good, recognise("A.csv", good), tally=tally))) == 1
    with pytest.raises(BadFile, match=r"^B\.csv, line 2, column 'Volume': '100x' is not a number$"):
        list(read("B.csv", bad, recognise("B.csv", bad), tally=tally))
    assert tally.rows == 1


def test_decimal_commas_are_refused() -> None:
    """
    A comma between digits is a thousands separator only where it cannot be a decimal one.
    """
    content = HEADER.replace(",", ";") + "\n2020-01-02;1;3;1;1,234;100\n"
    assert refusal(content) == "AAPL.csv, line 2, column 'Close': '1,234' is not a number"


def test_bytes_that_are_not_utf8() -> None:
    """
    Another encoding is refused with its line, unless only in a column that is not used.
    """
    content = f"{HEADER},Symbol\n{ROW},AAPL\n2020-01-03,1,3,0.5,2,1,".encode() + b"N\xe9\n"
    assert refusal(content) == "AAPL.csv, line 3: not UTF-8 text"
    unused = f"{HEADER},remark\n{ROW},".encode() + b"caf\xe9\n"
    assert Given(unused).bars.height == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("close,high,low,open\n1,2,3,4\n", f"no date column: found 'close', 'high', 'low', 'open'; {NEEDED}"),
        ("Date,Open\n2020-01-02,1\n", f"no close column: found 'Date', 'Open'; {NEEDED}"),
        ('"EURUSD=X",1.1235\n', f"no date and close column: found 'EURUSD=X', '1.1235'; {NEEDED}"),
        ("Date,Close,CLOSE\n2020-01-02,1,1\n", "2 columns are called 'close'"),
        (f"{ROW}\n{ROW}\n", f"the first line is no header: {NEEDED}"),
        ("<!doctype html><html>\n", "a web page or JSON, not a text table"),
        (' {"Note": "a quota"}', "a web page or JSON, not a text table"),
        (b"PAR1\x15\x04", "a Parquet file, not a text table"),
        (HEADER.encode("utf-16"), "UTF-16 text; save it as UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "not a text table"),
        ("x" * 300_000, "its first line is longer than 256 KiB: not a table"),
        (
            "Date,AAPL.Close,MSFT.Close\n2020-01-02,1,2\n",
            "several symbols side by side (AAPL, MSFT); save them one below the other",
        ),
        (
            "Price,Close,Close\nTicker,AAPL,MSFT\nDate,,\n2020-01-02,1,2\n",
            "several symbols side by side (AAPL, MSFT); save them one below the other",
        ),
    ],
)
def test_no_mapping(content: str | bytes, reason: str) -> None:
    """
    What cannot be mapped is refused with what was found and what is needed.
    """
    assert refusal(content).endswith(f": {reason}")


@pytest.mark.parametrize("name", ["stocks.csv", "prices-of-apple.csv", "AAPL-MSFT.csv", "8TRA-DE.csv", "2020.csv"])
def test_no_symbol(name: str) -> None:
    """
    A file whose name is not surely a ticker needs to be told its symbol.
    """
    reason = "no symbol: there is no column of symbols, and the file's name is not a ticker. Name the symbol."
    assert refusal(f"{HEADER}\n{ROW}\n", name) == f"{name}: {reason}"


@pytest.mark.parametrize(
    ("ticker", "reason"),
    [
        ("", "'' is not a symbol: it is empty"),
        ("../etc", "'../etc' is not a symbol: a ticker is letters and digits, with a class or suffix behind a dot"),
        ("APPLE INC", "'APPLE INC' is not a symbol: it has words like a name"),
    ],
)
def test_what_is_no_ticker(ticker: str, reason: str) -> None:
    """
    A cell of the symbol column that is no ticker is refused with its line.
    """
    content = f"date,close,Name\n2020-01-02,1,AAPL\n2020-01-02,1,{ticker}\n"
    assert refusal(content) == f"AAPL.csv, line 3, column 'Name': {reason}"


def test_one_name_for_several_symbols() -> None:
    """
    A symbol named by the caller cannot stand for a column of several.
    """
    content = "date,close,ticker\n2020-01-02,1,AAPL\n2020-01-02,1,MSFT\n"
    expected = "AAPL.csv, line 3, column 'ticker': several symbols in a file read as AAPL"
    assert refusal(content, symbol="AAPL") == expected


def test_damaged_archives() -> None:
    """
    A cut, broken, encrypted or crowded archive is refused as that.
    """
    whole = gzip.compress(("\n".join([HEADER, *(f"{1900 + i}-01-02,1,3,0.5,2,{i * i}" for i in range(100))])).encode())
    assert "the archive is damaged" in refusal(whole[:-40], "AAPL.csv.gz")
    assert "the archive is damaged" in refusal(whole[:60] + b"\0\0\0\0" + whole[64:], "AAPL.csv.gz")
    assert "the archive is damaged" in refusal(b"PK\x03\x04 and no more", "AAPL.zip")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", "x")
        archive.writestr("b.csv", "x")
    assert refusal(packed.getvalue(), "all.zip") == "all.zip: the archive holds 2 files; read them one by one"


def test_an_encrypted_archive() -> None:
    """
    An encrypted member cannot be read, and that is said.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("AAPL.csv", f"{HEADER}\n{ROW}\n")
    body = bytearray(packed.getvalue())
    body[6] |= 1
    body[body.rindex(b"PK\x01\x02") + 8] |= 1
    assert refusal(bytes(body), "AAPL.zip") == "AAPL.zip: the archive is encrypted; unpack it first"
