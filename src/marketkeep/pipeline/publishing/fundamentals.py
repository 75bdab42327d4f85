"""
Publishing fundamentals: raw facts, filings and companies to gold to one file per symbol and year.

Only symbols of companies with new batches are made again, and those whose company is another than before. Companies
are taken so many at a time, and their raw rows so many at a time: a company's facts are told whole with every answer,
and of all that was told only the newest of each fact is held in memory. The bytes are those that a rebuild would write.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from marketkeep.checks.fundamentals import FUNDAMENTAL_CHECKS, fundamental_findings
from marketkeep.gold.fundamentals import newest_companies, newest_facts, newest_filings, resolve_fundamentals
from marketkeep.model import CATALOG, FINDINGS, FUNDAMENTALS, Batch
from marketkeep.pipeline.publishing.rows import batch_files
from marketkeep.pipeline.workspace import Workspace
from marketkeep.stores.lake import Catalog, layout
from marketkeep.stores.lake.fundamentals import DATASET, dump_fundamentals

RESTS_ON = frozenset({"facts", "filings", "companies"})
"""The raw datasets that fundamentals are made from, beside what securities say of who belongs to which company."""

_COMPANIES_AT_ONCE = 50
_ROWS_AT_ONCE = 1_000_000
_WEIGHTS = {check.code: check.weight for check in FUNDAMENTAL_CHECKS}
_ISSUERS = {"symbol": pl.String, "cik": pl.Int64, "digest": pl.String}

Key = tuple[str, str, int]


@dataclass(slots=True)
class PublishedFundamentals:
    """
    What publishing came to: catalog entries in place of those under `keys`; and of `symbols`, all that were made
    again, every finding that stands, in place of all that were known before.
    """

    entries: list[dict[str, Any]] = field(default_factory=list)
    keys: set[Key] = field(default_factory=set)
    findings: pl.DataFrame = field(default_factory=FINDINGS.empty)
    symbols: set[str] = field(default_factory=set)
    rows: int = 0


def publish_fundamentals(
    work: Workspace, catalog: Catalog, batches: pl.DataFrame, new: Sequence[Batch]
) -> PublishedFundamentals:
    """
    Make again the fundamentals that new batches touch. Call it when the reference tables are published.

    `batches` are the raw batches to rest on (`BATCHES` rows), `new` those that `catalog` does not know.
    """
    result = PublishedFundamentals()
    issuers = _issuers(work.lake.securities())
    held = _held(catalog)
    known = _known(work, held) if _all_there(catalog, batches) else pl.DataFrame(schema=_ISSUERS)
    told = _companies_in(work, new)
    again = issuers.filter(pl.col("cik").is_in(sorted(told))).join(known, on=["symbol", "cik"], how="left")
    other = issuers.join(known, on=["symbol", "cik"], how="anti")
    touched = pl.concat([again.select(issuers.columns), other]).unique().sort("cik", "symbol")
    gone = held.join(issuers, on="symbol", how="anti")["symbol"].to_list()
    for group in _groups(touched):
        _publish_group(work, catalog, batches, group, result)
    _drop(work, catalog, gone, set(), result)
    result.symbols.update(gone)
    _keep_issuers(work, issuers, held, result)
    return result


def _all_there(catalog: Catalog, batches: pl.DataFrame) -> bool:
    """Whether no batch is left out that the catalog rests on, as a damaged one is: then everything is made again."""
    mine = catalog.batches.filter(pl.col("dataset").is_in(sorted(RESTS_ON)))
    return mine.join(batches, on="path", how="anti").is_empty()


def _issuers(securities: pl.DataFrame) -> pl.DataFrame:
    """Whose figures are published under which symbol: shares that are followed or have bars, with their company."""
    wanted = (pl.col("asset_class") == "equity") & pl.col("cik").is_not_null()
    held = pl.col("followed") | pl.col("first_session").is_not_null()
    return securities.filter(wanted & held).select("symbol", "cik").sort("symbol")


def _held(catalog: Catalog) -> pl.DataFrame:
    """Symbols with published fundamentals, and a digest over the hashes of their files."""
    mine = catalog.entries.filter(pl.col("dataset") == DATASET).sort("symbol", "period")
    joined = mine.group_by("symbol", maintain_order=True).agg(text=pl.col("hash").str.join(" "))
    return joined.select("symbol", digest=pl.col("text").map_elements(_digest, return_dtype=pl.String))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _known(work: Workspace, held: pl.DataFrame) -> pl.DataFrame:
    """
    Symbols looked at before and the company they had then, of which the catalog still has what was published.

    An update that was cut short has written this table but not the catalog: such symbols are looked at again.
    """
    none = pl.DataFrame(schema=_ISSUERS)
    try:
        kept = pl.read_parquet(io.BytesIO(work.files.read(layout.ISSUERS)))
    except (OSError, pl.exceptions.PolarsError):
        return none
    if kept.schema != none.schema:
        return none
    now = kept.join(held.rename({"digest": "now"}), on="symbol", how="left")
    return now.filter(pl.col("digest") == pl.col("now").fill_null("")).select(list(_ISSUERS))


def _keep_issuers(work: Workspace, issuers: pl.DataFrame, held: pl.DataFrame, result: PublishedFundamentals) -> None:
    hashes = pl.DataFrame(result.entries, schema=CATALOG.schema).sort("symbol", "period")
    fresh = hashes.group_by("symbol", maintain_order=True).agg(text=pl.col("hash").str.join(" "))
    fresh = fresh.select("symbol", digest=pl.col("text").map_elements(_digest, return_dtype=pl.String))
    stays = held.filter(~pl.col("symbol").is_in(sorted(result.symbols)))
    digests = pl.concat([stays, fresh])
    table = issuers.join(digests, on="symbol", how="left", maintain_order="left").with_columns(
        pl.col("digest").fill_null("")
    )
    if table.is_empty():
        work.lake.drop(layout.ISSUERS)
        return
    buffer = io.BytesIO()
    table.select(list(_ISSUERS)).write_parquet(buffer, compression="zstd")
    if _bytes_of(work, layout.ISSUERS) != buffer.getvalue():
        work.lake.put(layout.ISSUERS, buffer.getvalue())


def _companies_in(work: Workspace, new: Sequence[Batch]) -> set[int]:
    found: set[int] = set()
    for dataset in sorted(RESTS_ON):
        if keys := [batch.path for batch in new if batch.dataset == dataset and batch.rows]:
            found.update(work.batches.scan(keys).select(pl.col("cik").unique()).collect()["cik"].to_list())
    return found


def _bytes_of(work: Workspace, key: str) -> bytes | None:
    try:
        return work.files.read(key)
    except FileNotFoundError:
        return None


def _groups(touched: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The symbols of so many companies at a time; those of one company stay together."""
    ciks = touched["cik"].unique().sort()
    for start in range(0, ciks.len(), _COMPANIES_AT_ONCE):
        some = ciks.slice(start, _COMPANIES_AT_ONCE).to_list()
        yield touched.filter(pl.col("cik").is_in(some))


