-- A mix: expected milliseconds of this call x (in-flight + 1) / weight x (price / cheapest)^args.price
-- / (1 - u)^args.headroom, u = share of the tightest limit in use. A product, so units do not matter: each factor says
-- how many times worse. Unknown time: the average; unknown price: as the dearest.
-- Uses: aged, levels_of, steps_back
-- Facts: inflight, latency_ms, ttft_ms, ms_per_token, sampled_ms, input_price, output_price, used

local PRICE, HEADROOM, DECAY_MS = 0.5, 0.5, 10000
local LEAST = 1e-3 -- of milliseconds, of room left: nothing is 0, or the other factors would not count

-- How long a call like this takes there when it is alone, in ms; nil if unknown.
local function ms_of(candidate, request, now)
  local ms = candidate.latency_ms
  if request.output_tokens > 0 then
    ms = candidate.ms_per_token and candidate.ms_per_token * request.output_tokens
    ms = ms and request.stream and ms + (candidate.ttft_ms or 0) or ms
  end
  return ms and aged(ms, candidate, now - candidate.sampled_ms, DECAY_MS)
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

-- By `order` besides: the lowest and the highest price.
local function prepare(candidates, request, now)
  local levels = levels_of(candidates, ms_of, request, now)
  for _, candidate in ipairs(candidates) do
    local level, cost = levels[candidate.order], price(candidate, request)
    if cost then
      level.cheapest = math.min(level.cheapest or math.huge, cost)
      level.dearest = math.max(level.dearest or 1, cost)
    end
  end
  request.prepared = levels
end

local function rank(candidate, request, now, random)
  local level = request.prepared[candidate.order]
  if steps_back(candidate, level, random) then
    return math.huge
  end
  local ms = math.max(ms_of(candidate, request, now) or level.prior, LEAST)
  local wait = ms * (candidate.inflight + 1) / candidate.weight
  local dear = math.max((price(candidate, request) or level.dearest or 1) / (level.cheapest or math.huge), LEAST)
  local room = math.max(1 - candidate.used, LEAST)
  return wait * dear ^ (request.args.price or PRICE) / room ^ (request.args.headroom or HEADROOM)
end

return rank, prepare
