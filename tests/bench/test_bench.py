"""The bench runs, measures what it says, and the cheap things are cheap: ratios with wide margins, never times."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.bench.__main__ import BENCHES, main
from tests.bench.meter import COLUMNS
from tests.bench.report import Table, text
from tests.bench.rounds import Taken, in_turns
from tests.bench.ways import BARE, HTTPX, VALKEY

Row = dict[str, Any]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    """One quick run of everything, as its JSON tells it."""
    file = tmp_path_factory.mktemp("bench") / "figures.json"
    main(["calls", "streams", "client", "scripts", "refusals", "limits", "rates", "--quick", "--json", str(file)])
    told = json.loads(file.read_text())
    return {
        table["name"]: [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
        for table in told["tables"]
    }


def of(rows: list[Row], **wanted: Any) -> Row:
    return next(row for row in rows if wanted.items() <= row.items())


@pytest.mark.slow
@pytest.mark.serial
class TestQuick:
    def test_each_bench_tells_one_table(self, tables: dict[str, list[Row]]) -> None:
        assert set(tables) == set(BENCHES) - {"peers"}
        assert all(rows for rows in tables.values())

    @pytest.mark.parametrize("name", ["calls", "streams"])
    def test_a_call_is_compared_with_a_bare_one(self, tables: dict[str, list[Row]], name: str) -> None:
        for concurrent in (1, 50):
            router, bare = (of(tables[name], way=way, concurrent=concurrent) for way in (VALKEY, BARE))
            assert bare["x bare aiohttp"] == 1
            assert 1 < router["x bare aiohttp"] < 10
            assert of(tables[name], way=HTTPX, concurrent=concurrent)["x bare httpx"] == 1

    def test_a_call_is_two_operations_that_share_script_calls(self, tables: dict[str, list[Row]]) -> None:
        for name in ("calls", "streams"):
            router = of(tables[name], way=VALKEY, concurrent=50)
            assert router["operations"] == pytest.approx(2, abs=0.05)
            assert router["script calls"] < 1

    def test_a_decision_is_a_small_part_of_a_call(self, tables: dict[str, list[Row]]) -> None:
        assert of(tables["client"], what="Store, shared Valkey", concurrent=50)["x bare aiohttp call"] < 1

    def test_a_batch_costs_the_server_less_and_a_large_group_hardly_more(self, tables: dict[str, list[Row]]) -> None:
        alone, batched = (of(tables["scripts"], deployments=10, batch=batch) for batch in (1, 64))
        assert tuple(alone) == COLUMNS
        assert batched["x reference"] < alone["x reference"]
        assert of(tables["scripts"], deployments=100, batch=1)["x base"] < 6

    def test_refusing_costs_about_as_much_as_admitting(self, tables: dict[str, list[Row]]) -> None:
        refused = [row for row in tables["refusals"] if row["what"].startswith("refused")]
        assert len(refused) == 2
        assert all(row["x base"] < 9 for row in refused)

    def test_workers_share_one_server(self, tables: dict[str, list[Row]]) -> None:
        one, four = (of(tables["rates"], workers=workers) for workers in ("1", "4"))
        assert one["decisions per script call"] > 5
        assert four["decisions/s"] > one["decisions/s"] / 4


async def test_turns_are_taken_in_turns() -> None:
    """A B A B, the first of each unmeasured, so that what disturbs the machine meets all alike."""
    order: list[str] = []

    async def turn(name: str) -> float:
        order.append(name)
        return float(len(order))

    taken = await in_turns({"a": lambda: turn("a"), "b": lambda: turn("b")}, rounds=2)
    assert order == ["a", "b"] * 3
    assert (taken["a"].figures, taken["b"].figures) == ((3.0, 5.0), (4.0, 6.0))


def test_ratios_are_made_within_a_turn() -> None:
    slow, quick = Taken((20.0, 2.0, 30.0)), Taken((10.0, 1.0, 15.0))
    assert slow.times(quick) == 2
    assert (slow.usual, slow.least) == (20, 2)


def test_an_unknown_name_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nothing"])
    assert "scripts" in capsys.readouterr().err


def test_cells_are_short() -> None:
    assert [text(cell) for cell in (None, "a", 1.0, 0.1234, 12345.6)] == ["-", "a", "1", "0.123", "12,346"]
    assert Table("t", "T", ("a", "b"), [("x", 1.0)]).row(a="x") == {"a": "x", "b": 1.0}