def _publish_group(
    work: Workspace, catalog: Catalog, batches: pl.DataFrame, group: pl.DataFrame, result: PublishedFundamentals
) -> None:
    ciks = group["cik"].unique().sort().to_list()
    facts = _folded(work, batches, "facts", ciks, newest_facts)
    filings = _folded(work, batches, "filings", ciks, newest_filings)
    companies = _folded(work, batches, "companies", ciks, newest_companies)
    gold = resolve_fundamentals(facts, filings, companies)
    rows = gold.rows.join(group, on="cik").sort("symbol", "metric", "period_end", "period", "available_at", "accession")
    findings = fundamental_findings(rows, gold.kinds, work.policy.thresholds)
    files = dump_fundamentals(rows.select(list(FUNDAMENTALS.schema)))
    scores = _scores(findings)
    spans = rows.group_by("symbol", year=pl.col("period_end").dt.year()).agg(
        rows=pl.len().cast(pl.Int64), first=pl.col("period_end").min(), last=pl.col("period_end").max()
    )
    about = {(one["symbol"], one["year"]): one for one in spans.iter_rows(named=True)}
    before = _hashes(catalog, group["symbol"].to_list())
    there = {key for symbol in sorted({symbol for symbol, _ in before}) for key in work.files.keys(_prefix(symbol))}
    for key, data in files.items():
        digest = hashlib.sha256(data).hexdigest()
        path = layout.fundamentals(*key)
        if before.get(key) != digest or path not in there:
            work.lake.put(path, data)
        one = about[key]
        entry = {"rows": one["rows"], "first": one["first"], "last": one["last"], "missing": [], "hash": digest}
        entry |= {"dataset": DATASET, "symbol": key[0], "period": key[1], "score": scores.get(key, 100.0)}
        result.entries.append(entry)
        result.keys.add((DATASET, *key))
    _drop(work, catalog, group["symbol"].to_list(), set(files), result)
    result.findings = pl.concat([result.findings, findings])
    result.symbols.update(group["symbol"])
    result.rows += rows.height


def _prefix(symbol: str) -> str:
    return layout.fundamentals(symbol, 0).rsplit("/", 2)[0] + "/"


def _hashes(catalog: Catalog, symbols: Sequence[str]) -> dict[tuple[str, int], str]:
    mine = catalog.entries.filter((pl.col("dataset") == DATASET) & pl.col("symbol").is_in(list(symbols)))
    return {(symbol, year): digest for symbol, year, digest in mine.select("symbol", "period", "hash").iter_rows()}


def _drop(
    work: Workspace,
    catalog: Catalog,
    symbols: Sequence[str],
    stays: set[tuple[str, int]],
    result: PublishedFundamentals,
) -> None:
    """Take away the files of these symbols' years that are in the catalog and do not stay."""
    gone = [key for key in _hashes(catalog, symbols) if key not in stays]
    work.lake.drop(*(layout.fundamentals(*key) for key in gone))
    result.keys.update((DATASET, *key) for key in gone)


def _scores(findings: pl.DataFrame) -> dict[tuple[str, int], float]:
    """100 minus the weights of the checks that a symbol's year fails, each once."""
    failed = findings.select("symbol", "check", year=pl.col("last").dt.year()).unique()
    weighed = failed.with_columns(weight=pl.col("check").replace_strict(_WEIGHTS, return_dtype=pl.Float64))
    summed = weighed.group_by("symbol", "year").agg(lost=pl.col("weight").sum())
    return {(symbol, year): max(0.0, 100.0 - lost) for symbol, year, lost in summed.iter_rows()}


def _folded(
    work: Workspace,
    batches: pl.DataFrame,
    dataset: str,
    ciks: Sequence[int],
    newest: Callable[[pl.DataFrame], pl.DataFrame],
) -> pl.DataFrame:
    """The newest rows of these companies in a dataset, read so many at a time."""
    mine = batches.filter((pl.col("dataset") == dataset) & (pl.col("rows") > 0))
    sizes = dict(mine.select("path", "rows").iter_rows())
    kept = newest(work.batches.rows(dataset, []))
    part: list[str] = []
    count = 0
    for path in [*batch_files(batches, dataset), None]:
        if part and (path is None or count + sizes[path] > _ROWS_AT_ONCE):
            kept = newest(pl.concat([kept, work.batches.rows(dataset, part, ciks=ciks)]))
            part, count = [], 0
        if path is not None:
            part.append(path)
            count += sizes[path]
    return kept
