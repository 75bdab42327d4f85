"""Fixtures every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

LONG = (
    "test_bulk_gym.py",
    "test_kill_sources.py",
    "test_kill.py",
    "test_pipeline_on_s3.py",
    "test_truth_incremental.py",
    "test_gym_report.py",
    "test_s3_keep.py",
    "test_outage_gym.py",
    "test_whole_market_gym.py",
    "test_spark_rebuild.py",
    "test_s3_sync.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest modules first: two workers then end at about the same time."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of recorded payloads, too large to commit; tests that need it are skipped without it."""
    beside = Path(__file__).parents[2] / "shared" / "corpus"
    folder = Path(os.environ.get("MARKETKEEP_CORPUS") or beside)
    if not folder.is_dir():
        pytest.skip(f"corpus folder absent: {folder}")
    return folder
