"""edgartools, pointed at the same bytes over a socket, reads the same facts, filings and companies as we do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import polars as pl
import pytest
from loopback import answering

from gym.sec import DATA
from gym.sec import Sec as Vendor
from gym.truth import Truth
from gym.wire import Ask, Reply
from marketkeep.model import Payload, Request
from marketkeep.sources.sec import Sec
from proofs.verdicts import body_of

pytestmark = [
    pytest.mark.skipif(find_spec("edgar") is None, reason="edgartools is not installed"),
    pytest.mark.slow,
]
READER = Path(__file__).with_name("edgartools_reader.py")
SEC = Sec()
NOW = datetime(2024, 12, 31, 23, tzinfo=UTC).timestamp()
RECORDED_FACTS = (320193, 1750, 22701, 63908, 104169, 1640147, 1652044, 1637459)
# Of these every page that the first answer names was recorded; of the others the first answer only is compared.
WHOLE = (320193, 1009672, 1318605, 1324424, 940418)
FIRST_ONLY = (310522, 1045810, 1465740, 104169)
# edgartools gives some units another name.
UNITS = {"pure": "number", "USD/shares": "USD per share", "usd": "USD"}


class Both:
    """The SEC as recorded in the corpus, and as made by the gym where a company was not recorded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Made answers hold 100 filings, so that there are older pages.
        self.made = Vendor(Truth(symbols=30, years=4), recent=100, page=150)

    def answer(self, path: str, params: dict[str, str]) -> Reply | None:
        """The file of that name, as recorded whole or as collected by others; else what the gym says."""
        kind, name = path.split("/")[-2:]
        for folder in (f"{kind}_recorded", kind):
            recorded = self._folder / folder / f"{name}.gz"
            if recorded.is_file():
                return Reply(200, body_of(recorded), "application/json")
        contact = {"user-agent": "marketkeep test@example.org"}
        return self.made.answer(Ask(DATA, path.removeprefix(f"/{DATA}"), params, NOW, contact))


@pytest.fixture(scope="module")
def sec(corpus: Path) -> Both:
    """Recorded and made companies."""
    return Both(corpus / "sec")


@pytest.fixture(scope="module")
def made(sec: Both) -> tuple[int, int, int]:
    """A company of the gym that restates a year, one that reports by IFRS, and one with older pages."""
    known = sec.made.companies
    companies = [one for cik in known.symbols_of if (one := known.company(cik))]
    plain = next(one.cik for one in companies if one.restates and not one.foreign)
    return plain, next(one.cik for one in companies if one.foreign), next(one.cik for one in companies if one.busy)


