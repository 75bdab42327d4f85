"""What the source of the SEC makes of every recorded payload of company facts, submissions and errors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from marketkeep.model import Request
from marketkeep.sources.sec import Sec
from proofs.verdicts import Verdict, files_of, judge

SEC = Sec()
FOLDERS = {
    "sec/companyfacts": ("facts", "https://data.sec.gov/api/xbrl/companyfacts/"),
    "sec/submissions": ("filings", "https://data.sec.gov/submissions/"),
    "sec/submissions_recorded": ("filings", "https://data.sec.gov/submissions/"),
}
_COMPANY = re.compile(r"CIK\d{10}")
_PAGE = re.compile(r"CIK\d{10}-submissions-\d{3}")


def verdicts(corpus: Path) -> Iterator[Verdict]:
    """Each file as the answer to the request that was made for it; errors, which answered others, as one to facts."""
    for folder, (dataset, url) in FOLDERS.items():
        for path in files_of(corpus, folder):
            yield judge(corpus, path, SEC, request_for(path, dataset, url))
    recorded = {one["file"]: one for one in index_of(corpus / "sec" / "errors")}
    for path in files_of(corpus, "sec/errors"):
        request = Request("sec", "facts", str(recorded[path.name]["url"]), (), ("CIK0000320193",))
        yield judge(corpus, path, SEC, request, status=int(str(recorded[path.name]["status"])))


def request_for(path: Path, dataset: str, url: str) -> Request:
    """The request that a recorded file answers."""
    company = _COMPANY.match(path.name)
    assert company is not None
    page = _PAGE.match(path.name)
    return Request("sec", dataset, f"{url}{page[0] if page else company[0]}.json", (), (company[0],))


def index_of(folder: Path) -> list[dict[str, object]]:
    """What is known of a folder's recordings."""
    return [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
