"""Corporate actions of files: beside the bars, or in a file of their own."""

from __future__ import annotations

from datetime import date

import pytest
from files_given import D2, D3, Given, refusal

D6 = date(2020, 1, 6)
AV = "timestamp,close,adjusted_close,dividend_amount,split_coefficient"
YF = "Date,Close,Dividends,Stock Splits"


def test_columns_beside_as_traded_bars() -> None:
    """
    Trap 66: amounts on as-traded rows are what was paid; ratios are made exact and their text kept.
    """
    given = Given(f"{AV}\n2020-01-06,1,1,0.0000,1.0\n2020-01-03,1,1,2.6500,7.00000700001\n2020-01-02,1,1,0,0.3333\n")
    assert given.told == [
        (D3, "split", 7, 1, None, "as_traded"),
        (D3, "dividend", None, None, 2.65, "as_traded"),
        (D2, "split", 1, 3, None, "as_traded"),
    ]
    assert given.actions["text"].to_list() == ["7.00000700001", "2.6500", "0.3333"]
    assert given.actions["currency"].to_list() == [None, None, None]
    assert given.tally.actions == 3


def test_columns_beside_adjusted_bars() -> None:
    """
    yfinance scales dividends by splits only, even beside fully adjusted bars; a split is itself on any basis.
    """
    given = Given(f"{YF}\n2020-01-02,1,0.0,4.0\n2020-01-03,1,0.0946,0.0\n2020-01-06,1,,\n")
    assert given.bars["basis"].unique().to_list() == ["adjusted"]
    assert given.told == [
        (D2, "split", 4, 1, None, "as_traded"),
        (D3, "dividend", None, None, 0.0946, "split_adjusted"),
    ]
    assert given.actions["basis_date"].to_list() == [None, D6]


@pytest.mark.parametrize(
    ("dividend", "gain", "told"),
    [
        ("16.88", "16.803", [("dividend", 0.077, "16.88 - 16.803"), ("capital_gain", 16.803, "16.803")]),
        ("16.803", "16.803", [("capital_gain", 16.803, "16.803")]),
        ("0.077", "16.803", [("dividend", 0.077, "0.077"), ("capital_gain", 16.803, "16.803")]),
        ("0.5", "0", [("dividend", 0.5, "0.5")]),
        ("0", "0.5", [("capital_gain", 0.5, "0.5")]),
    ],
)
def test_a_capital_gain_counts_once(dividend: str, gain: str, told: list[tuple[str, float, str]]) -> None:
    """
    Trap 4: a dividend that holds the gain of its day is only what is left over.
    """
    given = Given(f"{YF},Capital Gains\n2020-01-02,54.95,{dividend},0,{gain}\n")
    assert given.actions.select("kind", "amount", "text").rows() == told


def test_an_action_on_a_day_without_prices() -> None:
    """
    A row without prices is no bar, but what it tells of an action stands.
    """
    given = Given(f"{YF}\n2020-01-02,1,0,0\n2020-01-03,null,0.5,0\n")
    assert given.told == [(D3, "dividend", None, None, 0.5, "split_adjusted")]
    assert (given.bars.height, given.tally.empty) == (1, 1)


@pytest.mark.parametrize("text", ["7:1", "7/1", "7 for 1", "7.0"])
def test_a_file_of_splits(text: str) -> None:
    """
    Yahoo's download of splits has a date and a ratio.
    """
    given = Given(f"Date,Stock Splits\n2020-01-03,{text}\n")
    assert given.form.name == "actions_csv"
    assert given.told == [(D3, "split", 7, 1, None, "as_traded")]
    assert given.bars.is_empty()


def test_a_file_of_dividends() -> None:
    """
    Yahoo's download of dividends has amounts scaled by later splits.
    """
    given = Given("Date,Dividends\n2020-01-02,0.560000\n2020-01-06,0.62\n", "MSFT.csv")
    assert given.told == [
        (D2, "dividend", None, None, 0.56, "split_adjusted"),
        (D6, "dividend", None, None, 0.62, "split_adjusted"),
    ]
    assert given.form.basis_reason == "columns Dividends: Yahoo's dividends, scaled by later splits"


def test_one_action_a_row() -> None:
    """
    A file may name the kind of each row; amounts are as paid unless the caller says otherwise.
    """
    content = """symbol,ex_date,type,value,currency
AAPL,2020-01-02,Split,7:1,
brk-b,2020-01-02,Cash Dividend,0.50,USD
MSFT,2020-01-03,special_dividend,3.08,USD
T,2020-01-06,spin-off,1:5,
FXAIX,2020-01-06,Capital Gain,"1,000.5",
"""
    given = Given(content, "anything at all.csv")
    columns = ["symbol", "ex_date", "kind", "numerator", "denominator", "amount", "currency", "text", "basis"]
    assert given.actions.select(columns).rows() == [
        ("AAPL", D2, "split", 7, 1, None, None, "7:1", "as_traded"),
        ("BRK.B", D2, "dividend", None, None, 0.5, "USD", "0.50", "as_traded"),
        ("MSFT", D3, "special_dividend", None, None, 3.08, "USD", "3.08", "as_traded"),
        ("T", D6, "spin_off", 1, 5, None, None, "1:5", "as_traded"),
        ("FXAIX", D6, "capital_gain", None, None, 1000.5, None, "1,000.5", "as_traded"),
    ]
    assert Given(content, basis="split_adjusted").actions["basis"].unique().sort().to_list() == [
        "as_traded",
        "split_adjusted",
    ]


def test_ratio_amount_and_parts_in_columns_of_their_own() -> None:
    """
    Ratio and amount may have a column each, and a ratio one for either part.
    """
    given = Given("ticker,date,action,ratio,amount\nAAPL,20200102,split,0.5,\nAAPL,20200103,dividend,,0.25\n")
    assert given.told == [(D2, "split", 1, 2, None, "as_traded"), (D3, "dividend", None, None, 0.25, "as_traded")]
    parts = Given("ticker,date,action,numerator,denominator\nGE,2020-01-02,split,1046,1000\n")
    assert parts.told == [(D2, "split", 523, 500, None, "as_traded")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (f"{YF}\n2020-01-02,1,0,0\n2020-01-03,1,x,0\n", ", line 3, column 'Dividends': 'x' is not a number"),
        (f"{YF}\n2020-01-02,1,0,seven\n", ", line 2, column 'Stock Splits': 'seven' is not a split ratio"),
        (
            "date,kind,value\n2020-01-02,merger,1\n",
            ", line 2, column 'kind': 'merger' is not a kind of action: split, ",
        ),
        ("date,kind,value\n2020-01-02,split,\n", ", line 2, column 'kind': a split without ratio or value"),
        ("date,kind,value\n2020-01-02,div,n/a\n", ", line 2, column 'kind': a dividend without amount or value"),
        ("date,kind,value\n2020-01-02,split,0\n", ", line 2, column 'value': '0' is not a split ratio"),
        ("date,kind,amount\n2020-01-02,div,1x\n", ", line 2, column 'amount': '1x' is not a number"),
    ],
)
def test_bad_actions_are_refused(content: str, expected: str) -> None:
    """
    What is no amount, ratio or kind is refused with its line and column.
    """
    assert refusal(content).startswith(f"AAPL.csv{expected}")
