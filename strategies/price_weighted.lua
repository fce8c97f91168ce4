-- Weighted shuffle by weight / price^args.power, the price being that of this request: cheap ones serve most, dear ones
-- some. First among those that are well; then those back from an outage less than args.outage seconds ago (a 429 is
-- none); last those of unknown price, by weight alone.
-- Facts: state, trips, reason, since_ms, input_price, output_price

local POWER, OUTAGE = 2, 30
local RAMP_MS = 10000 -- breaker.lua: closed since then plus this ago
local FREE = 1 -- nano-dollar x 1e-6: what costs nothing costs this
local UNWELL, UNKNOWN = 1e100, 1e200 -- beyond any shuffle of prices, and in the same proportions

-- nil: unknown.
local function price(candidate, request)
  local input = request.input_tokens > 0 and candidate.input_price
  local output = request.output_tokens > 0 and candidate.output_price
  if input == nil or output == nil then
    return nil
  end
  return math.max((input or 0) * request.input_tokens + (output or 0) * request.output_tokens, FREE)
end

local function was_out(candidate, request, now)
  if candidate.trips == 0 or candidate.reason == "rate_limit" then
    return false
  end
  local age = now - candidate.since_ms + (candidate.state == "ramp" and 0 or RAMP_MS)
  return age < (request.args.outage or OUTAGE) * 1000
end

local function rank(candidate, request, now, random)
  if candidate.weight <= 0 then
    return math.huge
  end
  local drawn, cost = -math.log(random()) / candidate.weight, price(candidate, request)
  if not cost then
    return drawn * UNKNOWN
  end
  drawn = drawn * cost ^ (request.args.power or POWER)
  return was_out(candidate, request, now) and drawn * UNWELL or drawn
end

return rank
