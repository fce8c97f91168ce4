-- What a deployment is thought of between its first failure and its cooldown: failures in a row.
-- Uses: tally, deployment, roster, breaker
-- Defines: doubt
-- `learned` holds their number, which each result writes anyway; while it is not 0 `health` has it too (cards.lua), so
-- that a decision sees it without another column. levels.lua says who goes elsewhere for it.

local ENOUGH = 6 -- more of them change nothing in a decision

-- Part of a plan: how many there are with this result, as `e.row`. Throws GARBLED.
local function plan(e, d)
  if e.verdict == "ok" then
    if e.samples and d.row > 0 then
      deployment.of(d.id, roster.LEARNED_HEALTH)
      e.row = 0
    end
  elseif d.learned and e.policy.cap > 0 and not e.alone and not tally.NEUTRAL[e.verdict] then
    e.row = d.row + 1
  end
end

-- Note it, after the breaker has judged. Only after `plan`.
local function commit(e, d, lease)
  if not e.row then
    return
  end
  d.row = e.row
  deployment.touch(d, "learned")
  local serves = d.state == "closed" or d.state == "ramp"
  local known = math.min(e.row, ENOUGH)
  if serves and lease.generation == d.generation and d.doubt ~= known then
    if d.closing then
      breaker.close(d)
    end
    deployment.transition(d, d.state, { doubt = known })
  end
end

local doubt = { plan = plan, commit = commit }
