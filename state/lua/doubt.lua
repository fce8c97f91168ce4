-- What a deployment is thought of between its first failure, or the first call that it leaves without a sign for
-- unusually long, and its cooldown.
-- Uses: tally, deployment, roster, breaker, clock
-- Defines: doubt
-- Failures in a row open the breaker: any success ends the row, or many long calls of which few fail would look like
-- one. Doubt only sends others elsewhere (levels.lua), so what ends it is the success of a call that began after the
-- last failed one: those from before say nothing of an outage that has begun since.
-- `learned`, which each result writes anyway, holds the row and when the last failed call began; while there is doubt
-- `health` has its failures (cards.lua), so that a decision sees them without another column.

local ENOUGH = 6 -- more of them change nothing in a decision
-- How many times as long as it usually takes is unusual: to a first content; whole, as answers differ more in length.
-- About what one of a hundred takes longer, for a peak EWMA as the usual.
local LONG, LONG_WHOLE = 3, 6
local LOST = 2 / 3 -- of that, where the copy of a call answered meanwhile
local SHORT_MS = 1000 -- never
local AGAIN_MS = 5000 -- after so long one call asks how it is now; where many cast doubt then after twice as long ...
local LAST = 10 -- ... up to 80 s

-- From how many milliseconds of silence on a call takes unusually long there; nil while nobody knows.
local function bound(d, streams)
  local usual = streams and d.ttft_ms or not streams and d.latency_ms
  return usual and math.max(SHORT_MS, usual * (streams and LONG or LONG_WHOLE))
end

-- Its doubt with so many calls more.
local function more(d, calls)
  return math.max(d.doubt, math.min(d.doubt + calls, ENOUGH))
end

local function plan_success(e, d, lease)
  if not e.samples and lease.kind ~= "probe" then
    return
  end
  e.row, e.doubt, e.doubted_ms = 0, nil, d.doubted_ms
  if lease.at_ms > d.doubted_ms then
    deployment.of(d.id, roster.LEARNED_HEALTH)
    e.doubt, e.doubted_ms = 0, nil
  end
end

-- A call was given up because its copy answered first. A first one proves nothing unless it waited unusually long; but
-- who is doubted already has served none since.
local function plan_loss(e, d, lease)
  deployment.of(d.id, roster.LEARNED_HEALTH)
  local streams = e.samples.ttft_ms ~= nil
  local long = bound(d, streams)
  if d.doubt > 0 or (long and (e.samples.ttft_ms or e.samples.latency_ms) >= LOST * long) then
    e.row, e.doubt = d.row, more(d, 1)
    e.doubted_ms = math.max(d.doubted_ms or 0, lease.at_ms)
  end
end

-- Part of a plan, but of a success only where there is a `doubted_ms`: the row, the doubt and its time with this
-- result, as `e.row`, `e.doubt`, `e.doubted_ms`; no row: nothing changes, nothing is to be committed. Throws GARBLED.
local function plan(e, d, lease)
  if e.verdict == "ok" then
    plan_success(e, d, lease)
  elseif d.learned and e.policy.cap > 0 and not e.alone and not tally.NEUTRAL[e.verdict] then
    e.row, e.doubt = d.row + 1, math.min(d.doubt + 1, ENOUGH)
    e.doubted_ms = math.max(d.doubted_ms or 0, lease.at_ms)
  elseif e.samples and e.samples.at_least and e.policy.cap > 0 then
    plan_loss(e, d, lease)
  end
end

-- So many calls say nothing good of one that serves.
local function cast(d, calls)
  if d.closing then
    breaker.close(d)
  end
  local again_ms = clock.now + AGAIN_MS * 2 ^ math.max(calls - ENOUGH, 0)
  deployment.transition(d, d.state, { doubt = calls, ask_ms = again_ms })
end

local function serves(d)
  return d.state == "closed" or d.state == "ramp"
end

-- Note it, after the breaker has judged. Only after `plan`.
local function commit(e, d, lease)
  d.row, d.doubted_ms = e.row, e.doubted_ms
  deployment.teach(d)
  if not e.doubt or not serves(d) or lease.generation ~= d.generation or d.doubt == e.doubt then
    return
  elseif e.doubt == 0 and d.doubt >= ENOUGH and d.state == "closed" then
    breaker.ease(d, e.policy)
  else
    cast(d, e.doubt)
  end
end

-- So many calls that run, the last of them since `at_ms`, wait unusually long. Its `learned` and its health were read.
-- Workers tell when they asked for it, so it may have begun a moment later, and its own end is no later call's.
local function suspect(d, calls, at_ms)
  if not serves(d) or at_ms < d.since_ms then
    return
  end
  d.doubted_ms = math.max(d.doubted_ms or 0, at_ms + SHORT_MS)
  deployment.teach(d)
  if d.doubt < ENOUGH then
    cast(d, more(d, calls))
  end
end

-- Is it to be asked now? Else one whose calls are few would be heard of no more: neither that it is well again nor, for
-- the breaker, that it is not.
local function is_due(d)
  return d.doubt > 0 and clock.now >= d.ask_ms
end

-- It is: nobody else has to for a while, and for longer where nothing is heard of it then.
local function ask(d)
  cast(d, d.doubt < ENOUGH and d.doubt or math.min(d.doubt + 1, LAST))
end

local doubt = { is_due = is_due, ask = ask, bound = bound, plan = plan, commit = commit, suspect = suspect }
