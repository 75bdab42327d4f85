"""Symbols: one canonical form, every vendor's spelling read back, and nothing else let in."""

from __future__ import annotations

import re
from pathlib import PurePosixPath, PureWindowsPath
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkeep.errors import BadSymbol
from marketkeep.model import Dialect, Symbol

DIALECTS = get_args(Dialect)
EQUITIES = st.from_regex(r"[A-Z][A-Z0-9]{0,9}(\.[A-Z]{1,4}){0,2}", fullmatch=True)
# What real tickers are made of, more often than chance would make them.
PLAUSIBLE = st.builds(
    "{}{}".format,
    st.from_regex(r"[A-Z]{1,6}", fullmatch=True),
    st.sampled_from(
        ["", ".A", ".B", ".P", ".PA", ".PR", ".PRD", ".PRR", ".WS", ".WT", ".U", ".UN", ".RT", ".RI", ".V"]
    ),
)
PAIRS = st.builds(
    "{}-{}".format, st.from_regex(r"[A-Z0-9]{2,12}", fullmatch=True), st.sampled_from(["USD", "USDT", "EUR", "BTC"])
)
INDICES = st.from_regex(r"\^[A-Z0-9]{1,12}", fullmatch=True)
FORMER = st.builds(
    "{}~{}".format, st.one_of(EQUITIES, PLAUSIBLE), st.from_regex(r"(19|20)[0-9]{2}(\.([2-9]|1[0-9]))?", fullmatch=True)
)
SYMBOLS = st.one_of(EQUITIES, PLAUSIBLE, PAIRS, INDICES, FORMER).map(Symbol.parse)
# Trap 63: names that guessing parsers turn into nothing, truth or infinity.
ODD_NAMES = ["NA", "NAN", "NULL", "NONE", "TRUE", "FALSE", "ON", "OFF", "NO", "INF", "E", "A"]


@given(SYMBOLS, st.sampled_from(DIALECTS))
def test_every_alias_reads_back(symbol: Symbol, dialect: Dialect) -> None:
    """
    Trap 29: the spelling of any symbol in any vendor's dialect is read back as that symbol.
    """
    assert Symbol.parse(symbol.alias(dialect)) == symbol


@given(SYMBOLS)
def test_canonical_form_is_stable(symbol: Symbol) -> None:
    """
    The canonical form is its own canonical form, in lower case and between spaces too.
    """
    assert Symbol.parse(symbol.text) == symbol
    assert Symbol.parse(f" {symbol.text.lower()} ") == symbol
    assert str(symbol) == symbol.text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("BRK.B", "BRK.B"),
        ("BRK-B", "BRK.B"),
        ("BRK/B", "BRK.B"),
        ("BRK B", "BRK.B"),
        ("brk.b", "BRK.B"),
        ("ABR$D", "ABR.PRD"),
        ("ABRpD", "ABR.PRD"),
        ("ABR-PD", "ABR.PRD"),
        ("ABR.PRD", "ABR.PRD"),
        ("ABR PRD", "ABR.PRD"),
        ("ABR.PR.D", "ABR.PRD"),
        ("ABR-D", "ABR.D"),
        ("TDSp", "TDS.PR"),
        ("TDS$", "TDS.PR"),
        ("ACIC.WS", "ACIC.WS"),
        ("ACIC-WT", "ACIC.WS"),
        ("CCX.U", "CCX.U"),
        ("CCX-UN", "CCX.U"),
        ("BTC-USD", "BTC-USD"),
        ("BTC/USD", "BTC-USD"),
        ("^GSPC", "^GSPC"),
        ("SNAP", "SNAP"),
        ("snap", "SNAP"),
        ("APP", "APP"),
        ("GOOGL", "GOOGL"),
    ],
)
def test_known_spellings(text: str, canonical: str) -> None:
    """
    Trap 29: share classes, preferreds, warrants, units, pairs and indices as vendors write them.
    """
    assert Symbol.parse(text).text == canonical


@pytest.mark.parametrize(
    ("dialect", "spelled"),
    [
        ("yahoo", ["BRK-B", "ABR-PD", "ACIC-WT", "CCX-UN"]),
        ("polygon", ["BRK.B", "ABRpD", "ACIC.WS", "CCX.U"]),
        ("alpaca", ["BRK.B", "ABR.PRD", "ACIC.WS", "CCX.U"]),
        ("nasdaq_trader", ["BRK.B", "ABR$D", "ACIC.WS", "CCX.U"]),
        ("sec", ["BRK-B", "ABR-PD", "ACIC-WS", "CCX-U"]),
        ("lean", ["brk.b", "abr.prd", "acic.ws", "ccx.u"]),
    ],
)
def test_aliases(dialect: Dialect, spelled: list[str]) -> None:
    """
    A class share, a preferred, a warrant and a unit are spelled as the vendor spells them.
    """
    assert [Symbol(text).alias(dialect) for text in ("BRK.B", "ABR.PRD", "ACIC.WS", "CCX.U")] == spelled


