-- What the caller waits for, in ms, x (in-flight + 1) / weight, with a memory that ages: peak EWMA of Finagle, Linkerd.
-- The pool learns a slower sample at once and faster ones by and by. Here an idle one is forgiven besides, by
-- exp(-age / args.decay s).
-- A cooldown counts as a sample of args.penalty times the average, which ages alike from the recovery on.
-- Uses: aged, levels_of, steps_back
-- Facts: inflight, state, trips, since_ms, latency_ms, ttft_ms, ms_per_token, sampled_ms

local DECAY, PENALTY = 10, 5 -- seconds; Linkerd's
local RAMP_MS = 10000 -- breaker.lua: closed since then plus this ago
local LEAST_MS = 0.001 -- at 0 the load would not count

local function measured(candidate, request)
  if request.stream then
    return candidate.ttft_ms
  elseif request.output_tokens > 0 then
    return candidate.ms_per_token
  end
  return candidate.latency_ms
end

local function prepare(candidates, request)
  request.prepared = levels_of(candidates, measured, request)
end

-- What is left of the last cooldown, as a part of the penalty: 1 at the recovery, then less and less.
local function guilt(candidate, now, decay)
  if candidate.trips == 0 then
    return 0
  end
  local age = now - candidate.since_ms + (candidate.state == "ramp" and 0 or RAMP_MS)
  return math.exp(-math.max(age, 0) / decay)
end

local function ms_of(candidate, level, request, now)
  local decay = (request.args.decay or DECAY) * 1000
  local ms = measured(candidate, request)
  ms = ms and aged(ms, candidate, now - candidate.sampled_ms, decay)
  local penalty = (request.args.penalty or PENALTY) * level.prior * guilt(candidate, now, decay)
  return math.max(ms or level.prior, penalty, LEAST_MS)
end

local function rank(candidate, request, now, random)
  local level = request.prepared[candidate.order]
  if steps_back(candidate, level, random) then
    return math.huge
  end
  return ms_of(candidate, level, request, now) * (candidate.inflight + 1) / candidate.weight
end

return rank, prepare
