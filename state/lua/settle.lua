-- How a call ends: release, charge, learn.
-- Uses: image, slots, outcome, ends, corrections, tally, totals, charges, lessons, sketches, deployment, leases,
--       breaker, doubt, learn, throttle, aimd, clock
-- Defines: settle
-- Op      as outcome.lua says
-- Returns "ok", or "ok ratio plain tools" where it taught how tokens are estimated (lessons.lua); "gone" if nothing was
--         held: settled before, or of another epoch (then it is charged all the same)

-- What the result says of the deployment's health.
local function judge(d, lease, e)
  if tally.NEUTRAL[e.verdict] then
    breaker.unproven(d, lease.id)
  elseif e.verdict ~= "ok" then
    breaker.failure(d, lease, e)
  else
    breaker.recover(d, lease, e.policy)
  end
end

local found = {} -- slots to read, mostly none

-- Open the windows a settle touches and read their slots, one command a column. Throws GARBLED.
local function plan_windows(e, lease)
  if found[1] then -- of a settle before
    found = {}
  end
  if e.corrections then
    corrections.plan(lease, e.corrections, found)
  end
  tally.plan(e, found)
  if found[1] then
    slots.prepare(found)
  end
end

-- The call was of another epoch.
local function charge(e, d)
  local tokens, cost = totals.plan(d.id, e.used)
  charges.add(d, e)
  leases.note_charged(e.id)
  totals.commit(tokens, cost, e.used)
  return "gone"
end

local function run(e)
  -- Plan: everything that can be garbled is read before anything changes.
  if not e.lease or not image.get("lease", e.id) then
    ends.look_up(e)
  end
  local lease = e.lease
  if not lease and (e.epoch == clock.epoch or leases.was_charged(e.id)) then
    return "gone"
  end
  local d = e.card or deployment.of(e.deployment, ends.columns(e))
  if e.samples then
    learn.plan(d)
  end
  if not lease then
    return charge(e, d)
  end
  local tokens, cost = totals.plan(d.id, e.used)
  plan_windows(e, lease)
  if d.doubted_ms or e.verdict ~= "ok" then
    doubt.plan(e, d, lease)
  end
  local adapted, teaches, context, fit, sketched = e.adaptive and aimd.plan(e, d), lessons.any(e), nil, nil, nil
  if teaches then
    context, fit = lessons.plan(e, d.id)
    sketched = sketches.plan(e, d.id)
  end
  -- Commit.
  if e.corrections then
    corrections.commit(e.corrections)
  end
  leases.finish(lease, d)
  totals.commit(tokens, cost, e.used)
  if e.samples then
    learn.from(d, e.samples, e.policy.alpha)
  end
  tally.commit(e)
  if e.throttled then
    throttle.note(e.throttled, e.kind)
  end
  if e.news then
    judge(d, lease, e)
  end
  if e.row then
    doubt.commit(e, d, lease)
  end
  if adapted then
    aimd.commit(adapted, d.id)
  end
  if not teaches then
    return "ok"
  end
  sketches.commit(sketched, d.id)
  return "ok" .. lessons.commit(d.id, context, fit)
end

local settle = { parse = outcome.parse, load = ends.load, run = run }
