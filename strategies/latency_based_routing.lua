-- What the caller waits for, in ms, x (in-flight + 1) / weight: peak EWMA, as in Finagle and Linkerd.
-- Streams wait for the first token, others for each output token; without any (embeddings) it is the whole call.
-- Unseen, or the last sample older than args.ttl (s): the average of the others.
-- args.lowest_latency_buffer: those within (1 + buffer) of the lowest are equals.
-- args.exploration: in this share of the decisions the one whose last sample is oldest is picked, if none of it is in
-- flight, or nobody would ever learn that it is fast again.
-- In slow start a deployment takes part in its share of the decisions only, however fast it looks.
-- Facts: inflight, state, latency_ms, ttft_ms, ms_per_token, sampled_ms

local EXPLORATION = 0.02
local FRESH_MS = 10000 -- no need to explore
local LEAST_MS = 0.001 -- at 0 the load would not count

local function measured(candidate, request, now)
  local ttl, sampled = request.args.ttl, candidate.sampled_ms
  if ttl and sampled and now - sampled > ttl * 1000 then
    return nil
  elseif request.stream then
    return candidate.ttft_ms
  elseif request.output_tokens > 0 then
    return candidate.ms_per_token
  end
  return candidate.latency_ms
end

local function cost(candidate, level, request, now)
  if candidate.weight <= 0 then
    return math.huge
  end
  local ms = measured(candidate, request, now) or level.prior
  return math.max(ms, LEAST_MS) * (candidate.inflight + 1) / candidate.weight
end

-- Remember the idle candidate with the oldest sample; of several unseen ones any.
local function consider_exploring(level, candidate, now, random)
  local age = candidate.sampled_ms and now - candidate.sampled_ms or math.huge
  if candidate.inflight > 0 or candidate.weight <= 0 or age <= FRESH_MS or age < level.age then
    return
  end
  level.ties = age == level.age and level.ties + 1 or 1
  level.age = age
  if random() * level.ties < 1 then
    level.explored = candidate.id
  end
end

local function set_tolerance(levels, candidates, request, now)
  for _, candidate in ipairs(candidates) do
    local level = levels[candidate.order]
    level.lowest = math.min(level.lowest, cost(candidate, level, request, now))
  end
  for _, level in pairs(levels) do
    level.tolerated = level.lowest * (1 + request.args.lowest_latency_buffer)
  end
end

-- By `order`: the sum of weights, the prior, whom to explore, which costs count as the lowest.
local function prepare(candidates, request, now, random)
  local levels, explores = {}, random() < (request.args.exploration or EXPLORATION)
  for _, candidate in ipairs(candidates) do
    local level = levels[candidate.order]
      or { weight = 0, count = 0, sum = 0, prior = 1, age = 0, ties = 0, lowest = math.huge, tolerated = -1 }
    levels[candidate.order] = level
    level.weight = level.weight + math.max(candidate.weight, 0)
    local ms = measured(candidate, request, now)
    if ms then
      level.count, level.sum = level.count + 1, level.sum + ms
      level.prior = level.sum / level.count
    end
    if explores then
      consider_exploring(level, candidate, now, random)
    end
  end
  if request.args.lowest_latency_buffer then
    set_tolerance(levels, candidates, request, now)
  end
  request.prepared = levels
end

local function rank(candidate, request, now, random)
  local level = request.prepared[candidate.order]
  if level.explored == candidate.id then
    return -1
  elseif candidate.state == "ramp" and random() * level.weight > candidate.weight then
    return math.huge
  end
  local own = cost(candidate, level, request, now)
  return own <= level.tolerated and level.lowest or own
end

return rank, prepare
