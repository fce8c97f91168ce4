-- The least work ahead, in seconds: tokens in flight and of this call / throughput, plus a barrier where limits get
-- tight: barrier x u / (1 - u), u = share of the tightest limit in use.
-- The pool counts calls in flight, not their tokens: each is taken for one like this. Throughput unknown: the average.
-- In slow start a deployment takes part in its share of the decisions only, however empty it is.
-- Facts: inflight, state, latency_ms, ms_per_token, sampled_ms, used

local BARRIER = 0.15 -- seconds
local DECAY_MS = 10000 -- an idle one's memory ages, or nobody would learn that it is fast again
local LEAST_SHARE = 1e-9 -- a full one (or one in debt) is the last, not at infinity

-- Milliseconds that one call like this takes there; nil if unknown.
local function ms_of(candidate, request, now)
  local ms = candidate.latency_ms
  if request.output_tokens > 0 then
    local tokens = request.input_tokens + request.output_tokens
    ms = candidate.ms_per_token and candidate.ms_per_token * tokens
  end
  if ms and candidate.inflight <= 0 then
    return ms * math.exp(-math.max(now - candidate.sampled_ms, 0) / DECAY_MS)
  end
  return ms
end

-- By `order`: the sum of weights, and the average, which stands for those without a sample.
local function prepare(candidates, request, now)
  local levels = {}
  for _, candidate in ipairs(candidates) do
    local level = levels[candidate.order] or { weight = 0, count = 0, sum = 0, prior = 1 }
    levels[candidate.order] = level
    level.weight = level.weight + math.max(candidate.weight, 0)
    local ms = ms_of(candidate, request, now)
    if ms then
      level.count, level.sum = level.count + 1, level.sum + ms
      level.prior = level.sum / level.count
    end
  end
  request.prepared = levels
end

local function rank(candidate, request, now, random)
  local level, weight = request.prepared[candidate.order], candidate.weight
  if weight <= 0 or candidate.state == "ramp" and random() * level.weight > weight then
    return math.huge
  end
  local work = (ms_of(candidate, request, now) or level.prior) / 1000 * (candidate.inflight + 1) / weight
  local barrier = request.args.barrier or BARRIER
  return work + barrier * candidate.used / math.max(1 - candidate.used, LEAST_SHARE)
end

return rank, prepare
