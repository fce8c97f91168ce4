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

-- The name of the fact that such a request waits for.
local function measure_of(request)
  return request.stream and "ttft_ms" or (request.output_tokens > 0 and "ms_per_token" or "latency_ms")
end

local function measured(candidate, plan)
  local since = plan.since
  if since and candidate.sampled_ms and candidate.sampled_ms < since then
    return nil
  end
  return candidate[plan.measure]
end

-- The average of what was measured in an `order`, for those of which nothing was. Many may ask, so it is kept.
local function prior_of(plan, order)
  local prior, candidates = plan.priors[order], plan.candidates
  if not prior then
    local count, sum = 0, 0
    for i = 1, #candidates do
      local candidate = candidates[i]
      local ms = candidate.order == order and measured(candidate, plan)
      if ms then
        count, sum = count + 1, sum + ms
      end
    end
    prior = count > 0 and sum / count or 1
    plan.priors[order] = prior
  end
  return prior
end

-- The sum of weights of an `order`, of which one in slow start has its share.
local function weight_of(plan, order)
  local sum = 0
  for _, candidate in ipairs(plan.candidates) do
    sum = sum + (candidate.order == order and math.max(candidate.weight, 0) or 0)
  end
  return sum
end

local function cost(candidate, plan)
  if candidate.weight <= 0 then
    return math.huge
  end
  local ms = measured(candidate, plan) or prior_of(plan, candidate.order)
  return math.max(ms, LEAST_MS) * (candidate.inflight + 1) / candidate.weight
end

-- By `order`: the idle candidate with the oldest sample; of several unseen ones any.
local function explored_of(candidates, now, random)
  local found = {}
  for _, candidate in ipairs(candidates) do
    local oldest = found[candidate.order] or { age = 0, ties = 0, id = nil }
    found[candidate.order] = oldest
    local age = candidate.sampled_ms and now - candidate.sampled_ms or math.huge
    if candidate.inflight <= 0 and candidate.weight > 0 and age > FRESH_MS and age >= oldest.age then
      oldest.ties = age == oldest.age and oldest.ties + 1 or 1
      oldest.age = age
      if random() * oldest.ties < 1 then
        oldest.id = candidate.id
      end
    end
  end
  return found
end

-- By `order`: the lowest cost, and up to which they count as equals.
local function tolerance_of(plan, buffer)
  local found = {}
  for _, candidate in ipairs(plan.candidates) do
    local own, level = cost(candidate, plan), found[candidate.order]
    if not level or own < level.lowest then
      found[candidate.order] = { lowest = own, tolerated = own * (1 + buffer) }
    end
  end
  return found
end

-- The costs of all of them, where neither arguments nor a slow start have a say: that is most decisions, so it is one
-- loop.
local function rank_all(candidates, measure, ranks)
  local plan, least = nil, LEAST_MS
  for i = 1, #candidates do
    local candidate = candidates[i]
    local ms = candidate[measure]
    if not ms then
      plan = plan or { measure = measure, candidates = candidates, priors = {} }
      ms = prior_of(plan, candidate.order)
    end
    if ms < least then
      ms = least
    end
    ranks[i] = ms * (candidate.inflight + 1) / candidate.weight -- of 0: infinity
  end
end

local function prepare(candidates, request, now, random, ranks, steady)
  local args, measure = request.args, measure_of(request)
  local explores = random() < (args.exploration or EXPLORATION)
  if steady and not (explores or args.ttl or args.lowest_latency_buffer) then
    rank_all(candidates, measure, ranks)
    return true
  end
  local plan = { measure = measure, candidates = candidates, priors = {} }
  plan.explored = explores and explored_of(candidates, now, random)
  plan.since = args.ttl and now - args.ttl * 1000
  plan.tolerance = args.lowest_latency_buffer and tolerance_of(plan, args.lowest_latency_buffer)
  request.prepared = plan
  return false
end

local function rank(candidate, request, _, random)
  local plan = request.prepared
  if plan.explored and plan.explored[candidate.order].id == candidate.id then
    return -1
  elseif candidate.state == "ramp" and random() * weight_of(plan, candidate.order) > candidate.weight then
    return math.huge
  end
  local own, level = cost(candidate, plan), plan.tolerance and plan.tolerance[candidate.order]
  return level and own <= level.tolerated and level.lowest or own
end

return rank, prepare
