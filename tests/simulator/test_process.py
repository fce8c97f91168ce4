"""An upstream as a process of its own: how it starts, ends, and how fast it is."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import pytest

from tests.simulator.client import PROMPT, get, post


@contextmanager
def process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running upstream and its url; its stdin is a pipe that we hold."""
    command = [sys.executable, "-m", "router_core.simulator", *arguments]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        yield child, child.stdout.readline().strip()
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()


@pytest.mark.slow
async def test_the_command_says_its_url_serves_and_ends_by_signal(http: aiohttp.ClientSession) -> None:
    faults = '{"faults": [{"kind": "errors", "status": 503, "when": {"times": 1}}], "tpm": 9}'
    with process("--rpm", "3", "--latency", "0.01", "--behaviour", faults) as (child, url):
        answers = [await post(http, f"{url}/chat/completions", {"messages": PROMPT, "max_tokens": 1}) for _ in range(2)]
        assert [answer.status for answer in answers] == [503, 200]
        assert answers[1].headers["x-ratelimit-limit-requests"] == "3"
        assert answers[1].headers["x-ratelimit-limit-tokens"] == "9"
        stats = await get(http, url.removesuffix("/v1") + "/_stats")
        assert stats["by_status"] == {"503": 1, "200": 1}
        child.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(child.wait, 10) == 0


@pytest.mark.slow
async def test_an_outage_of_another_process_keeps_its_port(http: aiohttp.ClientSession) -> None:
    with process() as (_, url):
        assert (await post(http, url.removesuffix("/v1") + "/_control", {"outage": 0.2})).status == 200
        seen: list[str] = []
        async with asyncio.timeout(10):
            while seen[-2:] != ["down", "up"]:
                try:
                    await get(http, url.removesuffix("/v1") + "/health")
                    state = "up"
                except aiohttp.ClientError:
                    state = "down"
                seen += [state] if seen[-1:] != [state] else []
                await asyncio.sleep(0.01)


@pytest.mark.slow
async def test_it_ends_with_its_parents_pipe() -> None:
    with process("--until-stdin-closes") as (child, _):
        assert child.stdin is not None
        child.stdin.close()
        assert await asyncio.to_thread(child.wait, 10) == 0


@pytest.mark.slow
def test_a_wrong_argument_is_a_usage_error() -> None:
    command = [sys.executable, "-m", "router_core.simulator", "--behaviour", '{"rmp": 3}']
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "rmp" in done.stderr


@pytest.mark.serial
async def test_a_request_costs_it_no_more_than_a_few_times_what_it_costs_the_plainest_client() -> None:
    count, connections = 6_000, 30
    with process("--rpm", "1000000", "--tpm", "1000000000") as (child, url):
        port = int(url.split(":")[2].removesuffix("/v1"))
        body = b'{"model":"m","messages":[{"role":"user","content":"hello"}],"metadata":{"sim_output_tokens":"10"}}'
        request = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body

        async def one_connection() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(count // connections):
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200")
                await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            writer.close()

        before, own = cpu_seconds(child.pid), time.process_time()
        await asyncio.gather(*(one_connection() for _ in range(connections)))
        used, own = cpu_seconds(child.pid) - before, time.process_time() - own
    print(f"{count / used:,.0f} requests a second of one core, {used / own:.1f} times the client's time")
    assert used <= 6 * own


def cpu_seconds(pid: int) -> float:
    if not os.path.exists("/proc/self/stat"):
        pytest.skip("CPU time of another process is read from /proc")
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
