-- The fleet's budgets of extra upstream calls (retries, hedges): a share of a group's requests, and some a second
-- besides.
-- Uses: halves
-- Defines: budget
-- `attempts[group]`       = "start_ms requests retries requests_before retries_before" (halves.lua)
-- `attempts[group|hedge]` = the same of hedges, where calls of the group may be hedged
-- Finagle's RetryBudget for a fleet: over the last 5 to 10 s, extra <= ratio * requests + per_second * seconds. Hedges
-- are few, and slow calls come in swarms: their budget is that of the last one to two minutes.
-- A request's first upstream call writes nothing: its worker tells of several together, with an acquire within seconds,
-- and of all that it has not told with an extra one. So what is not told yet only makes the budget smaller.

local KINDS = { retry = { suffix = "", width_ms = 5000 }, hedge = { suffix = "|hedge", width_ms = 60000 } }
local REQUESTS, EXTRA = 1, 2

-- What an acquire says of an extra call, "retry,0.2,10": kind, ratio, per second. (Of others it says " firsts=8", and
-- " hedged=1" where they count for that budget too.)
local function extra(text)
  local kind, ratio, per_second = string.match(text, "^(%l+),([%d.]+),([%d.]+)$")
  if not KINDS[kind] then
    error("MALFORMED acquire", 0)
  end
  return { kind = kind, ratio = tonumber(ratio), per_second = tonumber(per_second) }
end

local function counters(group, kind)
  local ok, h = pcall(halves.open, group .. KINDS[kind].suffix, KINDS[kind].width_ms, 2)
  return ok and h or nil
end

local function add(group, kind, i, amount)
  local h = counters(group, kind)
  if h then
    halves.add(h, i, amount)
  end
end

-- Count the requests that a worker tells of; then "denied retry" if the call is one extra that the budget has no room
-- for, else nil.
local function denies(request)
  local asked, firsts = request.extra, request.firsts
  if firsts then
    add(request.group, "retry", REQUESTS, firsts)
    if request.hedged then
      add(request.group, "hedge", REQUESTS, firsts)
    end
  end
  local h = asked and counters(request.group, asked.kind)
  if not h then
    return nil
  end
  local most = asked.ratio * halves.sum(h, REQUESTS) + asked.per_second * h.seconds
  return halves.sum(h, EXTRA) + 1 > most and "denied " .. asked.kind or nil
end

-- An extra call was granted.
local function spend(request)
  add(request.group, request.extra.kind, EXTRA, 1)
end

local budget = { extra = extra, denies = denies, spend = spend }
