-- The least work ahead, in seconds: work in flight and of this call x ms per token, plus a barrier where limits get
-- tight: barrier x u / (1 - u), u = share of the tightest limit in use. Throughput unknown: the average.
-- Uses: work, aged, levels_of, steps_back
-- Facts: inflight, input_in_flight, output_in_flight, latency_ms, ms_per_token, sampled_ms, used

local BARRIER = 0.15 -- seconds
local DECAY_MS = 10000
local LEAST_SHARE = 1e-9 -- a full one (or one in debt) is the last, not at infinity

-- Milliseconds that one call like this takes there; nil if unknown.
local function ms_of(candidate, request, now)
  local ms = candidate.latency_ms
  if request.output_tokens > 0 then
    ms = candidate.ms_per_token and candidate.ms_per_token * request.prepared.own
  end
  return ms and aged(ms, candidate, now - candidate.sampled_ms, DECAY_MS)
end

local function prepare(candidates, request, now)
  request.prepared = { own = work(1, request.input_tokens, request.output_tokens), levels = nil }
  request.prepared.levels = levels_of(candidates, ms_of, request, now)
end

local function rank(candidate, request, now, random)
  local own, level = request.prepared.own, request.prepared.levels[candidate.order]
  if steps_back(candidate, level, random) then
    return math.huge
  end
  local ahead = work(candidate.inflight, candidate.input_in_flight, candidate.output_in_flight)
  local calls = 1 + ahead / own -- like this one
  local wait = (ms_of(candidate, request, now) or level.prior) / 1000 * calls / candidate.weight
  local barrier = request.args.barrier or BARRIER
  return wait + barrier * candidate.used / math.max(1 - candidate.used, LEAST_SHARE)
end

return rank, prepare
