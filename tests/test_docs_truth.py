"""The how-tos about truth and reading are what a reader would type, and print what they say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from marketkeep.cli import main

PAGES = Path(__file__).parents[1] / "docs/how-to"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
FILE = re.compile(r"`([\w./]+\.csv)`")


@pytest.mark.parametrize("page", ["quality.md", "corporate-actions.md", "point-in-time.md", "reading.md", "sql.md"])
def test_examples_run_and_print_what_is_shown(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Over an empty folder the page's files, commands and Python lines, one after the other, print what the page shows.
    """
    monkeypatch.chdir(tmp_path)
    text = (PAGES / page).read_text()
    names: dict[str, object] = {}
    said = ""
    kinds = []
    for block in BLOCK.finditer(text):
        kind, body = block.groups()
        kinds.append(kind)
        if kind == "csv":
            path = tmp_path / FILE.findall(text[: block.start()])[-1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body)
        elif kind == "sh":
            for line in body.splitlines():
                _run(line)
            said = capsys.readouterr().out
        elif kind == "python":
            exec(body, names)  # noqa: S102  # the project's own docs
            said = capsys.readouterr().out
        elif kind == "text":
            missing = [line for line in body.splitlines() if not _shown(line, said)]
            assert missing == [], said
    assert {"sh", "python", "text"} <= set(kinds)


def _run(line: str) -> None:
    """One command; it may end with 1 where it only says that something is wrong."""
    words = shlex.split(line)
    assert words[0] == "marketkeep"
    with pytest.raises(SystemExit) as ended:
        main(words[1:])
    assert ended.value.code in ((0, 1, None) if words[1] in ("qa-check", "view-issues") else (0, None)), line


def _shown(line: str, said: str) -> bool:
    """Whether a line of what was said is this one, `...` standing for anything and spaces for spaces."""
    parts = (r"\s+".join(map(re.escape, part.split())) for part in line.split("..."))
    pattern = r".*".join(rf"\s*{part}\s*" for part in parts)
    return any(re.fullmatch(pattern, one) for one in said.splitlines()) or not line.strip()
