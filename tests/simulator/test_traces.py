"""Reading traces, and making them up."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from router_core.simulator import Arrival, TraceError, Upstream, body_metadata, bursty, read_azure, worst_window
from tests.simulator.client import chat

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
AZURE = Path(__file__).parents[2].parent / "shared" / "data" / "traces" / "azure2023"


def written(folder: Path, text: str) -> Path:
    path = folder / "trace.csv"
    path.write_bytes(text.encode())
    return path


def test_seven_digits_of_a_second_are_kept_and_time_begins_at_the_first_arrival(tmp_path: Path) -> None:
    rows = "2023-11-16 18:17:03.9799600,4808,10\r\n2023-11-16 18:17:04.0319601,3180,8"
    path = written(tmp_path, "\ufeff" + HEADER + rows)
    arrivals = read_azure(path)
    assert (arrivals[0], arrivals[1][1:]) == (Arrival(0.0, 4808, 10), (3180, 8))
    assert arrivals[1].at == pytest.approx(0.0520001, abs=1e-12)
    assert read_azure(path, speed=20)[1].at == pytest.approx(0.0520001 / 20)


def test_lines_out_of_order_zones_and_further_columns_are_taken(tmp_path: Path) -> None:
    rows = "2,2024-05-10 00:00:01+00:00,9\n1,2024-05-10 02:00:00.5+02:00,8\n\n"
    path = written(tmp_path, "GeneratedTokens,TIMESTAMP,ContextTokens\n" + rows)
    assert read_azure(path) == [Arrival(0.0, 8, 1), Arrival(0.5, 9, 2)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: no column TIMESTAMP, ContextTokens, GeneratedTokens"),
        ("TIMESTAMP,ContextTokens\n", "line 1: no column GeneratedTokens"),
        (HEADER, "no arrivals"),
        (HEADER + "2023-11-16 18:17:03,1,1\nyesterday,1,1\n", "line 3: TIMESTAMP 'yesterday'"),
        (HEADER + "2023-13-16 18:17:03,1,1\n", "line 2: TIMESTAMP '2023-13-16 18:17:03'"),
        (HEADER + "2023-11-16 18:17:03,-1,1\n", "line 2: ContextTokens '-1'"),
        (HEADER + "2023-11-16 18:17:03,1,1.5\n", "line 2: GeneratedTokens '1.5'"),
        (HEADER + "2023-11-16 18:17:03,1\n", "line 2: 2 columns"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TraceError, match=message.replace("(", r"\(")):
        read_azure(written(tmp_path, text))


def test_a_speed_has_to_be_above_zero(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="speed"):
        read_azure(written(tmp_path, HEADER), speed=0)


def test_the_azure_code_trace_at_twenty_times() -> None:
    path = AZURE / "AzureLLMInferenceTrace_code.csv"
    if not path.exists():
        pytest.skip(f"the Azure 2023 trace is not at {AZURE}")
    arrivals = read_azure(path, speed=20)
    marks = [(arrival.at, arrival.input_tokens + arrival.output_tokens) for arrival in arrivals]
    assert (len(arrivals), round(arrivals[-1].at)) == (8819, 172)
    assert worst_window(marks, 1.0)[0] == 500
    assert worst_window(marks, 60.0)[0] == 4538
    assert arrivals[0] == Arrival(0.0, 4808, 10)


@pytest.mark.parametrize("seed", range(5))
def test_made_up_arrivals_are_as_bursty_as_the_code_trace(seed: int) -> None:
    arrivals = bursty(seed=seed)
    times = [arrival.at for arrival in arrivals]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] < 172
    assert len(arrivals) == pytest.approx(8_824, rel=0.1)
    worst_second = worst_window([(at, 1) for at in times], 1.0)[0]
    assert 7.5 <= worst_second / 51.3 <= 14
    assert worst_window([(at, 1) for at in times], 60.0)[0] > 1.1 * 60 * 51.3
    inputs, outputs = (sorted(column) for column in list(zip(*arrivals, strict=True))[1:])
    assert inputs[len(inputs) // 2] == pytest.approx(1469, rel=0.1)
    assert outputs[len(outputs) // 2] == pytest.approx(13, rel=0.15)
    assert (inputs[-1] <= 7437, outputs[-1] <= 1899, inputs[0] >= 1) == (True, True, True)


def test_equal_seeds_make_equal_arrivals_and_short_ones_are_steady() -> None:
    assert bursty(10, 20, seed=4) == bursty(10, 20, seed=4) != bursty(10, 20, seed=5)
    assert len(bursty(5, 1000, peak=9)) == pytest.approx(5000, rel=0.1)
    with pytest.raises(ValueError, match="peak"):
        bursty(peak=0.5)


async def test_an_arrival_is_replayed_with_exactly_its_tokens(http: aiohttp.ClientSession) -> None:
    async with Upstream() as upstream:
        usage = (await chat(http, upstream, metadata=body_metadata(Arrival(0.0, 7437, 55)))).json["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (7437, 55)
