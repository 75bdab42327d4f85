"""Scripted servers, and a client with no patience."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gym.scripted import Scripted, Step
from gym.scripted import scripted as scripted_server
from marketkeep.http import Client, HttpSettings

NOW = datetime(2024, 6, 3, 12, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    """What the client's clock says."""
    return NOW


@pytest.fixture
def quick() -> HttpSettings:
    """Four attempts that wait next to nothing."""
    return HttpSettings(timeout_seconds=0.25, attempts=4, wait_initial=0.001, wait_max=0.002, max_bytes=10_000)


@pytest.fixture
def make_client(quick: HttpSettings) -> Callable[..., Client]:
    """Make clients from quick settings, changed as told; `transports` and `credentials` as the client takes them."""

    def make(transports: Any = None, credentials: Any = None, **settings: Any) -> Client:
        told = replace(quick, **settings)
        return Client(told, clock=lambda: NOW, transports=transports, credentials=credentials)

    return make


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Iterator[Client]:
    """A client that waits next to nothing and gives up after four attempts."""
    with make_client() as made:
        yield made


@pytest.fixture
def scripted() -> Iterator[Callable[..., Scripted]]:
    """Start servers with steps; all end with the test."""
    with ExitStack() as stack:

        def start(*steps: Step, **options: Any) -> Scripted:
            return stack.enter_context(scripted_server(*steps, **options))

        yield start
