"""Tables: a frame is brought into a table's shape, or refused with the column named."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from marketkeep.model import PUBLISHED_TABLES, RAW_TABLES, SECURITIES, Table

TABLES = (*PUBLISHED_TABLES, *RAW_TABLES.values())


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_tables_are_described_whole(table: Table) -> None:
    """
    Every table and column says what it is; names are unique, and the key is among the columns.
    """
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)
    assert set(table.key) <= set(names)
    assert table.doc.endswith(".")
    assert [column.name for column in table.columns if not column.doc.endswith(".")] == []
    assert table.empty().schema == pl.Schema(table.schema)
    assert table.conform(table.empty()).equals(table.empty())


def test_names_are_unique() -> None:
    """
    No two tables share a name, and every raw dataset has its raw table among all.
    """
    names = [table.name for table in TABLES]
    assert len(set(names)) == len(names)
    assert {f"raw_{dataset}" for dataset in RAW_TABLES} == {table.name for table in RAW_TABLES.values()}


def test_conform_orders_casts_and_fills() -> None:
    """
    Columns come out in the table's order and types; a nullable one that is absent is null.
    """
    told = {"followed": [True], "asset_class": ["equity"], "symbol": ["NA"], "active": [True], "priority": ["low"]}
    made = SECURITIES.conform(pl.DataFrame({**told, "security_id": ["NA"], "start": [date(2020, 1, 2)]}))
    assert made.row(0, named=True) == {
        **dict.fromkeys(SECURITIES.schema),
        "security_id": "NA",
        "symbol": "NA",
        "asset_class": "equity",
        "priority": "low",
        "followed": True,
        "active": True,
        "start": date(2020, 1, 2),
    }
    assert made.schema == pl.Schema(SECURITIES.schema)


def test_conform_casts_numbers() -> None:
    """
    Whole numbers become what the column holds.
    """
    frame = pl.DataFrame({
        "symbol": ["A"], "ex_date": [date(2020, 1, 2)], "kind": ["dividend"], "amount": [1], "text": ["1"],
        "basis": ["as_traded"], "payload": [0],
    })  # fmt: skip
    assert RAW_TABLES["actions"].conform(frame).schema == pl.Schema(RAW_TABLES["actions"].schema)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"security_id": ["A"], "symbol": ["A"], "asset_class": ["equity"], "priority": ["low"]},
            "needs column followed, active",
        ),
        ({"security_id": ["A"], "symbol": ["A"], "asset_class": ["equity"], "b": [1], "a": [1]}, "has no column a, b"),
    ],
)
def test_conform_names_what_is_wrong(columns: dict[str, list[object]], message: str) -> None:
    """
    A column that must be there and is not, or is there and unknown, is named.
    """
    with pytest.raises(ValueError, match=message):
        SECURITIES.conform(pl.DataFrame(columns))


def test_conform_refuses_what_does_not_fit() -> None:
    """
    A value that the column's type cannot hold is an error, not a null.
    """
    told = {
        "security_id": ["A"],
        "symbol": ["A"],
        "asset_class": ["equity"],
        "followed": [True],
        "active": [True],
        "priority": ["low"],
    }
    frame = pl.DataFrame({**told, "start": ["soon"]})
    with pytest.raises(pl.exceptions.InvalidOperationError):
        SECURITIES.conform(frame)
