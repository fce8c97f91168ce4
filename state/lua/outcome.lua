-- How a call ended, as a settle tells it.
-- Uses: shared, memo, scopes
-- Defines: outcome
-- Op      "settle id epoch deployment kind policy retry_ms total_ms ttft_ms input output cost stream
--         [ context=tokens][ guess=tokens tools=0|1][ sketch=ms,ms][ throttled=group][ adaptive=1]
--         [ use=key,key]"
--         policy: number of the shared string "trip base_ms cap_ms alpha|-[ ratio=0.5][ least=5][ row=5][ slow=ms]
--         [ ramp=ms][ quorum=1]"; trip: now, never, ratio, count:<allowed>; ratio of the results of a minute, of which
--         `least` failed; row: so many failures in a row; slow: an answer that takes longer is a failure; ramp: slow
--         start; quorum: of several live workers two must say so. "-" for unknown
--         context: the deployment's window, as its error told; guess: the estimate of the input, before it was
--         corrected; throttled: its group, where throttle.lua counts it; adaptive: aimd.lua; use: columns of the
--         subjects that the call named

local match, tonumber = string.match, tonumber
local FORM = "^settle (%S+) (%S+) (%S+) (%S+) (%d+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%d)(.*)$"

local policy_of = memo(256, function(text)
  local trip, base, cap, alpha, rest = match(text, "^(%S+) (%S+) (%S+) (%S+)(.*)$")
  local options = { ratio = 0.5, least = 5 }
  for name, value in string.gmatch(rest, " (%l+)=(%S+)") do
    options[name] = tonumber(value)
  end
  return {
    trip = trip,
    allowed = tonumber(match(trip, "^count:(%d+)$")),
    base = tonumber(base),
    cap = tonumber(cap),
    alpha = tonumber(alpha),
    ratio = options.ratio,
    least = options.least,
    row = options.row,
    slow = options.slow,
    ramp = options.ramp,
    quorum = options.quorum == 1,
  }
end)

-- What the result says of the deployment's health: how long an answer takes to begin or, where it comes as a whole, to
-- come, may be too long.
local function verdict_of(kind, policy, total, ttft)
  return kind == "ok" and policy.slow and (ttft or total or 0) > policy.slow and "slow" or kind
end

-- Put beside what the call used what it teaches: latency_ms, ms_per_token, ttft_ms; `at_least`: or more than that.
-- Returns that table, nil where it teaches nothing, as most failures.
local function sample(used, kind, total, ttft, streams, given_up)
  if not total then
    return nil
  elseif kind == "ok" then
    local output = used.output
    used.latency_ms, used.ttft_ms = total, ttft
    used.ms_per_token = output and output > 0 and (total - (ttft or 0)) / output or nil
  elseif kind == "timeout" then
    -- A call that was given up is at least this slow; how many tokens it would have made nobody knows.
    used.latency_ms, used.ms_per_token, used.ttft_ms = total, total, total
  elseif given_up then
    used.latency_ms, used.ttft_ms, used.at_least = total, streams and (ttft or total) or nil, true
  else
    return nil
  end
  return used
end

-- What few ends have.
local function parse_rest(e, rest)
  if string.find(rest, " use=", 1, true) then
    e.subjects = scopes.lend_in(rest)
  end
  if string.find(rest, " throttled=", 1, true) then
    e.throttled = match(rest, " throttled=(%S+)")
  end
  if string.find(rest, " adaptive=1", 1, true) then
    e.adaptive = true
  end
end

local function parse(op)
  local id, of_epoch, target, kind, policy, retry, total, ttft, input, output, cost, stream, rest = match(op, FORM)
  if not id then
    error("MALFORMED settle", 0)
  end
  policy = policy_of(shared.text(policy))
  input, output, cost = tonumber(input), tonumber(output), tonumber(cost)
  total, ttft = tonumber(total), stream == "1" and tonumber(ttft) or nil
  local given_up = kind == "cancelled" and string.find(rest, " sketch=", 1, true)
  local used = { -- one table, with room for what it teaches
    tokens = input and output and input + output,
    input = input,
    output = output,
    cost = cost,
    latency_ms = nil,
    ms_per_token = nil,
    ttft_ms = nil,
  }
  local e = { -- 9 fields and, later, its position and what ends.lua finds: with 17 it is twice as large
    id = id,
    epoch = of_epoch,
    deployment = target,
    kind = kind,
    policy = policy,
    verdict = kind,
    used = used,
    samples = sample(used, kind, total, ttft, stream == "1", given_up),
    rest = rest,
  }
  if retry ~= "-" then
    e.retry_ms = tonumber(retry)
  end
  if policy.slow then
    e.verdict = verdict_of(kind, policy, total, ttft)
  end
  if kind == "rate_limit" and input == 0 then
    used.requests = 0 -- a 429 that says that no token was used says that nothing was counted
  end
  if rest ~= "" then
    parse_rest(e, rest)
  end
  return e
end

local outcome = { parse = parse }
