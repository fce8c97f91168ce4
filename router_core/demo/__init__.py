"""The demonstration behind `make demo`: real processes, a real Valkey, an outage, and a verdict.

scenario    what is played: arrivals, deployments and their limits, the outage
run         the story: start, play, watch, judge
children    processes that end with us        upstreams   the simulated deployments, and their logs
fleet       the workers, seen from here       worker      one of them: a Router and its share of the arrivals
ledger      what Redis holds, read raw        witness     everything seen, from logs and Redis
screen      a live table, or lines            summary     the end, as text or JSON
verdict     what counts as a failure
"""
