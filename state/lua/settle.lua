-- How a call ends: release, charge, learn.
-- Uses: image, shared, window, deployment, leases, breaker, learn, epoch
-- Defines: settle
-- Op      "settle id epoch deployment kind policy retry_ms total_ms ttft_ms input output cost stream"; "-" for unknown
--         policy: number of the shared string "trip base_ms cap_ms alpha|-"; trip: now, never, ratio, count:<allowed>
-- Returns "ok", or "gone" if nothing was held: settled before, or of another epoch (then it is charged all the same)

local FORM = "^settle (%S+) (%S+) (%S+) (%S+) (%d+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%d)$"
local MINUTE = 60 -- seconds in which results are counted
-- Kinds that say nothing of the deployment's health: the caller's own.
local NEUTRAL = { caller = true, cancelled = true, content_policy = true, context_window = true }

local function policy_of(index)
  local words = shared.words(index)
  if not words.policy then
    words.policy = {
      trip = words[1],
      allowed = tonumber(string.match(words[1], "^count:(%d+)$")),
      base = tonumber(words[2]),
      cap = tonumber(words[3]),
      alpha = tonumber(words[4]),
    }
  end
  return words.policy
end

-- What the call teaches: {fact, ms, ...}; nothing for most failures.
local function samples_of(kind, total, ttft, output)
  if not total then
    return {}
  elseif kind == "ok" then
    local samples = { "latency_ms", total }
    if output and output > 0 then
      samples[3], samples[4] = "ms_per_token", (total - (ttft or 0)) / output
    end
    if ttft then
      samples[#samples + 1], samples[#samples + 2] = "ttft_ms", ttft
    end
    return samples
  elseif kind == "timeout" then
    -- A call that was given up is at least this slow; how many tokens it would have made nobody knows.
    return { "latency_ms", total, "ttft_ms", total, "ms_per_token", total }
  end
  return {}
end

local function parse(op)
  local id, of_epoch, target, kind, policy, retry, total, ttft, input, output, cost, stream = string.match(op, FORM)
  if not id then
    error("MALFORMED settle", 0)
  end
  input, output, total, ttft =
    tonumber(input), tonumber(output), tonumber(total), stream == "1" and tonumber(ttft) or nil
  return {
    id = id,
    epoch = of_epoch,
    deployment = target,
    kind = kind,
    policy = policy_of(policy),
    retry_ms = tonumber(retry) or 0,
    used = { tokens = input and output and input + output, input = input, output = output },
    tokens = input and output and input + output or 0,
    cost = tonumber(cost) or 0,
    samples = samples_of(kind, total, ttft, output),
    lease = nil,
    corrections = nil,
    counted = nil,
    judged = nil,
  }
end

-- The counters of the minute that a result adds to, and the one that it is judged by or that it clears, if any.
local function counters_of(e, lease)
  local id, kind = lease.deployment, e.kind
  if NEUTRAL[kind] then
    return {}, nil
  elseif kind == "ok" then
    return { id .. "/ok/60" }, lease.probe and id .. "/failed/60" or nil
  elseif e.policy.allowed then
    return { id .. "/failed/60", id .. "/failed." .. kind .. "/60" }, nil
  end
  return { id .. "/failed/60" }, e.policy.trip == "ratio" and id .. "/ok/60" or nil
end

-- Find the lease of a settle and which windows it touches. Throws GARBLED.
local function look_up(e)
  local lease = leases.read(e.id)
  if lease then
    e.corrections = leases.corrections(lease, e.used)
    e.counted, e.judged = counters_of(e, lease)
  end
  e.lease = lease
end

-- The columns of numbers that a settle changes, into `facts`.
local function add_facts(e, facts)
  for i = 1, #e.samples, 2 do
    facts[e.samples[i]], facts.sampled_ms = true, true
  end
  if e.tokens > 0 then
    facts.tokens = true
  end
  if e.cost > 0 then
    facts.spend_nano = true
  end
end

-- The windows that a settle opens, into `windows`, each once.
local function add_windows(e, windows, seen)
  local function add(id)
    if not seen[id] then
      seen[id] = true
      windows[#windows + 1] = id
    end
  end
  for i = 1, #e.corrections, 3 do
    add(e.corrections[i])
  end
  for i = 1, #e.counted do
    add(e.counted[i])
  end
  if e.judged then
    add(e.judged)
  end
end

-- Read what all settles of the run need, one command a column. `ends`: as run.operations.
local function load(ends)
  local lease_ids, ids, windows, facts, seen = {}, {}, {}, {}, {}
  for i = 1, #ends do
    lease_ids[i] = ends[i].op.id
  end
  image.load("lease", lease_ids)
  for i = 1, #ends do
    local e = ends[i].op
    if pcall(look_up, e) and e.lease then
      add_windows(e, windows, seen)
    end
    add_facts(e, facts)
    local target = e.lease and e.lease.deployment or e.deployment
    if not seen[target] then
      seen[target] = true
      ids[#ids + 1] = target
    end
  end
  deployment.load(ids)
  for fact in pairs(facts) do
    image.load(fact, ids)
  end
  if facts.ttft_ms then
    image.load("sampled_ms", learn.streams(ids))
  end
  if #windows > 0 then
    image.load("used", windows)
  end
end

-- Redis forgot the reservation: charge what was used where it would stand now.
local function charge_anew(d, used)
  local rows, slots = {}, {}
  for _, limit in ipairs(deployment.limits(d)) do
    local amount = limit.resource == "requests" and 1 or used[limit.resource]
    if limit.seconds and amount then
      local w = window.open(d.id .. "/" .. limit.name, limit.seconds)
      rows[#rows + 1] = { w, amount }
      slots[#slots + 1] = w
      slots[#slots + 1] = w.newest
    end
  end
  window.prepare(slots)
  for _, row in ipairs(rows) do
    window.add(row[1], row[2])
  end
end

local function count(d, e)
  if e.tokens > 0 then
    deployment.count(d, "tokens", e.tokens)
  end
  if e.cost > 0 then
    deployment.count(d, "spend_nano", e.cost)
  end
end

-- Open the windows a settle touches and read their slots in one command. Returns those to count in. Throws GARBLED.
local function plan_windows(e, lease)
  local slots, counted = {}, {}
  leases.plan(lease, e.corrections, slots)
  for i = 1, #e.counted do
    local w = window.open(e.counted[i], MINUTE)
    counted[i] = w
    slots[#slots + 1] = w
    slots[#slots + 1] = w.newest
  end
  if e.judged then
    local w = window.open(e.judged, MINUTE)
    slots[#slots + 1] = w
    slots[#slots + 1] = w.newest
  end
  window.prepare(slots)
  return counted
end

-- What the result says of the deployment's health.
local function judge(d, lease, e)
  if NEUTRAL[e.kind] then
    if d.state == "half-open" then
      breaker.unproven(d, lease.id)
    end
  elseif e.kind ~= "ok" then
    breaker.failure(d, lease, e.kind, e.policy, e.retry_ms)
  elseif d.state == "half-open" and d.probe == lease.id and d.generation == lease.generation then
    breaker.recover(d)
  end
end

local function plan_numbers(e, d)
  if #e.samples > 0 then
    learn.plan(d, e.samples)
  end
  if e.tokens > 0 then
    deployment.number(d, "tokens")
  end
  if e.cost > 0 then
    deployment.number(d, "spend_nano")
  end
end

local function run(e)
  -- Plan: everything that can be garbled is read before anything changes.
  if not e.lease or not image.get("lease", e.id) then
    look_up(e)
  end
  local lease = e.lease
  if not lease and (e.epoch == epoch or leases.was_charged(e.id)) then
    return "gone"
  end
  local d = deployment.of(lease and lease.deployment or e.deployment)
  plan_numbers(e, d)
  if not lease then
    charge_anew(d, e.used)
    leases.note_charged(e.id)
    count(d, e)
    return "gone"
  end
  local counted = plan_windows(e, lease)
  -- Commit.
  leases.correct(lease, e.corrections)
  leases.finish(lease, d)
  count(d, e)
  if #e.samples > 0 then
    learn.from(d, e.samples, e.policy.alpha)
  end
  for i = 1, #counted do
    window.add(counted[i], 1)
  end
  judge(d, lease, e)
  return "ok"
end

local settle = { parse = parse, load = load, run = run }
