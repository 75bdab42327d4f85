"""
An engine whose pieces are done by the workers of a Spark cluster, or by several processes here (`local[N]`).

Workers get places and facts and write published files themselves; results come back in order, a bounded number at a
time. Needs the `spark` extra and Java, and this package on every worker. It takes no lease and writes no catalog:
whoever runs it does.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from typing import TYPE_CHECKING, ClassVar

from marketkeep.errors import BadInput, EngineFailed, MarketkeepError
from marketkeep.pipeline.engine import Engine, I, LocalEngine, R, S

if TYPE_CHECKING:
    from pyspark import Broadcast, SparkContext
    from pyspark.sql import SparkSession

_AHEAD = 4
# A cluster that grows does so by what is waiting.
_AHEAD_AT_LEAST = 256
_MOST_JOBS = 64
_LOCAL: dict[str, bool | float | int | str | None] = {
    "spark.ui.enabled": False,
    "spark.ui.showConsoleProgress": False,
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": 4,
}
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class _Refused:
    """What a piece raised, on its way from a worker."""

    error: MarketkeepError


@dataclass(frozen=True, slots=True)
class SparkEngine:
    """See `Engine`: each item is a task in this session. Make a session with `spark_session`, or hand in your own."""

    session: SparkSession
    here: ClassVar[bool] = False

    def map(self, function: Callable[[S, I], R], shared: S, items: Iterable[I]) -> Iterator[R]:
        """
        See `Engine`. Raises what a piece raised where that is an error of ours, and `EngineFailed` for any other end, a
        lost worker among them, after Spark has tried as often as it is set to.
        """
        context = self.session.sparkContext
        jobs, together = _shape(context)
        group = f"marketkeep-{next(_numbers)}"
        sent = context.broadcast(shared)
        job = partial(_job, context, group, function, sent)
        left = iter(items)
        waiting: deque[Future[list[R | _Refused]]] = deque()
        pool = ThreadPoolExecutor(jobs)
        try:
            while True:
                while len(waiting) < jobs and (some := list(islice(left, together))):
                    waiting.append(pool.submit(job, some))
                if not waiting:
                    break
                yield from _told(waiting.popleft())
        finally:
            _end(context, group, pool)
            sent.destroy()


def _shape(context: SparkContext) -> tuple[int, int]:
    """How many jobs are under way at once, and how many items each has."""
    elastic = context.getConf().get("spark.dynamicAllocation.enabled", "false") == "true"
    ahead = max(_AHEAD * context.defaultParallelism, _AHEAD_AT_LEAST if elastic else 1)
    jobs = min(ahead, _MOST_JOBS)
    return jobs, -(-ahead // jobs)


def _job(
    context: SparkContext, group: str, function: Callable[[S, I], R], sent: Broadcast[S], items: list[I]
) -> list[R | _Refused]:
    # The group is of the thread: it is what the jobs of one call are stopped by.
    context.setJobGroup(group, "marketkeep", interruptOnCancel=True)
    return context.parallelize(items, len(items)).mapPartitions(partial(_work, function, sent)).collect()


def _work(function: Callable[[S, I], R], sent: Broadcast[S], items: Iterable[I]) -> Iterator[R | _Refused]:
    """What a worker does."""
    for item in items:
        try:
            result = function(sent.value, item)
            sent.value.settle()
        except MarketkeepError as error:
            yield _Refused(error)
        else:
            yield result


def _told(done: Future[list[R | _Refused]]) -> Iterator[R]:
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]  # noqa: PLC0415  # optional, ships no types
    from pyspark.errors import PySparkException  # noqa: PLC0415  # optional

    try:
        results = done.result()
    except (Py4JError, PySparkException) as error:
        raise EngineFailed("Spark", _reason(error)) from error
    for result in results:
        if isinstance(result, _Refused):
            raise result.error
        yield result


def _reason(error: Exception) -> str:
    """The line that says what happened, out of the stack traces of two languages."""
    java = getattr(error, "java_exception", None)
    text = str(java.getMessage() if java is not None else error)
    lines = [line.strip() for line in text.partition("\n\tat ")[0].splitlines()]
    lines = [line for line in lines if line and not line.startswith("SQLSTATE")]
    return lines[-1] if lines else type(error).__name__


def _end(context: SparkContext, group: str, pool: ThreadPoolExecutor) -> None:
    """Stop what is still under way, and wait for it: nobody may write once the lease is given back."""
    pool.shutdown(wait=False, cancel_futures=True)
    with suppress(Exception):
        context.cancelJobGroup(group)
    pool.shutdown()


@contextmanager
def spark_session(master: str | None = None) -> Iterator[SparkSession]:
    """
    A session on the cluster at `master`, such as yarn, spark://host:7077 or local[2]; without one, on the cluster that
    spark-submit names. Ended on the way out unless it was there before.

    Raises `BadInput` where Spark is not installed, and `EngineFailed` where no session comes up.
    """
    try:
        from pyspark.errors import PySparkException  # noqa: PLC0415  # optional
        from pyspark.sql import SparkSession  # noqa: PLC0415  # optional
    except ImportError:
        raise BadInput("the spark engine needs PySpark and Java; install marketkeep[spark]") from None
    before = SparkSession.getActiveSession()
    builder = SparkSession.builder.appName("marketkeep")
    here = master is not None and master.startswith("local")
    if master is not None:
        builder = builder.master(master)
    if here:
        builder = builder.config(map=_LOCAL)
    try:
        session = before or builder.getOrCreate()
    except (PySparkException, RuntimeError, OSError) as error:
        raise EngineFailed(master or "Spark", f"no session came up: {_reason(error)}") from error
    if here:
        # Workers of this machine run what runs here, whatever the shell calls python3.
        session.sparkContext.pythonExec = sys.executable
        session.sparkContext.setLogLevel("FATAL")
    try:
        yield session
    finally:
        if before is None:
            session.stop()


@contextmanager
def open_engine(name: str, master: str | None = None) -> Iterator[Engine]:
    """The engine `local` or `spark`, the latter on the cluster at `master`; see `spark_session`. Raises `BadInput`."""
    if name == "spark":
        with spark_session(master) as session:
            yield SparkEngine(session)
    elif master is not None:
        raise BadInput(f"--master {master} is for --engine spark; leave it out, or ask for that engine")
    else:
        yield LocalEngine()
