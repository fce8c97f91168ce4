-- Results counted in a rolling minute, by which the breaker judges: `id/ok/60`, `id/failed/60`, `id/failed.<kind>/60`,
-- and `id/alone/60`: of workers that no other confirms (evidence.lua).
-- Uses: window, evidence
-- Defines: tally

-- Kinds that say nothing of the deployment's health: the caller's own.
local NEUTRAL = { caller = true, cancelled = true, content_policy = true, context_window = true }

-- The counters of the minute that a result adds to, and those that it is judged by or that it clears, nil for none;
-- `e.news`: whether it may move the breaker.
local function of(e, lease)
  local id, kind, policy = lease.deployment, e.verdict, e.policy
  if NEUTRAL[kind] then
    return {}, nil
  elseif kind == "ok" then
    return { id .. "/ok/60" }, e.news and { id .. "/failed/60" } or nil
  elseif policy.quorum and evidence.is_alone(id, lease.worker) then
    e.alone = true
    return { id .. "/alone/60" }, nil
  end
  local counted, judged = { id .. "/failed/60" }, policy.quorum and { id .. "/alone/60" } or {}
  if policy.allowed then
    counted[2] = id .. "/failed." .. kind .. "/60"
  elseif policy.trip == "ratio" then
    judged[#judged + 1] = id .. "/ok/60"
  end
  return counted, judged
end

-- Open a counter, whose newest slot must be known.
local function open(name, found)
  local w = window.open(name, window.MINUTE)
  if not w.entry then
    found[#found + 1], found[#found + 2] = w, w.newest
  end
  return w
end

-- Open the windows of a settle and add the slots to read. Returns those to count in. Throws GARBLED.
local function plan(e, found)
  local counted = e.counted -- windows take the places of their names
  for i = 1, #counted do
    counted[i] = open(counted[i], found)
  end
  local judged = e.judged
  for i = 1, judged and #judged or 0 do
    open(judged[i], found)
  end
  return counted
end

-- One more in each. Only after `plan`.
local function commit(counted, e)
  for i = 1, #counted do
    window.add(counted[i], 1)
  end
  if e.policy.quorum then
    evidence.report(e.lease.deployment, e.lease.worker)
  end
end

local tally = { NEUTRAL = NEUTRAL, of = of, plan = plan, commit = commit }
