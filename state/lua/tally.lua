-- Results counted in a rolling minute, by which the breaker judges: `id/ok/60`, `id/failed/60`, `id/failed.<kind>/60`,
-- and `id/alone/60`: of workers that no other confirms (evidence.lua).
-- Uses: window, evidence
-- Defines: tally

-- Kinds that say nothing of the deployment's health: the caller's own.
local NEUTRAL = { caller = true, cancelled = true, content_policy = true, context_window = true }

-- The counter of the minute that a result adds to, nil for none, and those that it is judged by or that it clears, nil
-- for none; `e.news`: whether it may move the breaker. Where a policy goes by the kinds of failures, it adds to
-- `e.of_kind` too.
local function of(e, lease)
  local id, kind, policy = lease.deployment, e.verdict, e.policy
  if NEUTRAL[kind] then
    return nil, nil
  elseif kind == "ok" then
    return id .. "/ok/60", e.news and { id .. "/failed/60" } or nil
  elseif policy.quorum and evidence.is_alone(id, lease.worker) then
    e.alone = true
    return id .. "/alone/60", nil
  end
  local judged = policy.quorum and { id .. "/alone/60" } or {}
  if policy.allowed then
    e.of_kind = id .. "/failed." .. kind .. "/60"
  elseif policy.trip == "ratio" then
    judged[#judged + 1] = id .. "/ok/60"
  end
  return id .. "/failed/60", judged
end

-- Open a counter, whose newest slot must be known.
local function open(name, found)
  local w = window.open(name, window.MINUTE)
  if not w.entry then
    found[#found + 1], found[#found + 2] = w, w.newest
  end
  return w
end

-- Open the windows of a settle, which take the places of the names of those to count in, and add the slots to read.
-- Throws GARBLED.
local function plan(e, found)
  if e.counted then
    e.counted = open(e.counted, found)
  end
  if e.of_kind then
    e.of_kind = open(e.of_kind, found)
  end
  local judged = e.judged
  for i = 1, judged and #judged or 0 do
    open(judged[i], found)
  end
end

-- One more in each. Only after `plan`.
local function commit(e)
  if e.counted then
    window.add(e.counted, 1)
  end
  if e.of_kind then
    window.add(e.of_kind, 1)
  end
  if e.policy.quorum then
    evidence.report(e.lease.deployment, e.lease.worker)
  end
end

local tally = { NEUTRAL = NEUTRAL, of = of, plan = plan, commit = commit }
