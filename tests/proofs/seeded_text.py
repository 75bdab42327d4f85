"""Tables of Markdown, shares and times, as the gym's report has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def share(part: int, whole: int) -> str:
    """A percentage that says 100 only of all."""
    if not whole:
        return ""
    return "100 %" if part == whole else f"{min(99.9, int(1000 * part / whole) / 10):.1f} %"


def minutes(seconds: float) -> str:
    """A time that is about the same on another machine."""
    return "under a minute" if seconds < 60 else f"about {seconds / 60:.0f} min"
