"""What other routers' users reported, and what other breakers document, as rows: who says it, what must be true here,
the configuration, and the steps that show it (their language: health_player.py).

    LiteLLM n   issue n of BerriAI/litellm, or its documented rule
    Envoy       envoyproxy.io, intro/arch_overview/upstream/outlier and …/load_balancing/panic_threshold, slow_start
    gobreaker   pkg.go.dev/github.com/sony/gobreaker
    Linkerd     linkerd.io/2/reference/circuit-breaking
    Polly n     issue n of App-vNext/Polly
    resilience4j  resilience4j.readme.io/docs/circuitbreaker

Where a row differs from what it cites, it says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Scenario:
    source: str
    title: str
    steps: tuple[str, ...]
    ids: str  # the deployments of the group
    own: Mapping[str, Any]
    config: Mapping[str, Any]


def row(source: str, title: str, *steps: str, ids: str = "ab", own: Any = None, **config: Any) -> Scenario:
    """`own`: model_info of deployment a; `config`: arguments of the Router."""
    return Scenario(
        source, title, tuple(part.strip() for step in steps for part in step.split(";")), ids, own or {}, config
    )


OUTLIERS: dict[str, Any] = {"outliers": {}}

SCENARIOS = [
    # LiteLLM: pains of its users, and the rules they bring with them
    row("LiteLLM 17418", "one failure is not 100 %", "server; is closed; ok; server; is closed"),
    row("LiteLLM 41223", "a caller's tiny timeout cools nobody's deployment", "caller x50; is closed; grants 10 of 10"),
    row("LiteLLM 40130", "a cooldown is seen by all workers at once", "server x5 @1; refused cooling 5 @2"),
    row(
        "LiteLLM 31876",
        "a shorter cooldown never overwrites a longer one",
        "hold p; hold q; end p rate_limit retry=60; end q rate_limit retry=2; is open rate_limit 60",
    ),
    row("LiteLLM 27362", "connections that fail do cool", "connect x3 @1; connect x2 @2; is open connect 5"),
    row("LiteLLM 24366", "and of the only worker at once", "connect x5; is open connect 5"),
    row("LiteLLM 3646", "where all cool, the error says when the first is back", "server x5; refused cooling 5"),
    row("LiteLLM 34399", "Retry-After is the cooldown", "rate_limit retry=30; is open rate_limit 30"),
    row("LiteLLM 20722", "of 0 it is none, the rule's own holds", "rate_limit retry=0; is open rate_limit 5"),
    row("LiteLLM 27823", "and the error carries it", "rate_limit retry=42; refused cooling 42"),
    row("LiteLLM", "a 429 cools at once in company", "rate_limit; is open rate_limit 5; serves b"),
    row("LiteLLM", "but not where nobody else can serve", "rate_limit x20; is closed", ids="a"),
    row("LiteLLM", "a bad key cools at once, here for a minute: no wait mends it", "auth; is open auth 60"),
    row("LiteLLM", "and an unknown model", "not_found; is open not_found 60"),
    row("LiteLLM", "other 4xx never do", "caller x30; content_policy x30; context_window x30; is closed"),
    row(
        "LiteLLM",
        "more than half of a minute's, 5 at least",
        "ok x5; server x2; ok; server x2; ok",
        "server; is closed",
    ),
    row("LiteLLM", "a lone deployment is hardly ever cooled", "server x60; is closed", ids="a"),
    row("LiteLLM", "allowed_fails are allowed", "server x3; is closed; server; is open server 5", allowed_fails=3),
    row(
        "LiteLLM",
        "allowed_fails_policy by class, 3 for the others",
        "timeout x2; is closed; ok; timeout; is open timeout; b: server x3; b: is closed; b: server; b: is open",
        allowed_fails_policy={"TimeoutErrorAllowedFails": 2},
    ),
    row("LiteLLM", "cooldown_time 0 is off", "rate_limit retry=30; auth; server x20; is closed", cooldown_time=0),
    row("LiteLLM", "disable_cooldowns too", "rate_limit retry=30; auth; server x20; is closed", disable_cooldowns=True),
    row(
        "LiteLLM 30460",
        "a deployment's own numbers win",
        "server; is closed; server; is open server 2",
        allowed_fails=9,
        own={"allowed_fails": 1, "cooldown_time": 2},
    ),
    # Envoy: outlier detection, panic threshold, slow start
    row("Envoy", "consecutive_5xx 5 eject", "server x4; is closed; server; is open server"),
    row("Envoy", "a success between them begins anew", "ok x9; server x4; ok; server x4; ok; is closed"),
    row(
        "Envoy",
        "each ejection is longer (doubled here, a multiple there), up to the maximum",
        "server x5; is open server 10; wait 10; server; is open server 20; wait 20; server; is open server 30",
        "trips 3",
        cooldown_time=10,
        max_cooldown_time=30,
    ),
    row(
        "Envoy",
        "after stable service it is the base again (there it falls step by step)",
        "server x5; wait 5; ok; wait 75; server x5; is open server 5; trips 1",
    ),
    row(
        "Envoy",
        "errors of local origin are kept apart: one worker of two cannot connect",
        "connect x9 @1; ok @2; is closed; serves a b",
    ),
    row(
        "Envoy",
        "429 is no 5xx: it is not in the row",
        "server x4; rate_limit; server; is closed",
        ids="a",
        allowed_fails=9,
    ),
    row(
        "Envoy",
        "more than half out: health gives way",
        "server x5; b: server x5; c: server x5; serves a b c d",
        ids="abcd",
    ),
    row("Envoy", "half out: it does not", "server x5; b: server x5; serves c d", ids="abcd"),
    row(
        "Envoy",
        "the threshold can be 0",
        "server x5; b: server x5; c: server x5; serves d",
        ids="abcd",
        breaker={"panic_threshold": 0},
    ),
    row(
        "Envoy",
        "what is drained stays out",
        *(f"{id}: server x5" for id in "abcd"),
        "serves a b c d e; drain b; serves a c d e",
        ids="abcde",
    ),
    row(
        "Envoy",
        "success rate: who is below mean - 1.9 stdev is out for 30 s",
        "counted abcdeg 990 10; counted f 60 40; reaped; f: is open outlier 30; is closed",
        ids="abcdefg",
        breaker=OUTLIERS,
    ),
    row(
        "Envoy",
        "success_rate_minimum_hosts 5",
        "counted abc 990 10; counted d 60 40; reaped; d: is closed",
        ids="abcd",
        breaker=OUTLIERS,
    ),
    row(
        "Envoy",
        "success_rate_request_volume 100",
        "counted abcdeg 990 10; counted f 59 40; reaped; f: is closed",
        ids="abcdefg",
        breaker=OUTLIERS,
    ),
    row(
        "Envoy",
        "slow start lasts its window",
        "server x5; wait 5; ok; wait 39; is ramp; wait 2; is closed",
        breaker={"slow_start": 40},
    ),
    # gobreaker: its README
    row(
        "gobreaker",
        "ReadyToTrip of its README: 3 requests, 60 %",
        "ok x2; server x2; is closed; server; is open server",
        breaker={"failure_ratio": 0.59, "minimum_failures": 3},
    ),
    row("gobreaker", "MaxRequests 0: one call of all is let through", "server x5; wait 5; grants 1 of 40 @4"),
    row("gobreaker", "the others are told", "server x5; wait 5; hold p; refused probing @2"),
    row(
        "gobreaker",
        "half-open, success: closed (by a slow start)",
        "server x5; wait 5; ok; is ramp; wait 10; is closed",
    ),
    row("gobreaker", "half-open, failure: open again", "server x5; wait 5; server; is open server 10"),
    row(
        "gobreaker", "a failure of an older generation is none", "hold p; server x5; wait 5; ok; end p server; is ramp"
    ),
    row(
        "gobreaker", "nor is a success a recovery", "hold p; server x5; end p ok; is open; wait 5; hold q; is half-open"
    ),
    row("gobreaker", "Interval: what is older does not count", "timeout x4; wait 62; ok; timeout x2; is closed"),
    row("gobreaker", "IsSuccessful: who goes away has seen no failure", "cancelled x50; is closed; trips 0"),
    row(
        "gobreaker",
        "OnStateChange is told each change, once",
        "server x5; wait 5; caller; ok; wait 11; ok",
        "moves cooldown half-open unproven half-open recovered closed",
    ),
    # Linkerd: failure accrual
    row(
        "Linkerd",
        "max-failures 7 in a row",
        "ok x20; server x6; is closed; server; is open server 1",
        cooldown_time=1,
        breaker={"consecutive_failures": 7},
    ),
    row(
        "Linkerd",
        "probation: one request decides",
        "server x5; wait 5; hold p; grants 0 of 20; end p ok; grants 20 of 20",
    ),
    row(
        "Linkerd",
        "its backoff doubles up to max-penalty",
        "server x5; is open server 1; wait 1; server; wait 2; server; wait 4; server; is open server 8; wait 8; server",
        "is open server 10",
        cooldown_time=1,
        max_cooldown_time=10,
    ),
    row(
        "Linkerd",
        "all endpoints unavailable: the call fails and is told when (here it may also wait)",
        "server x5; b: server x5; serves; refused cooling 5",
    ),
    row("Linkerd", "4xx answers are successes of the endpoint", "caller x40; server x4; caller; is closed"),
    # resilience4j, Polly, Kong
    row(
        "resilience4j",
        "slow calls are failures",
        "ok x4 ms=3001; is closed; ok ms=3001; is open slow",
        breaker={"slow_call_ms": 3000},
    ),
    row("resilience4j", "calls at the threshold are not", "ok x30 ms=3000; is closed", breaker={"slow_call_ms": 3000}),
    row(
        "resilience4j",
        "minimumNumberOfCalls",
        "server x9; is closed; server; is open",
        breaker={"minimum_failures": 10, "consecutive_failures": 100},
    ),
    row("resilience4j", "ignoreExceptions by class", "timeout x40; is closed", breaker={"rules": {"timeout": "never"}}),
    row("Polly 287", "one broken network opens nothing for all", "connect x20 @1; is closed; ok x9 @2; is closed"),
    row("Polly 287", "two do", "connect x4 @1; connect @2; is open connect 5"),
    row("Polly 287", "a minute later the other's word is old", "connect x4 @1; wait 61; connect @2; is closed"),
    row("Polly", "Isolate and Reset are the operator's", "cool 60; refused cooling 60; reset; grants 9 of 9; trips 0"),
    row(
        "resilience4j",
        "a dead prober locks nothing",
        "server x5; wait 5; hold p @2; dies @2; reaped; hold q; is half-open",
    ),
    row(
        "resilience4j",
        "a probe without verdict leaves the next",
        "server x5; wait 5; hold p; end p cancelled; grants 1 of 9",
    ),
    row(
        "Kong",
        "nobody is healthy: all serve, nobody is told 500",
        *(f"{id}: server x5" for id in "abcd"),
        "serves a b c d",
        ids="abcd",
    ),
    row("STATE 21", "bad keys never give way", *(f"{id}: auth" for id in "abc"), "serves d", ids="abcd"),
    row("STATE 21", "nor does Retry-After", *(f"{id}: server retry=30" for id in "abc"), "serves d", ids="abcd"),
    row(
        "STATE 22",
        "an account's pause holds for all on it",
        "asks 30 a b; is open rate_limit 30; b: is open; serves c",
        ids="abc",
    ),
    row("STATE 22", "capped at 300 s", "rate_limit retry=86400; is open rate_limit 300"),
]
