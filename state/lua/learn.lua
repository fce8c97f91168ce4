-- What a call taught about a deployment: latency, time to first token, milliseconds per output token.
-- Uses: numbers, image, deployment, now, now_text
-- Defines: learn
-- Peak EWMA (Finagle): a slower sample counts at once, faster ones with weight 1 - exp(-dt / 10 s). With alpha (from
-- max_latency_list_size n: 2 / (n + 1)) every sample has that weight.

local TAU_MS = 10000

local function blend(d, fact, sample, elapsed, alpha)
  local before = d[fact]
  if before and (alpha or sample < before) then
    sample = before + (sample - before) * (alpha or 1 - math.exp(-elapsed / TAU_MS))
  end
  deployment.put(d, fact, sample)
end

-- The field of `sampled_ms` where the time of the last stream stands. Streams may be rare among the calls: what they
-- taught ages by their own samples.
local function streamed(id)
  return id .. "/ttft"
end

-- Those fields of many deployments.
local function streams(ids)
  local fields = {}
  for i = 1, #ids do
    fields[i] = streamed(ids[i])
  end
  return fields
end

-- Part of a plan: what `from` will touch is readable. `samples`: {fact, ms, fact, ms, ...}. Throws GARBLED.
local function plan(d, samples)
  for i = 1, #samples, 2 do
    deployment.number(d, samples[i])
    if samples[i] == "ttft_ms" then
      numbers.of(image.get("sampled_ms", streamed(d.id)) or "0")
    end
  end
  deployment.number(d, "sampled_ms")
end

-- Learn the samples. Only after `plan`.
local function from(d, samples, alpha)
  local elapsed = math.max(0, now - (d.sampled_ms or now))
  for i = 1, #samples, 2 do
    local fact, since = samples[i], elapsed
    if fact == "ttft_ms" then
      local before = image.get("sampled_ms", streamed(d.id))
      since = before and math.max(0, now - numbers.of(before)) or 0
      image.set("sampled_ms", streamed(d.id), now_text)
    end
    blend(d, fact, samples[i + 1], since, alpha)
  end
  deployment.put(d, "sampled_ms", now)
end

local learn = { streams = streams, plan = plan, from = from }
