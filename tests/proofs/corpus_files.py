"""What becomes of the corpus's files that users hand in: bars, actions, renames, or a reason why they are none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from marketkeep.errors import BadFile, MarketkeepError
from marketkeep.sources.files import FileForm, Tally, members, read, recognise
from marketkeep.sources.files.opener import Stream
from proofs.verdicts import Verdict, files_of

FOLDERS = ("kaggle", "lean", "minute", "misc_csv", "quandl_wiki", "tiingo")
READER = "files"


def verdicts(corpus: Path) -> Iterator[Verdict]:
    """One for every file of these folders."""
    for folder in FOLDERS:
        for path in files_of(corpus, folder):
            yield from judge_file(corpus, path)


def judge_file(corpus: Path, path: Path) -> Iterator[Verdict]:
    """
    Let the reader of files read one; where its name tells no ticker, the user's word is `TEST`.

    It is named with its folder, as LEAN's files are told apart by it.
    """
    name, where = f"{path.parent.name}/{path.name}", path.relative_to(corpus).as_posix()
    rows: Counter[str] = Counter()
    form: FileForm | None = None
    try:
        for member, stream in members(name, lambda: path.open("rb")):
            form = _recognised(member, stream)
            for frames in read(member, stream, form, tally=Tally()):
                rows.update({dataset: frame.height for dataset, frame in frames.items()})
    except MarketkeepError as refusal:
        yield Verdict(where, READER, form.name if form else "file", refused=str(refusal))
        return
    assert form is not None
    # A map file of a ticker that was never another tells of no rename: read, and nothing in it.
    yield Verdict(where, READER, form.name, {name: n for name, n in rows.items() if n or not rows.total()})


def _recognised(name: str, stream: Stream) -> FileForm:
    try:
        return recognise(name, stream)
    except BadFile as error:
        if not error.reason.startswith("no symbol"):
            raise
        return recognise(name, stream, symbol="TEST")
