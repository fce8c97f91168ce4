-- The breaker of a deployment: closed -> open -> half-open (one probe) -> ramp -> closed.
-- Uses: numbers, window, deployment, events, now
-- Defines: breaker
-- The generation grows with every trip and travels with the lease: a result of an older one changes nothing.

local breaker = {}
local RAMP_MS = 10000 -- slow start after a cooldown
local MINUTE = 60 -- seconds in which failures count
local LEAST_FAILURES = 5 -- of the ratio rule
local RATIO = 0.5
local STABLE_MS = 60000 -- closed this long: the next cooldown starts from the base again
-- Kinds that say nothing of the deployment's health: the caller's own.
local NEUTRAL = { caller = true, cancelled = true, content_policy = true, context_window = true }

local function counter(d, name)
  return window.open(d.id .. "/" .. name .. "/60", MINUTE)
end

-- Open it for base x 2^(trips-1), at least what the upstream asked for, at most the cap; a deadline is only ever
-- extended.
function breaker.trip(d, reason, policy, retry_after_ms)
  local stable = d.state == "closed" and now - d.since_ms >= STABLE_MS
  local trips = (stable and 0 or d.trips) + 1
  local wait = math.min(math.max(policy.base * 2 ^ math.min(trips - 1, 30), retry_after_ms), policy.cap)
  deployment.transition(d, "open", {
    trips = trips,
    until_ms = math.max(d.until_ms, now + wait),
    reason = reason,
    since_ms = now,
    generation = d.generation + 1,
  })
  events.add("cooldown", d.id, reason .. " trips=" .. numbers.int(trips) .. " ms=" .. numbers.int(d.until_ms - now))
end

-- The probe `id` ended without a verdict (cancelled, the caller's fault, its worker died): the next pick may probe.
function breaker.unproven(d, id)
  if d.state == "half-open" and d.probe == id then
    deployment.transition(d, "open", { until_ms = math.min(d.until_ms, now) })
  end
end

local function recover(d)
  window.clear(counter(d, "failed"))
  deployment.transition(d, "ramp", { since_ms = now, until_ms = now + RAMP_MS })
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

-- Part of the plan of a settle: the counters that `result` will touch are readable. Throws GARBLED.
function breaker.check(d, kind, policy)
  if NEUTRAL[kind] then
    return
  end
  window.check(counter(d, "failed"))
  if kind == "ok" or policy.trip == "ratio" then
    window.check(counter(d, "ok"))
  end
  if policy.allowed then
    window.check(counter(d, "failed." .. kind))
  end
end

-- The slots {window, slot, ...} that `check` will read, for one command.
function breaker.slots(d, kind, policy)
  local slots = {}
  if not NEUTRAL[kind] then
    for _, name in ipairs({ "ok", "failed", policy.allowed and "failed." .. kind or nil }) do
      local w = counter(d, name)
      slots[#slots + 1] = w
      slots[#slots + 1] = w.newest
    end
  end
  return slots
end

-- The fields of `used` that `check` will read.
function breaker.counters(id, list)
  list[#list + 1] = id .. "/ok/60"
  list[#list + 1] = id .. "/failed/60"
end

-- Learn from one result. policy: {trip, allowed, base, cap}, times in ms; cap 0 = never cool.
function breaker.result(d, lease, kind, policy, retry_after_ms)
  local current = lease.generation == d.generation
  local is_probe = current and d.state == "half-open" and d.probe == lease.id
  if NEUTRAL[kind] then
    breaker.unproven(d, lease.id)
    return
  elseif kind == "ok" then
    window.add(counter(d, "ok"), 1)
    if is_probe then
      recover(d)
    end
    return
  end
  window.add(counter(d, "failed"), 1)
  if policy.allowed then
    window.add(counter(d, "failed." .. kind), 1)
  end
  if policy.cap == 0 then
    return
  elseif d.state == "open" and lease.generation == d.generation - 1 and retry_after_ms > 0 then
    local until_ms = math.max(d.until_ms, now + math.min(retry_after_ms, policy.cap))
    deployment.transition(d, "open", { until_ms = until_ms })
  elseif current and (is_probe or (d.state ~= "open" and should_trip(d, kind, policy))) then
    breaker.trip(d, kind, policy, retry_after_ms)
  elseif current and d.state ~= "open" and retry_after_ms > 0 then
    -- Only the upstream asks for a pause: as long as it asks.
    breaker.trip(d, kind, { base = 0, cap = policy.cap }, retry_after_ms)
  end
end
