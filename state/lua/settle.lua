-- How a call ends: release, charge, learn.
-- Uses: image, shared, memo, window, deployment, roster, leases, breaker, learn, clock
-- Defines: settle
-- Op      "settle id epoch deployment kind policy retry_ms total_ms ttft_ms input output cost stream"; "-" for unknown
--         policy: number of the shared string "trip base_ms cap_ms alpha|-"; trip: now, never, ratio, count:<allowed>
-- Returns "ok", or "gone" if nothing was held: settled before, or of another epoch (then it is charged all the same)

local FORM = "^settle (%S+) (%S+) (%S+) (%S+) (%d+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%d)$"
local MINUTE = 60 -- seconds in which results are counted
-- Kinds that say nothing of the deployment's health: the caller's own.
local NEUTRAL = { caller = true, cancelled = true, content_policy = true, context_window = true }

local policy_of = memo(256, function(text)
  local trip, base, cap, alpha = string.match(text, "^(%S+) (%S+) (%S+) (%S+)$")
  return {
    trip = trip,
    allowed = tonumber(string.match(trip, "^count:(%d+)$")),
    base = tonumber(base),
    cap = tonumber(cap),
    alpha = tonumber(alpha),
  }
end)

-- What the call teaches: {latency_ms, ms_per_token, ttft_ms}; nil for most failures.
local function samples_of(kind, total, ttft, output)
  if total and kind == "ok" then
    local per_token = output and output > 0 and (total - (ttft or 0)) / output or nil
    return { latency_ms = total, ms_per_token = per_token, ttft_ms = ttft }
  elseif total and kind == "timeout" then
    -- A call that was given up is at least this slow; how many tokens it would have made nobody knows.
    return { latency_ms = total, ms_per_token = total, ttft_ms = total }
  end
  return nil
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
    policy = policy_of(shared.text(policy)),
    retry_ms = tonumber(retry) or 0,
    used = {
      -- A 429 that says that no token was used says that nothing was counted.
      requests = kind == "rate_limit" and input == 0 and 0 or nil,
      tokens = input and output and input + output,
      input = input,
      output = output,
    },
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

-- May the result move the breaker?
local function is_news(e)
  return e.lease and (e.lease.probe or not (e.kind == "ok" or NEUTRAL[e.kind]))
end

-- The columns of a deployment that a settle needs.
local function set_of(judges, teaches)
  if judges then
    return roster.LEARNED_HEALTH
  end
  return teaches and roster.LEARNED or roster.INFLIGHT
end

-- Whose numbers the settles of a run change, each id once, and which columns of them: column -> true.
local function targets_of(ends)
  local ids, columns, seen = {}, { inflight = true }, {}
  for i = 1, #ends do
    local e = ends[i].op
    local target = e.lease and e.lease.deployment or e.deployment
    if not seen[target] then
      seen[target] = true
      ids[#ids + 1] = target
    end
    columns.health = columns.health or is_news(e)
    columns.learned = columns.learned or e.samples
    columns.tokens = columns.tokens or e.tokens > 0
    columns.spend_nano = columns.spend_nano or e.cost > 0
  end
  return ids, columns
end

-- Read what all settles of the run need, one command a column. `ends`: as of run.parse.
local function load(ends)
  local lease_ids, windows, seen = {}, {}, {}
  for i = 1, #ends do
    lease_ids[i] = ends[i].op.id
  end
  image.load("lease", lease_ids)
  for i = 1, #ends do
    local e = ends[i].op
    if pcall(look_up, e) and e.lease then
      add_windows(e, windows, seen)
    end
  end
  local ids, columns = targets_of(ends)
  roster.load_once(ids, set_of(columns.health, columns.learned))
  if columns.tokens then
    image.load("tokens", ids)
  end
  if columns.spend_nano then
    image.load("spend_nano", ids)
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
    breaker.unproven(d, lease.id)
  elseif e.kind ~= "ok" then
    breaker.failure(d, lease, e.kind, e.policy, e.retry_ms)
  elseif d.state == "half-open" and d.probe == lease.id and d.generation == lease.generation then
    breaker.recover(d)
  end
end

local function plan_numbers(e, d)
  if e.samples then
    learn.plan(d)
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
  if not lease and (e.epoch == clock.epoch or leases.was_charged(e.id)) then
    return "gone"
  end
  local d = deployment.of(lease and lease.deployment or e.deployment, set_of(is_news(e), e.samples))
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
  if e.samples then
    learn.from(d, e.samples, e.policy.alpha)
  end
  for i = 1, #counted do
    window.add(counted[i], 1)
  end
  if is_news(e) then
    judge(d, lease, e)
  end
  return "ok"
end

local settle = { parse = parse, load = load, run = run }
