"""
What is told of a source in one plain sentence: in the journal, in `marketkeep sources`, at the end of a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from marketkeep.http import BAD_URL, CLOSED, CONNECT, CUT, TIMEOUT, TOO_LARGE
from marketkeep.model import QUOTA

_WORDS = {
    BAD_URL: "its address is wrong",
    CLOSED: "the run was ended",
    CONNECT: "it cannot be reached",
    CUT: "the connection broke off",
    TIMEOUT: "it did not answer in time",
    TOO_LARGE: "its answer is larger than allowed (MARKETKEEP_MAX_BYTES)",
    QUOTA: "today's calls are used up",
    "http_429": "it was asked too often (HTTP 429)",
}


def sentence(reason: str) -> str:
    """A source's reason as a sentence of its own: a capital in front, unless a name begins it, and a full stop."""
    text = reason.strip()
    first = text.split(" ", 1)[0]
    text = text[:1].upper() + text[1:] if first.islower() else text
    return text if text.endswith((".", "!", "?")) else f"{text}."


def no_answer(faults: Sequence[str]) -> str:
    """Why nothing came, from what the last attempt met."""
    if not faults:
        return "No answer came: no attempt was made."
    last = faults[-1]
    words = _WORDS.get(last) or (f"its server fails (HTTP {last[5:]})" if last.startswith("http_") else last)
    times = f", {len(faults)} times" if len(faults) > 1 else ""
    return f"No answer came: {words}{times}."


def at_rest(note: str, until: datetime) -> str:
    """A note with until when its source is not asked (UTC)."""
    return f"{note} It is not asked again before {until:%Y-%m-%d %H:%M} UTC."
