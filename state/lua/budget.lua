-- The fleet's budget of extra upstream calls (retries, hedges): a share of a group's requests, and some a second
-- besides.
-- Uses: halves
-- Defines: budget
-- `attempts[group]` = "start_ms requests retries hedges requests_before retries_before hedges_before" (halves.lua)
-- Finagle's RetryBudget for a fleet: over the last 5 to 10 s, extra <= ratio * requests + per_second * seconds.
-- A request's first upstream call writes nothing: its worker tells of several together, with a later acquire, and of
-- all that it has not told with an extra one. So what is not told yet only makes the budget smaller.

local WIDTH_MS = 5000
local REQUESTS, PLACES = 1, { retry = 2, hedge = 3 }

-- What an acquire says of it: " firsts=8", " extra=retry,0.2,10" (kind, ratio, per second).
local function parse(request, rest)
  request.firsts = tonumber(string.match(rest, " firsts=(%d+)") or nil)
  local kind, ratio, per_second = string.match(rest, " extra=(%l+),([%d.]+),([%d.]+)")
  if kind then
    if not PLACES[kind] then
      error("MALFORMED acquire", 0)
    end
    request.extra = { kind = kind, ratio = tonumber(ratio), per_second = tonumber(per_second) }
  end
end

local function counters(group)
  local ok, h = pcall(halves.open, group, WIDTH_MS, 3)
  return ok and h or nil
end

-- Count the requests that a worker tells of; then "denied retry" if the call is one extra that the budget has no room
-- for, else nil.
local function denies(request)
  local extra, firsts = request.extra, request.firsts
  local h = (extra or firsts) and counters(request.group)
  if not h then
    return nil
  end
  if firsts then
    halves.add(h, REQUESTS, firsts)
  end
  if extra then
    local most = extra.ratio * halves.sum(h, REQUESTS) + extra.per_second * h.seconds
    return halves.sum(h, PLACES[extra.kind]) + 1 > most and "denied " .. extra.kind or nil
  end
  return nil
end

-- It was granted.
local function spend(request)
  local h = request.extra and counters(request.group)
  if h then
    halves.add(h, PLACES[request.extra.kind], 1)
  end
end

local budget = { parse = parse, denies = denies, spend = spend }
