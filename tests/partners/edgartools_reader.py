"""
Reads companies with edgartools in a process of its own and writes down what it says, for `test_edgartools`.

`python edgartools_reader.py FOLDER KIND:CIK...`: KIND is facts, filings (the first answer only) or all_filings. The
caller sets EDGAR_DATA_URL and the folders that it may write to, before this process begins: it reads them on import.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson
from edgar.entity.entity_facts import get_company_facts
from edgar.entity.submissions import get_entity_submissions


def facts(cik: int) -> list[dict[str, Any]]:
    """Every fact that it knows of a company, by its own names."""
    names = ("taxonomy", "concept", "unit", "period_start", "period_end", "value", "accession")
    filing = ("fiscal_year", "fiscal_period", "form_type", "filing_date")
    return [{name: getattr(one, name) for name in (*names, *filing)} for one in get_company_facts(cik).get_all_facts()]


def filings(cik: int, *, everything: bool) -> dict[str, Any]:
    """A company and its filings, by its own names."""
    company = get_entity_submissions(cik)
    about = ("cik", "name", "tickers", "exchanges", "sic", "sic_description", "fiscal_year_end", "former_names")
    told = company.get_filings(trigger_full_load=everything).data
    columns = (
        "accession_number",
        "form",
        "filing_date",
        "reportDate",
        "acceptanceDateTime",
        "items",
        "primaryDocument",
    )
    return {name: getattr(company, name) for name in about} | {"filings": told.select(columns).to_pydict()}


def main() -> None:
    """Do what the command line says."""
    folder = Path(sys.argv[1])
    for what in sys.argv[2:]:
        kind, _, cik = what.partition(":")
        told = facts(int(cik)) if kind == "facts" else filings(int(cik), everything=kind == "all_filings")
        (folder / f"{kind}-{cik}.json").write_bytes(orjson.dumps(told))


if __name__ == "__main__":
    main()
