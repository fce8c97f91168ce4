-- The breaker of a deployment: closed -> open -> half-open (one probe) -> ramp -> closed.
-- Uses: numbers, window, deployment, events, clock
-- Defines: breaker
-- The generation grows with every trip and travels with the lease: a result of an older one changes nothing.
-- Answers that change nothing but a counter are settle.lua's; here is what may move the breaker.

local RAMP_MS = 10000 -- slow start after a cooldown
local LEAST_FAILURES = 5 -- of the ratio rule
local RATIO = 0.5
local STABLE_MS = 60000 -- closed this long: the next cooldown starts from the base again

local function counter(d, name)
  return window.open(d.id .. "/" .. name .. "/60", window.MINUTE)
end

-- Open it for base x 2^(trips-1), at least what the upstream asked for, at most the cap. A cooldown is only ever
-- extended; the end of a slow start is none.
local function trip(d, reason, policy, retry_after_ms)
  local stable = d.state == "closed" and clock.now - d.since_ms >= STABLE_MS
  local trips = (stable and 0 or d.trips) + 1
  local wait = math.min(math.max(policy.base * 2 ^ math.min(trips - 1, 30), retry_after_ms), policy.cap)
  deployment.transition(d, "open", {
    trips = trips,
    until_ms = math.max(d.state == "ramp" and 0 or d.until_ms, clock.now + wait),
    reason = reason,
    since_ms = clock.now,
    generation = d.generation + 1,
  })
  events.add(
    "cooldown",
    d.id,
    reason .. " trips=" .. numbers.int(trips) .. " ms=" .. numbers.int(d.until_ms - clock.now)
  )
end

-- The probe `id` ended without a verdict (cancelled, the caller's fault, its worker died): the next pick may probe.
local function unproven(d, id)
  if d.state == "half-open" and d.probe == id then
    deployment.transition(d, "open", { until_ms = math.min(d.until_ms, clock.now) })
  end
end

-- The probe was answered.
local function recover(d)
  window.clear(counter(d, "failed"))
  deployment.transition(d, "ramp", { since_ms = clock.now, until_ms = clock.now + RAMP_MS })
  events.add("recovered", d.id, d.reason)
end

local function should_trip(d, kind, policy)
  if policy.trip == "ratio" then
    local failed = counter(d, "failed").sum
    return failed >= LEAST_FAILURES and failed > RATIO * (failed + counter(d, "ok").sum)
  elseif policy.allowed then
    return counter(d, "failed." .. kind).sum > policy.allowed
  end
  return policy.trip == "now"
end

-- A failure was counted. policy: {trip, allowed, base, cap}, times in ms; cap 0 = never cool.
local function failure(d, lease, kind, policy, retry_after_ms)
  local current = lease.generation == d.generation
  local is_probe = current and d.state == "half-open" and d.probe == lease.id
  if policy.cap == 0 then
    unproven(d, lease.id)
  elseif d.state == "open" and lease.generation == d.generation - 1 and retry_after_ms > 0 then
    local until_ms = math.max(d.until_ms, clock.now + math.min(retry_after_ms, policy.cap))
    deployment.transition(d, "open", { until_ms = until_ms })
  elseif current and (is_probe or (d.state ~= "open" and should_trip(d, kind, policy))) then
    trip(d, kind, policy, retry_after_ms)
  elseif current and d.state ~= "open" and retry_after_ms > 0 then
    -- Only the upstream asks for a pause: as long as it asks.
    trip(d, kind, { base = 0, cap = policy.cap }, retry_after_ms)
  end
end

-- The upstream asks for a pause of an account that this deployment shares. A running probe will show by itself.
local function pause(d, ms)
  if d.state == "open" then
    deployment.transition(d, "open", { until_ms = math.max(d.until_ms, clock.now + ms) })
  elseif d.state ~= "half-open" then
    trip(d, "rate_limit", { base = 0, cap = ms }, ms)
  end
end

local breaker = { trip = trip, pause = pause, unproven = unproven, recover = recover, failure = failure }
