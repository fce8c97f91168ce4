"""A fleet in virtual time: real Routers, real scripts, simulated deployments. `python -m tests.sim`, `make sim`.

clock.py       time that jumps to the next thing that is due
world.py       twenty deployments, what befalls them, and when calls arrive
upstream.py    how a deployment answers: speed, load, limits, faults
ours.py        fifty Routers of one pool in memory
theirs.py      the same calls by round-robin and by LiteLLM's documented algorithms
oracle.py      the same calls by one that knows the future
play.py        one scenario by one of these
figures.py     what came of it, as numbers
report.py, plots.py    RESULTS.md and plots/
"""
