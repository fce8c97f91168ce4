"""PNG plots of a tournament, with matplotlib where it is installed (extra `sim`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.sim import verdict
from tests.sim.tournament import STEP, Results

_SHOWN = ("simple-shuffle", "balanced", "peak-ewma", "LiteLLM shuffle", "LiteLLM latency", "oracle")


def draw(results: Results, folder: Path) -> list[str]:
    """The files made in `folder`; none, and a notice, without matplotlib."""
    try:
        import matplotlib as mpl
    except ImportError:
        print("notice: matplotlib is not installed (extra `sim`), so there are no plots", flush=True)
        return []
    mpl.use("Agg")
    from matplotlib import pyplot

    folder.mkdir(exist_ok=True)
    made = []
    for name, plot in (("ttft.png", _ttft), ("price.png", _price), ("faults.png", _faults)):
        figure = plot(pyplot, results)
        figure.savefig(folder / name, dpi=80, metadata={"Software": None})
        pyplot.close(figure)
        made.append(name)
    return made


def _ttft(pyplot: Any, results: Results) -> Any:
    """A bar from p50 to p99 with a mark at p95, for each player in each scenario."""
    figure, axes = pyplot.subplots(1, len(results.scenarios), figsize=(3.2 * len(results.scenarios), 4.5), sharey=True)
    names = list(reversed(results.players))
    for axis, scenario in zip(_listed(axes), results.scenarios, strict=True):
        for place, name in enumerate(names):
            p50, p95, p99 = results.of(scenario.name, name).ttft
            colour = "tab:blue" if name in verdict.own(results) else "tab:gray"
            axis.plot([p50, p99], [place, place], color=colour, linewidth=5, alpha=0.4)
            axis.plot([p50, p95], [place, place], "|", color=colour, markersize=9)
        axis.set_xscale("log")
        axis.set_title(scenario.name)
        axis.set_xlabel("TTFT in s: p50 | p95 – p99")
        axis.grid(axis="x", alpha=0.3)
        axis.set_yticks(range(len(names)), names)
    figure.tight_layout()
    return figure


def _price(pyplot: Any, results: Results) -> Any:
    """Cost against p95 TTFT."""
    figure, axes = pyplot.subplots(1, len(results.scenarios), figsize=(3.6 * len(results.scenarios), 3.8))
    for axis, scenario in zip(_listed(axes), results.scenarios, strict=True):
        for name in results.players:
            found = results.of(scenario.name, name)
            colour = "tab:blue" if name in verdict.own(results) else "tab:gray"
            axis.plot(found.ttft[1], found.cost, "o", color=colour, markersize=4)
            axis.annotate(name, (found.ttft[1], found.cost), fontsize=6, textcoords="offset points", xytext=(3, 3))
        axis.set_xscale("log")
        axis.set_title(scenario.name)
        axis.set_xlabel("p95 TTFT in s")
        axis.set_ylabel("dollars per 1,000 calls")
    figure.tight_layout()
    return figure


def _faults(pyplot: Any, results: Results) -> Any:
    """How scenarios with faults went over time; the faults are shaded."""
    shown = [one for one in results.scenarios if one.faults] or results.scenarios
    figure, axes = pyplot.subplots(3, len(shown), figsize=(5 * len(shown), 6.5), sharex="col", squeeze=False)
    titles = ("p95 TTFT in s", "errors in %", "upstream calls per call")
    for column, scenario in enumerate(shown):
        for name in (x for x in _SHOWN if x in results.players):
            curve = results.found[scenario.name, name][1]
            for row, values in enumerate((curve.ttft, curve.errors, curve.load)):
                times = [STEP * number for number in range(len(values))]
                axes[row][column].plot(times, values, label=name, linewidth=1)
        for row, title in enumerate(titles):
            for fault in scenario.faults:
                axes[row][column].axvspan(fault.begin, fault.end, color="tab:red", alpha=0.05)
            axes[row][column].set_ylabel(title)
        axes[0][column].set_yscale("log")
        axes[0][column].set_title(scenario.name)
        axes[2][column].set_xlabel("s")
    axes[0][0].legend(fontsize=7)
    figure.tight_layout()
    return figure


def _listed(axes: Any) -> list[Any]:
    """Of one plot matplotlib makes no array."""
    return list(axes.flat) if hasattr(axes, "flat") else [axes]
