-- Results counted in a rolling minute, by which the breaker judges: `id/ok/60`, `id/failed/60`, `id/failed.<kind>/60`.
-- Uses: window
-- Defines: tally

-- Kinds that say nothing of the deployment's health: the caller's own.
local NEUTRAL = { caller = true, cancelled = true, content_policy = true, context_window = true }

-- The counters of the minute that a result adds to, and the one that it is judged by or that it clears, if any.
local function of(e, lease)
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

-- Open the windows of a settle and add the slots to read. Returns those to count in. Throws GARBLED.
local function plan(e, found)
  local counted = {}
  for i = 1, #e.counted do
    local w = window.open(e.counted[i], window.MINUTE)
    counted[i] = w
    found[#found + 1] = w
    found[#found + 1] = w.newest
  end
  if e.judged then
    local w = window.open(e.judged, window.MINUTE)
    found[#found + 1] = w
    found[#found + 1] = w.newest
  end
  return counted
end

-- One more in each. Only after `plan`.
local function commit(counted)
  for i = 1, #counted do
    window.add(counted[i], 1)
  end
end

local tally = { NEUTRAL = NEUTRAL, of = of, plan = plan, commit = commit }
