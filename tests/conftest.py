"""Fixtures every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of recorded payloads, too large to commit; tests that need it are skipped without it."""
    beside = Path(__file__).parents[2] / "shared" / "corpus"
    folder = Path(os.environ.get("MARKETKEEP_CORPUS") or beside)
    if not folder.is_dir():
        pytest.skip(f"corpus folder absent: {folder}")
    return folder
