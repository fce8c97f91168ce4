-- The cheapest for this request: price of its tokens in whole nano-dollars, then the least in flight for its weight.
-- An unknown price comes after all known ones. In slow start a deployment takes part in its share of decisions only,
-- or a cheap one that comes back would meet the whole fleet at once. A call that failed or takes long already looks for
-- both, price x (in-flight + 1): the cheapest are the fullest, and three of them in a row may be too slow for it.
-- Facts: inflight, state, input_price, output_price

local UNKNOWN = 1e100 -- beyond any price and load

-- Nano-dollars; prices are for a million tokens. nil: unknown.
local function price(candidate, request)
  local total = 0
  if request.input_tokens > 0 then
    if not candidate.input_price then
      return nil
    end
    total = candidate.input_price * request.input_tokens
  end
  if request.output_tokens > 0 then
    if not candidate.output_price then
      return nil
    end
    total = total + candidate.output_price * request.output_tokens
  end
  return math.floor(total / 1e6)
end

-- By `order`: the sum of weights, and what stands for an unknown price.
local function prepare(candidates, request)
  local levels = {}
  for _, candidate in ipairs(candidates) do
    local level = levels[candidate.order] or { weight = 0, unknown = 1 }
    levels[candidate.order] = level
    level.weight = level.weight + math.max(candidate.weight, 0)
    level.unknown = math.max(level.unknown, (price(candidate, request) or 0) + 1)
  end
  request.prepared = levels
end

local function rank(candidate, request, _, random)
  local weight, level = candidate.weight, request.prepared[candidate.order]
  if weight <= 0 or candidate.state == "ramp" and random() * level.weight > weight then
    return math.huge
  end
  local cost = price(candidate, request)
  if request.extra then
    return math.max(cost or UNKNOWN, 1) * (1 + candidate.inflight) / weight
  end
  return (cost or level.unknown) + 1 - 1 / (1 + candidate.inflight / weight)
end

return rank, prepare