@pytest.fixture(scope="module")
def theirs(sec: Both, made: tuple[int, int, int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that edgartools reads, in a process that may write to that folder only."""
    folder = tmp_path_factory.mktemp("edgartools")
    asked = [f"facts:{cik}" for cik in (*RECORDED_FACTS, *made)]
    asked += [f"all_filings:{cik}" for cik in (*WHOLE, *made)] + [f"filings:{cik}" for cik in FIRST_ONLY]
    with answering(sec.answer) as url:
        env = environment(url, folder)
        subprocess.run([sys.executable, READER, folder, *asked], env=env, check=True, timeout=240)
    return folder


def environment(url: str, folder: Path) -> dict[str, str]:
    """What tells edgartools where the SEC is and where it may write."""
    return {name: value for name, value in os.environ.items() if not name.startswith("EDGAR_")} | {
        "HOME": str(folder),
        "EDGAR_LOCAL_DATA_DIR": str(folder / "data"),
        "EDGAR_CACHE_DIR": str(folder / "cache"),
        "EDGAR_IDENTITY": "Marketkeep Test test@example.org",
        "EDGAR_BASE_URL": f"{url}/www.sec.gov",
        "EDGAR_DATA_URL": f"{url}/{DATA}",
        "EDGAR_XBRL_URL": f"{url}/xbrl.sec.gov",
        "EDGAR_RATE_LIMIT_PER_SEC": "100",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def payload(sec: Both, request: Request) -> Payload:
    """The bytes that edgartools was given."""
    reply = sec.answer(f"/{DATA}{urlsplit(request.url).path}", {})
    assert reply is not None
    assert isinstance(reply.body, bytes)
    return Payload(reply.status, (), reply.body, datetime.fromtimestamp(NOW, UTC))


def ours(sec: Both, dataset: str, cik: int, *, everything: bool = True) -> dict[str, pl.DataFrame]:
    """What our source reads, page by page."""
    company = f"CIK{cik:010d}"
    path = "api/xbrl/companyfacts" if dataset == "facts" else "submissions"
    request: Request | None = Request("sec", dataset, f"https://{DATA}/{path}/{company}.json", (), (company,))
    frames: dict[str, list[pl.DataFrame]] = {}
    while request is not None:
        answer = payload(sec, request)
        for name, frame in SEC.parse(request, answer).items():
            frames.setdefault(name, []).append(frame)
        request = SEC.next_page(request, answer) if everything else None
    return {name: pl.concat(parts) for name, parts in frames.items()}


def compared_facts(sec: Both, theirs: Path, cik: int) -> int:
    """How many facts of a company both read alike, field by field; raises where one differs."""
    told = orjson.loads((theirs / f"facts-{cik}.json").read_bytes())
    frame = ours(sec, "facts", cik)["facts"].with_columns(
        pl.format("{}:{}", "taxonomy", "concept").alias("concept"),
        pl.col("unit").replace(UNITS),
        pl.col("start", "end", "filed").cast(pl.String),
        pl.col("fiscal_year").fill_null(0),
        pl.col("fiscal_period", "form").fill_null(""),
    )
    mine = frame.select(
        "taxonomy",
        "concept",
        "unit",
        "start",
        "end",
        "value",
        "accession",
        "fiscal_year",
        "fiscal_period",
        "form",
        "filed",
    )
    yours = Counter((*list(one.values())[:5], float(one["value"]), *list(one.values())[6:]) for one in told)
    assert Counter(mine.rows()) == yours
    return mine.height


@pytest.mark.parametrize("cik", RECORDED_FACTS)
def test_recorded_facts_are_the_same(sec: Both, theirs: Path, cik: int) -> None:
    """
    Every fact of a real company: concept, unit, days, value, filing, fy, fp, form and filed agree.
    """
    assert compared_facts(sec, theirs, cik) > 5000


def test_made_facts_are_the_same(sec: Both, theirs: Path, made: tuple[int, int, int]) -> None:
    """
    So do those of the gym's companies, restated ones and IFRS reporters among them.
    """
    assert all(compared_facts(sec, theirs, cik) > 30 for cik in made)


def compared_filings(sec: Both, theirs: Path, kind: str, cik: int) -> int:
    """How many filings of a company both read alike, with the company itself."""
    told: dict[str, Any] = orjson.loads((theirs / f"{kind}-{cik}.json").read_bytes())
    frames = ours(sec, "filings", cik, everything=kind == "all_filings")
    mine = frames["filings"].with_columns(pl.col("items", "document", "report_date").cast(pl.String).fill_null(""))
    rows = list(zip(*told.pop("filings").values(), strict=True))
    assert mine.select("accession", "form", pl.col("filed").cast(pl.String), "report_date").rows() == [
        row[:4] for row in rows
    ]
    assert mine.select("items", "document").rows() == [row[5:] for row in rows]
    instants = [datetime.fromisoformat(row[4]).replace(tzinfo=UTC) for row in rows]
    assert mine["accepted_at"].to_list() == instants
    (company,) = frames["companies"].iter_rows(named=True)
    assert {name: told[name] for name in ("cik", "name", "exchanges")} == {
        n: company[n] for n in ("cik", "name", "exchanges")
    }
    assert [ticker.replace("-P", ".PR").replace("-", ".") for ticker in told["tickers"]] == company["symbols"]
    assert (told["sic"], told["fiscal_year_end"]) == (str(company["sic"] or ""), company["fiscal_year_end"])
    assert (told["sic_description"] or None) == company["industry"]
    former = [{name: str(value) for name, value in one.items()} for one in company["former_names"]]
    assert told["former_names"] == former
    return mine.height


@pytest.mark.parametrize("cik", WHOLE)
def test_recorded_filings_are_the_same(sec: Both, theirs: Path, cik: int) -> None:
    """
    Every filing of a real company over all its pages, and the company itself, agree.
    """
    assert compared_filings(sec, theirs, "all_filings", cik) > 30


@pytest.mark.parametrize("cik", FIRST_ONLY)
def test_recorded_first_answers_are_the_same(sec: Both, theirs: Path, cik: int) -> None:
    """
    So do first answers whose older pages were not recorded.
    """
    assert compared_filings(sec, theirs, "filings", cik) > 900


def test_made_filings_are_the_same(sec: Both, theirs: Path, made: tuple[int, int, int]) -> None:
    """
    So do those of the gym's companies, older pages among them.
    """
    assert max(compared_filings(sec, theirs, "all_filings", cik) for cik in made) > 300


def test_edgartools_wrote_nothing_elsewhere(theirs: Path) -> None:
    """
    Its caches stay in the test's own folder.
    """
    told = {path.name for path in theirs.iterdir() if path.suffix == ".json"}
    assert {path.name for path in theirs.iterdir()} - told <= {"data", "cache"}
    assert (theirs / "data").is_dir()