@given(FORMER, st.sampled_from(DIALECTS))
def test_trap_30_former_holders_keep_a_name_that_no_vendor_knows(text: str, dialect: Dialect) -> None:
    """
    Who had a ticker until a year is an equity of that ticker in no vendor's spelling: none is asked for it.
    """
    symbol = Symbol.parse(text)
    assert (symbol.former, symbol.asset_class) == (True, "equity")
    assert symbol.ticker == Symbol.parse(text.partition("~")[0]).text
    assert symbol.text == f"{symbol.ticker}~{text.partition('~')[2]}"
    assert symbol.alias(dialect).upper() == symbol.text
    assert not Symbol(symbol.ticker).former


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("REUS~2015", "REUS~2015"),
        ("brk-b~2015.2", "BRK.B~2015.2"),
        ("CON~1999", "CON~1999"),
        ("CON.A~1999", "CON_.A~1999"),
    ],
)
def test_former_holders_have_folders_of_their_own(text: str, folder: str) -> None:
    """
    The year stands behind the ticker in any spelling, and the folder is one that Windows takes.
    """
    assert Symbol.parse(text).folder == folder


@pytest.mark.parametrize("text", ODD_NAMES)
def test_odd_names_are_tickers(text: str) -> None:
    """
    Trap 63: NA, TRUE, ON, INF and their like are tickers as any other.
    """
    assert Symbol.parse(text).text == text
    assert Symbol.parse(text).asset_class == "equity"


@pytest.mark.parametrize(
    ("text", "asset_class"), [("BTC-USD", "crypto"), ("ETH/BTC", "crypto"), ("^VIX", "index"), ("BF.B", "equity")]
)
def test_class_is_told_by_spelling(text: str, asset_class: str) -> None:
    """
    A pair is crypto, a caret an index, all else equity.
    """
    assert Symbol.parse(text).asset_class == asset_class


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        "..",
        "../AAPL",
        "AAPL/../MSFT",
        "/etc/passwd",
        "..\\AAPL",
        "C:AAPL",
        "A\\B",
        "~",
        "~2015",
        "REUS~",
        "REUS~15",
        "REUS~2015.1",
        "REUS~2015.02",
        "REUS~2015~2016",
        "^GSPC~2015",
        "BTC-USD~2015",
        "../REUS~2015",
        "A*",
        "A?",
        "A:B",
        "A|B",
        '"AAPL"',
        "AAPL\x00",
        "AA\x00PL",
        "AA\nPL",
        "AA\tPL",
        "A\x7fB",
        "AAPL\x1b[0m",
        "\u0410\u0410PL",  # Cyrillic A
        "\uff21\uff21\uff30\uff2c",  # full-width
        "A\u0391PL",  # Greek Alpha
        "\u017fPY",  # long s, whose upper case is S
        "\ufb01",  # ligature fi, whose upper case is FI
        "\u00df",  # sharp s, whose upper case is SS
        "\u0131BM",  # dotless i, whose upper case is I
        "AA\u200bPL",  # zero-width space
        "AAPL\u202e",  # right-to-left override
        "AAPL\u0301",
        "123",
        "1AAPL",
        "A" * 11,
        "A" * 10_000,
        "A.B.C.D",
        "A.",
        ".A",
        "A..B",
        "A-",
        "-A",
        "A--B",
        "A.ABCDE",
        "A_B",
        "$",
        "^",
        "-USD",
        "AAPL,MSFT",
        "AAPL;DROP",
    ],
)
def test_refused_texts(text: str) -> None:
    """
    Path tricks, control characters, look-alikes of other scripts and overlong texts are refused with the text named.
    """
    with pytest.raises(BadSymbol) as caught:
        Symbol.parse(text)
    assert caught.value.text == text
    assert caught.value.exit_code == 2


@given(st.text())
def test_any_text_is_a_safe_symbol_or_refused(text: str) -> None:
    """
    Whatever the text, it is refused or becomes a symbol of plain characters.
    """
    try:
        symbol = Symbol.parse(text)
    except BadSymbol:
        return
    assert re.fullmatch(r"\^?[A-Z0-9]+([.-][A-Z0-9]+)*(~[12][0-9]{3}(\.[0-9]+)?)?", symbol.text)
    assert len(symbol.ticker) <= 24


@given(SYMBOLS)
def test_folders_are_safe_and_tell_the_symbol(symbol: Symbol) -> None:
    """
    A folder is one part of a path on any system, no name Windows reserves, and the symbol without the underscore.
    """
    folder = symbol.folder
    assert PurePosixPath(folder).parts == (folder,)
    assert PureWindowsPath(folder).parts == (folder,)
    assert not windows_device(folder)
    assert not folder.endswith((".", " "))
    assert folder.replace("_", "") == symbol.text


@pytest.mark.parametrize("text", ["CON", "PRN", "AUX", "NUL", "COM1", "LPT9", "CON.PRA", "AUX.WS"])
def test_devices_of_windows_get_another_folder(text: str) -> None:
    """
    Windows reserves a device's name with any suffix behind a dot, so the underscore stands before the dot.
    """
    symbol = Symbol.parse(text)
    assert windows_device(symbol.text)
    assert not windows_device(symbol.folder)
    assert symbol.folder == text.replace(text.split(".", maxsplit=1)[0], text.split(".", maxsplit=1)[0] + "_")


def windows_device(name: str) -> bool:
    """Whether Windows would open a device instead of a file of that name."""
    return bool(re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)", name.partition(".")[0].rstrip()))


def test_symbols_sort_and_compare_by_text() -> None:
    """
    Two spellings of one ticker are one symbol, and symbols sort as their texts.
    """
    assert {Symbol.parse("BRK-B"), Symbol.parse("BRK/B")} == {Symbol("BRK.B")}
    assert sorted([Symbol("MSFT"), Symbol("AAPL")]) == [Symbol("AAPL"), Symbol("MSFT")]
