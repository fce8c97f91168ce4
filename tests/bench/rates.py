"""Decisions per second of worker processes."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

import redis

from tests.bench.questions import pool
from tests.bench.report import Report, Table
from tests.bench.stage import Stage

CONCURRENT = 64
DEPLOYMENTS = 10
COLUMNS = ("workers", "decisions/s", "client CPU µs", "server CPU µs", "decisions per script call")


async def rates(where: Stage, report: Report, quick: bool) -> None:
    """One worker, then four."""
    table = Table("rates", f"Decisions per second, {CONCURRENT} concurrent in each worker", COLUMNS, notes=(
        f"{DEPLOYMENTS} deployments, acquire and settle; CPU per decision, of all workers and of the server.",
    ))  # fmt: skip
    with redis.Redis.from_url(where.server.operator_url) as operator:
        for workers in (1, 4):
            report.say(f"rates: {workers} workers")
            before, seconds = server_cpu(operator), 1.0 if quick else 5.0
            results = await asyncio.to_thread(fleet, where.server.url, workers, seconds)
            made, used, script_calls = (sum(column) for column in zip(*results, strict=True))
            server = (server_cpu(operator) - before) / made * 1e6
            table.rows.append((str(workers), made / seconds, used / made * 1e6, server, made / script_calls))
    report.add(table)


def fleet(url: str, workers: int, seconds: float) -> list[tuple[int, float, int]]:
    """Of each worker process: decisions, CPU seconds, script calls. They start together."""
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(workers), context.Queue()
    processes = [context.Process(target=work, args=(url, seconds, barrier, answers)) for _ in range(workers)]
    for process in processes:
        process.start()
    results = [answers.get(timeout=60 + seconds) for _ in processes]
    for process in processes:
        process.join()
    return results


def work(url: str, seconds: float, barrier: Barrier, answers: Queue[tuple[int, float, int]]) -> None:
    """One worker process."""
    answers.put(asyncio.run(_work(url, seconds, barrier)))


async def _work(url: str, seconds: float, barrier: Barrier) -> tuple[int, float, int]:
    asked = await pool(url, "bench-rates", DEPLOYMENTS)
    await asked.decisions(CONCURRENT, CONCURRENT)
    await asyncio.to_thread(barrier.wait, 60)
    calls, used, ends = asked.store.operations[1], time.process_time(), time.monotonic() + seconds
    made = 0

    async def caller() -> None:
        nonlocal made
        while time.monotonic() < ends:
            await asked.decide()
            made += 1

    await asyncio.gather(*(caller() for _ in range(CONCURRENT)))
    await asked.store.flush()
    result = made, time.process_time() - used, asked.store.operations[1] - calls
    await asked.store.aclose()
    return result


def server_cpu(operator: redis.Redis) -> float:
    """Seconds of CPU the server has used."""
    info = operator.info("cpu")
    return float(info["used_cpu_sys"]) + float(info["used_cpu_user"])
