"""The demo as its user runs it: how it ends, what it says last, and that nothing of it stays behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.servers import Server

pytestmark = pytest.mark.slow
COMMAND = (sys.executable, "-m", "router_core.demo")


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run((*COMMAND, *arguments), capture_output=True, text=True, timeout=120, check=False)


@contextmanager
def running() -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process], Path]]:
    """A demo in the midst of its traffic, its children, and the directory of its Valkey."""
    with subprocess.Popen((*COMMAND, "--seconds", "60"), stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout is not None
            directory = ""
            for line in parent.stdout:
                if "embedded://" in line:
                    directory = line.partition("embedded://")[2].partition(",")[0]
                if line.startswith("All up"):
                    break
            time.sleep(2.0)
            yield parent, psutil.Process(parent.pid).children(recursive=True), Path(directory)
        finally:
            parent.kill()


@pytest.mark.serial
def test_a_short_run_ends_well_and_says_so_last() -> None:
    done = demo("--seconds", "8")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert lines[-1].startswith("VERDICT: ok — ")
    assert "no limit exceeded, nothing leaked" in lines[-1]
    progress = [line for line in lines if line.lstrip()[:1].isdigit() and " answered, " in line]
    assert progress
    assert all("rpm" in line for line in progress)
    assert any(line.startswith("  Left over: 0 in flight, 0 leases.") for line in lines)


@pytest.mark.serial
def test_limits_told_too_high_fail_for_all_to_see(servers: Callable[[str], Server]) -> None:
    engine = servers("valkey")
    done = demo("--seconds", "8", "--overstate", "2", "--json", "--redis-url", engine.operator_url)
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert told["ok"] is False
    assert any("refused" in problem for problem in told["problems"])
    assert done.stderr.splitlines()[-1] == told["verdict"]
    assert told["verdict"].startswith("VERDICT: FAILED — ")
    with engine.operator() as redis:
        assert not list(redis.scan_iter("rc:{demo-*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_stays_behind_however_it_ends(number: signal.Signals) -> None:
    with running() as (parent, children, directory):
        assert len(children) >= 8  # four deployments, four workers
        assert directory.exists()
        parent.send_signal(number)
        said = parent.stdout.read() if parent.stdout else ""
        status = parent.wait(20)
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive
        deadline = time.monotonic() + 10
        while directory.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not directory.exists()
    if number != signal.SIGKILL:
        assert status == 130
        assert said.splitlines()[-1] == "VERDICT: FAILED — interrupted"
