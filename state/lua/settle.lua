-- How a call ends: release, charge, learn.
-- Uses: image, shared, window, deployment, leases, breaker, learn, epoch
-- Defines: settle
-- Op      "settle id epoch deployment kind policy retry_ms total_ms ttft_ms input output cost stream"; "-" for unknown
--         policy: number of the shared string "trip base_ms cap_ms alpha|-"; trip: now, never, ratio, count:<allowed>
-- Returns "ok", or "gone" if nothing was held: settled before, or of another epoch (then it is charged all the same)

local settle = {}
local FORM = "^settle (%S+) (%S+) (%S+) (%S+) (%d+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%d)$"

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

function settle.parse(op)
  local id, of_epoch, target, kind, policy, retry, total, ttft, input, output, cost, stream = string.match(op, FORM)
  if not id then
    error("MALFORMED settle", 0)
  end
  input, output = tonumber(input), tonumber(output)
  return {
    id = id,
    epoch = of_epoch,
    deployment = target,
    kind = kind,
    policy = policy_of(policy),
    retry_ms = tonumber(retry) or 0,
    total_ms = tonumber(total),
    ttft_ms = stream == "1" and tonumber(ttft) or nil,
    used = { tokens = input and output and input + output, input = input, output = output },
    cost = tonumber(cost),
  }
end

-- Read what all settles of the run need, one command a column. `ends`: as run.operations.
function settle.load(ends)
  local lease_ids, ids, counters, seen = {}, {}, {}, {}
  for _, entry in ipairs(ends) do
    local e = entry.op
    lease_ids[#lease_ids + 1] = e.id
    if not seen[e.deployment] then
      seen[e.deployment] = true
      ids[#ids + 1] = e.deployment
      breaker.counters(e.deployment, counters)
    end
  end
  local records = image.load("lease", lease_ids)
  for _, id in ipairs(lease_ids) do
    for name in string.gmatch(records[id] or "", "(%a+/%d+)=") do
      counters[#counters + 1] = string.match(records[id], "^%S+ (%S+)") .. "/" .. name
    end
  end
  deployment.load(ids)
  learn.load(ids)
  image.load("tokens", ids)
  image.load("spend_nano", ids)
  image.load("used", counters)
end

-- Read one call's slots of all its windows at once.
local function load_slots(lease, d, kind, policy)
  local slots = breaker.slots(d, kind, policy)
  for _, row in ipairs(lease.reserved) do
    row.window = window.open(row.id, row.seconds)
    slots[#slots + 1] = row.window
    slots[#slots + 1] = window.slot(row.window, lease.at_ms)
  end
  window.load(slots)
end

-- Redis forgot the reservation: charge what was used where it would stand now.
local function charge_anew(d, used)
  local rows = {}
  for _, limit in ipairs(deployment.limits(d)) do
    local amount = limit.resource == "requests" and 1 or used[limit.resource]
    if limit.seconds and amount then
      rows[#rows + 1] = { window.open(limit.id, limit.seconds), amount }
      window.check(rows[#rows][1])
    end
  end
  for _, row in ipairs(rows) do
    window.add(row[1], row[2])
  end
end

local function teach(d, e)
  local alpha, output = e.policy.alpha, e.used.output
  if e.kind == "ok" and e.total_ms then
    local generating = e.total_ms - (e.ttft_ms or 0)
    learn.sample(d, e.total_ms, e.ttft_ms, output and output > 0 and generating / output or nil, alpha)
  elseif e.kind == "timeout" and e.total_ms then
    -- A call that was given up is at least this slow; how many tokens it would have made nobody knows.
    learn.sample(d, e.total_ms, e.total_ms, e.total_ms, alpha)
  end
end

local function count(d, e)
  if e.used.tokens and e.used.tokens > 0 then
    deployment.count(d, "tokens", e.used.tokens)
  end
  if e.cost and e.cost > 0 then
    deployment.count(d, "spend_nano", e.cost)
  end
end

function settle.run(e)
  -- Plan: everything that can be garbled is read before anything changes.
  local lease = leases.read(e.id)
  if not lease and (e.epoch == epoch or leases.was_charged(e.id)) then
    return "gone"
  end
  local d = deployment.of(lease and lease.deployment or e.deployment)
  deployment.number(d, "tokens")
  deployment.number(d, "spend_nano")
  learn.check(d, e.ttft_ms or e.kind == "timeout")
  if not lease then
    charge_anew(d, e.used)
    leases.note_charged(e.id)
    count(d, e)
    return "gone"
  end
  load_slots(lease, d, e.kind, e.policy)
  leases.check(lease)
  breaker.check(d, e.kind, e.policy)
  -- Commit.
  leases.charge(lease, e.used)
  leases.finish(lease, d)
  count(d, e)
  teach(d, e)
  breaker.result(d, lease, e.kind, e.policy, e.retry_ms)
  return "ok"
end
