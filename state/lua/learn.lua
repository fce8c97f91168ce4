-- What a call taught about a deployment: latency, time to first token, milliseconds per output token.
-- Uses: deployment, clock
-- Defines: learn
-- Peak EWMA (Finagle): a slower sample counts at once, faster ones with weight 1 - exp(-dt / 10 s). With alpha (from
-- max_latency_list_size n: 2 / (n + 1)) every sample has that weight. Stored in `learned` (deployment.lua).

local TAU_MS = 10000

local function blend(before, sample, since_ms, alpha)
  if before and (alpha or sample < before) then
    local elapsed = math.max(0, clock.now - (since_ms or clock.now))
    return before + (sample - before) * (alpha or 1 - math.exp(-elapsed / TAU_MS))
  end
  return sample
end

-- Part of a plan: what was learned (and was read) is readable. Throws GARBLED.
local function plan(d)
  if not d.learned then
    error("GARBLED learned", 0)
  end
end

-- Only more than what is known says something.
local function raise(d, measure, sample)
  if sample and sample > (d[measure] or 0) then
    d[measure] = sample
  end
end

-- A call that was given up for a faster one took at least so long. Its tokens would hardly have come faster than its
-- first content: where that is so many times as late as usual, they are taken to be as slow.
local function at_least(d, samples)
  local late = samples.ttft_ms and d.ttft_ms and samples.ttft_ms / d.ttft_ms
  if late and d.ms_per_token and late > 1 then
    d.ms_per_token = d.ms_per_token * late
  end
  raise(d, "latency_ms", samples.latency_ms)
  raise(d, "ttft_ms", samples.ttft_ms)
  d.sampled_ms = clock.now
  deployment.teach(d)
end

-- Learn the samples {latency_ms, ms_per_token, ttft_ms}, nil for none. Streams may be rare among the calls: what they
-- taught ages by their own samples. Only after `plan`.
local function from(d, samples, alpha)
  if samples.at_least then
    return at_least(d, samples)
  end
  d.latency_ms = blend(d.latency_ms, samples.latency_ms, d.sampled_ms, alpha)
  if samples.ms_per_token then
    d.ms_per_token = blend(d.ms_per_token, samples.ms_per_token, d.sampled_ms, alpha)
  end
  if samples.ttft_ms then
    d.ttft_ms = blend(d.ttft_ms, samples.ttft_ms, d.streamed_ms, alpha)
    d.streamed_ms = clock.now
  end
  d.sampled_ms = clock.now
  deployment.teach(d)
end

local learn = { plan = plan, from = from }
