-- The breaker of a deployment: closed -> open -> half-open (one probe) -> ramp -> closed.
-- Uses: numbers, window, deployment, evidence, events, clock
-- Defines: breaker
-- The generation grows with every trip and travels with the lease: a result of an older one changes nothing.
-- Answers that change nothing but a counter are settle.lua's; here is what may move the breaker. Every move is one
-- event: cooldown (open), half-open, unproven (open again), recovered (ramp), closed.

local RAMP_MS = 10000 -- slow start after a cooldown
local STABLE_MS = 60000 -- closed this long: the next cooldown starts from the base again
-- Rolling minutes in which results are counted, as `id/<name>/60` (tally.lua).
local COUNTERS = { "ok", "failed", "alone" }
for _, kind in ipairs({ "rate_limit", "auth", "not_found", "timeout", "server", "connect", "malformed", "slow" }) do
  COUNTERS[#COUNTERS + 1] = "failed." .. kind
end
-- What gives way where most of a group is out (panic.lua), unless the upstream itself asks for a pause.
local GIVES_WAY = { server = true, timeout = true, connect = true, slow = true, outlier = true }
local PAUSED = "retry_after"

local function counter(d, name)
  return window.open(d.id .. "/" .. name .. "/60", window.MINUTE)
end

local function move(d, state, fields, event, detail)
  deployment.transition(d, state, fields)
  events.tell(event, d.id, detail)
end

local function reason_of(kind, retry_after_ms)
  return GIVES_WAY[kind] and retry_after_ms > 0 and PAUSED or kind
end

-- Trips in a row with this one. `again`: it says no more than the last one said.
local function trips_of(d, again)
  if d.state == "closed" and clock.now - d.since_ms >= STABLE_MS then
    return 1
  end
  return again and math.max(d.trips, 1) or d.trips + 1
end

-- Open it for base x 2^(trips-1), at least what the upstream asked for, at most the cap. A cooldown is only ever
-- extended; the end of a slow start is none.
local function trip(d, reason, policy, retry_after_ms, again)
  local trips = trips_of(d, again)
  local wait = math.min(math.max(policy.base * 2 ^ math.min(trips - 1, 30), retry_after_ms), policy.cap)
  local until_ms = math.max(d.state == "ramp" and 0 or d.until_ms, clock.now + wait)
  local detail = reason .. " trips=" .. numbers.int(trips) .. " ms=" .. numbers.int(until_ms - clock.now)
  move(d, "open", {
    trips = trips,
    until_ms = until_ms,
    reason = reason_of(reason, retry_after_ms),
    since_ms = clock.now,
    generation = d.generation + 1,
  }, "cooldown", retry_after_ms > policy.cap and detail .. " asked=" .. numbers.int(retry_after_ms) or detail)
end

-- The call `id` is its probe. `early`: it does not wait for the end of the cooldown, and doubles nothing if it fails.
local function probe(d, id, early)
  local trips = early and math.max(d.trips - 1, 0) or d.trips
  move(d, "half-open", { probe = id, since_ms = clock.now, trips = trips }, "half-open", d.reason)
end

-- The probe `id` ended without a verdict (cancelled, the caller's fault, its worker died): the next pick may probe.
local function unproven(d, id)
  if d.state == "half-open" and d.probe == id then
    move(d, "open", { until_ms = math.min(d.until_ms, clock.now) }, "unproven", d.reason)
  end
end

-- The slow start was over when it was read: so it is stored, once.
local function close(d)
  move(d, "closed", {}, "closed", d.reason)
end

-- A call succeeded that was to show whether it is back: its probe, or one that panic let in.
local function recover(d, lease, policy)
  local is_probe = d.state == "half-open" and d.probe == lease.id
  local is_relief = lease.kind == "relief" and (d.state == "open" or d.state == "half-open")
  if lease.generation ~= d.generation or not (is_probe or is_relief) then
    return
  end
  local ramp_ms = policy.ramp or RAMP_MS
  window.clear(counter(d, "failed"))
  evidence.forget(d.id)
  local times = { since_ms = clock.now, until_ms = clock.now + ramp_ms }
  move(d, ramp_ms > 0 and "ramp" or "closed", times, "recovered", d.reason .. " ramp_ms=" .. numbers.int(ramp_ms))
end

-- It was doubted so much that it had next to no calls, and serves again: it too must not meet all of them at once.
local function ease(d, policy)
  local ramp_ms = policy.ramp or RAMP_MS
  local times = { since_ms = clock.now, until_ms = clock.now + ramp_ms }
  move(d, ramp_ms > 0 and "ramp" or "closed", times, "recovered", "doubt ramp_ms=" .. numbers.int(ramp_ms))
end

local function should_trip(d, e)
  local policy, failed = e.policy, e.verdict == "connect" and counter(d, "alone").sum or 0
  if policy.row and e.row >= policy.row then
    return true
  elseif policy.trip == "ratio" then
    failed = failed + counter(d, "failed").sum
    return failed >= policy.least and failed > policy.ratio * (failed + counter(d, "ok").sum)
  elseif policy.allowed then
    return failed + counter(d, "failed." .. e.verdict).sum > policy.allowed
  end
  return policy.trip == "now"
end

-- The upstream asks to be left alone for longer than it is out already.
local function extend(d, ms)
  local reason = reason_of(d.reason, ms)
  deployment.transition(d, "open", { until_ms = math.max(d.until_ms, clock.now + ms), reason = reason })
end

-- A failure was counted: e.verdict, by e.policy (outcome.lua); a cap of 0 = never cool. Of a worker that is alone in
-- not reaching it (e.alone) only the probe has a say, and it adds nothing to the time.
local function failure(d, lease, e)
  local policy, asked = e.policy, e.retry_ms or 0
  local current = lease.generation == d.generation
  local is_probe = current and d.state == "half-open" and d.probe == lease.id
  if policy.cap == 0 then
    unproven(d, lease.id)
  elseif d.state == "open" and asked > 0 and (current or lease.generation == d.generation - 1) then
    extend(d, math.min(asked, policy.cap))
  elseif is_probe then
    trip(d, e.verdict, policy, asked, e.alone)
  elseif not current or d.state == "open" or d.state == "half-open" then
    return -- of before, or one of those that panic let in
  elseif not e.alone and should_trip(d, e) then
    trip(d, e.verdict, policy, asked)
  elseif asked > 0 then
    -- Only the upstream asks for a pause: as long as it asks.
    trip(d, e.verdict, { base = 0, cap = policy.cap }, asked)
  end
end

-- The upstream asks for a pause of an account that this deployment shares. A running probe will show by itself.
local function pause(d, ms)
  if d.state == "open" then
    extend(d, ms)
  elseif d.state ~= "half-open" then
    trip(d, "rate_limit", { base = 0, cap = ms }, ms)
  end
end

local breaker = {
  COUNTERS = COUNTERS,
  GIVES_WAY = GIVES_WAY,
  trip = trip,
  pause = pause,
  probe = probe,
  unproven = unproven,
  close = close,
  recover = recover,
  ease = ease,
  failure = failure,
}
