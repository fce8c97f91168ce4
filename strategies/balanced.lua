-- A mix: expected milliseconds of this call x (in-flight + 1) / weight x (price / cheapest)^args.price
-- / (1 - u)^args.headroom, u = share of the tightest limit in use. A product, so units do not matter: each factor says
-- how many times worse. Unknown time: the average; unknown price: as the dearest.
-- An idle one's memory ages (peak_ewma.lua). In slow start a deployment takes part in its share of the decisions only.
-- Facts: inflight, state, latency_ms, ttft_ms, ms_per_token, sampled_ms, input_price, output_price, used

local PRICE, HEADROOM, DECAY_MS = 0.5, 0.5, 10000
local LEAST = 1e-3 -- of milliseconds, of room left: nothing is 0, or the other factors would not count

-- How long a call like this takes there when it is alone, in ms; nil if unknown.
local function ms_of(candidate, request, now)
  local ms = candidate.latency_ms
  if request.output_tokens > 0 then
    ms = candidate.ms_per_token and candidate.ms_per_token * request.output_tokens
    ms = ms and request.stream and ms + (candidate.ttft_ms or 0) or ms
  end
  if ms and candidate.inflight <= 0 then
    return ms * math.exp(-math.max(now - candidate.sampled_ms, 0) / DECAY_MS)
  end
  return ms
end

-- nil: unknown.
local function price(candidate, request)
  local input = request.input_tokens > 0 and candidate.input_price
  local output = request.output_tokens > 0 and candidate.output_price
  if input == nil or output == nil then
    return nil
  end
  return math.max((input or 0) * request.input_tokens + (output or 0) * request.output_tokens, 1)
end

-- By `order`: the sum of weights; the average time; the lowest and the highest price.
local function prepare(candidates, request, now)
  local levels = {}
  for _, candidate in ipairs(candidates) do
    local level = levels[candidate.order]
      or { weight = 0, count = 0, sum = 0, prior = 1, cheapest = math.huge, dearest = 1 }
    levels[candidate.order] = level
    level.weight = level.weight + math.max(candidate.weight, 0)
    local ms, cost = ms_of(candidate, request, now), price(candidate, request)
    if ms then
      level.count, level.sum = level.count + 1, level.sum + ms
      level.prior = level.sum / level.count
    end
    if cost then
      level.cheapest, level.dearest = math.min(level.cheapest, cost), math.max(level.dearest, cost)
    end
  end
  request.prepared = levels
end

local function rank(candidate, request, now, random)
  local level, weight = request.prepared[candidate.order], candidate.weight
  if weight <= 0 or candidate.state == "ramp" and random() * level.weight > weight then
    return math.huge
  end
  local wait = math.max(ms_of(candidate, request, now) or level.prior, LEAST) * (candidate.inflight + 1) / weight
  local dear = math.max((price(candidate, request) or level.dearest) / level.cheapest, LEAST)
  local room = math.max(1 - candidate.used, LEAST)
  return wait * dear ^ (request.args.price or PRICE) / room ^ (request.args.headroom or HEADROOM)
end

return rank, prepare
