"""One Spark session for all tests here: it takes seconds to come up."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """
    A session of two cores. Skipped without Java, but never in CI.
    """
    if not shutil.which("java") and not os.environ.get("JAVA_HOME") and not os.environ.get("CI"):
        pytest.skip("Spark needs Java; install openjdk-17-jre-headless")
    from marketkeep.pipeline.spark import spark_session

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        with spark_session("local[2]") as session:
            yield session
