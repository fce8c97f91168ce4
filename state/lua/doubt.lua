-- What a deployment is thought of between its first failure and its cooldown.
-- Uses: tally, deployment, roster, breaker
-- Defines: doubt
-- Failures in a row open the breaker: any success ends the row, or many long calls of which few fail would look like
-- one. Doubt only sends others elsewhere (levels.lua), so what ends it is the success of a call that began after the
-- last failed one: those from before say nothing of an outage that has begun since.
-- `learned`, which each result writes anyway, holds the row and when the last failed call began; while there is doubt
-- `health` has its failures (cards.lua), so that a decision sees them without another column.

local ENOUGH = 6 -- more of them change nothing in a decision

local function plan_success(e, d, lease)
  if not (e.samples or lease.kind == "probe") or not d.doubted_ms then
    return
  end
  e.row, e.doubt, e.doubted_ms = 0, nil, d.doubted_ms
  if lease.at_ms > d.doubted_ms then
    deployment.of(d.id, roster.LEARNED_HEALTH)
    e.doubt, e.doubted_ms = 0, nil
  end
end

-- Part of a plan: the row, the doubt and its time with this result, as `e.row`, `e.doubt`, `e.doubted_ms`; no row:
-- nothing changes. Throws GARBLED.
local function plan(e, d, lease)
  if e.verdict == "ok" then
    plan_success(e, d, lease)
  elseif d.learned and e.policy.cap > 0 and not e.alone and not tally.NEUTRAL[e.verdict] then
    e.row, e.doubt = d.row + 1, math.min(d.doubt + 1, ENOUGH)
    e.doubted_ms = math.max(d.doubted_ms or 0, lease.at_ms)
  end
end

-- Note it, after the breaker has judged. Only after `plan`.
local function commit(e, d, lease)
  if not e.row then
    return
  end
  d.row, d.doubted_ms = e.row, e.doubted_ms
  deployment.touch(d, "learned")
  local serves = d.state == "closed" or d.state == "ramp"
  if e.doubt and serves and lease.generation == d.generation and d.doubt ~= e.doubt then
    if d.closing then
      breaker.close(d)
    end
    deployment.transition(d, d.state, { doubt = e.doubt })
  end
end

local doubt = { plan = plan, commit = commit }
