-- How a call ended, as a settle tells it.
-- Uses: shared, memo, scopes
-- Defines: outcome
-- Op      "settle id epoch deployment kind policy retry_ms total_ms ttft_ms input output cost stream
--         [ context=tokens][ guess=tokens tools=0|1][ throttled=group][ use=key:subject ...]"; "-" for unknown
--         policy: number of the shared string "trip base_ms cap_ms alpha|-"; trip: now, never, ratio, count:<allowed>
--         context: the deployment's window, as its error told; guess: the estimate of the input, before it was
--         corrected; throttled: its group, where throttle.lua counts it; use: columns of the subjects that the call
--         named

local FORM = "^settle (%S+) (%S+) (%S+) (%S+) (%d+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%d)(.*)$"

local policy_of = memo(256, function(text)
  local trip, base, cap, alpha = string.match(text, "^(%S+) (%S+) (%S+) (%S+)$")
  return {
    trip = trip,
    allowed = tonumber(string.match(trip, "^count:(%d+)$")),
    base = tonumber(base),
    cap = tonumber(cap),
    alpha = tonumber(alpha),
  }
end)

-- What the call teaches: {latency_ms, ms_per_token, ttft_ms}; nil for most failures.
local function samples_of(kind, total, ttft, output)
  if total and kind == "ok" then
    local per_token = output and output > 0 and (total - (ttft or 0)) / output or nil
    return { latency_ms = total, ms_per_token = per_token, ttft_ms = ttft }
  elseif total and kind == "timeout" then
    -- A call that was given up is at least this slow; how many tokens it would have made nobody knows.
    return { latency_ms = total, ms_per_token = total, ttft_ms = total }
  end
  return nil
end

local function parse(op)
  local id, of_epoch, target, kind, policy, retry, total, ttft, input, output, cost, stream, rest =
    string.match(op, FORM)
  if not id then
    error("MALFORMED settle", 0)
  end
  input, output, cost = tonumber(input), tonumber(output), tonumber(cost)
  total, ttft = tonumber(total), stream == "1" and tonumber(ttft) or nil
  local e = {
    id = id,
    epoch = of_epoch,
    deployment = target,
    kind = kind,
    policy = policy_of(shared.text(policy)),
    retry_ms = tonumber(retry) or 0,
    used = { tokens = input and output and input + output, input = input, output = output, cost = cost },
    tokens = input and output and input + output or 0,
    cost = cost or 0,
    samples = samples_of(kind, total, ttft, output),
    rest = rest,
    lease = nil,
    corrections = nil,
    counted = nil,
    judged = nil,
    throttled = nil,
  }
  if kind == "rate_limit" and input == 0 then
    e.used.requests = 0 -- a 429 that says that no token was used says that nothing was counted
  end
  if rest ~= "" then
    e.subjects = scopes.lend(rest)
    e.throttled = string.match(rest, " throttled=(%S+)")
  end
  return e
end

local outcome = { parse = parse }
