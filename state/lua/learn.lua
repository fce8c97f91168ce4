-- What a call taught about a deployment: latency, time to first token, milliseconds per output token.
-- Uses: numbers, image, deployment, now, now_text
-- Defines: learn
-- Peak EWMA (Finagle): a slower sample counts at once, faster ones with weight 1 - exp(-dt / 10 s). With alpha (from
-- max_latency_list_size n: 2 / (n + 1)) every sample has that weight.

local learn = {}
local TAU_MS = 10000
local FACTS = { "latency_ms", "ttft_ms", "ms_per_token", "sampled_ms" }

-- Read the facts of many deployments, one command a column.
function learn.load(ids)
  for i = 1, #FACTS do
    image.load(FACTS[i], ids)
  end
end

-- Part of the plan of a settle: the facts are readable. Throws GARBLED.
function learn.check(d, streams)
  if streams then
    numbers.of(image.get("sampled_ms", d.id .. "/ttft"), nil)
  end
  for i = 1, #FACTS do
    deployment.number(d, FACTS[i])
  end
end

local function blend(d, fact, sample, elapsed, alpha)
  local before = d[fact]
  if before and (alpha or sample < before) then
    sample = before + (sample - before) * (alpha or 1 - math.exp(-elapsed / TAU_MS))
  end
  deployment.put(d, fact, sample)
end

-- A sample of each fact, nil where there is none. Only after `check`.
function learn.sample(d, latency_ms, ttft_ms, ms_per_token, alpha)
  local elapsed = math.max(0, now - (d.sampled_ms or now))
  blend(d, "latency_ms", latency_ms, elapsed, alpha)
  if ttft_ms then
    -- Streams may be rare among the calls: what they taught ages by their own samples.
    local streamed = d.id .. "/ttft"
    local before = numbers.of(image.get("sampled_ms", streamed), now)
    blend(d, "ttft_ms", ttft_ms, math.max(0, now - before), alpha)
    image.set("sampled_ms", streamed, now_text)
  end
  if ms_per_token then
    blend(d, "ms_per_token", ms_per_token, elapsed, alpha)
  end
  deployment.put(d, "sampled_ms", now)
end
