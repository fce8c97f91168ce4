-- Learning how many calls a deployment takes at once: additive increase, multiplicative decrease (TCP, and Netflix's
-- concurrency limits). Not by latency, which follows from how long answers are.
-- Uses: image, adaptive, settings, clock
-- Defines: aimd
-- A 429 or a timeout lowers the limit to `keep` of it (0.9); of calls that ran at the same time only the first does, or
-- one burst would take all of it. A success while at least half of it is in use raises it: by one, until it was lowered
-- for the first time (slow start), then by one for as many calls as it is.

local LOSS = { rate_limit = true, timeout = true }

-- What the limit becomes, and when it was lowered; nil where it stays.
local function next_limit(e, d, bounds, limit, lowered_ms)
  if LOSS[e.kind] then
    if e.lease.at_ms > lowered_ms then
      return math.max(bounds.least, limit * bounds.keep), clock.now
    end
  elseif e.kind == "ok" and d.inflight * 2 >= limit and limit < bounds.most then
    return math.min(bounds.most, limit + (lowered_ms == 0 and 1 or 1 / limit)), lowered_ms
  end
  return nil
end

-- Part of a plan, before the call is released: {limit, lowered_ms, text (settings, if they change)}, nil for nothing.
local function plan(e, d)
  local bounds = e.adaptive and adaptive.bounds(string.match(image.get("settings", d.id) or "", " adaptive=(%S+)"))
  if not bounds then
    return nil
  end
  local before, lowered_ms = adaptive.read(d.id, bounds)
  local limit, lowered = next_limit(e, d, bounds, before, lowered_ms)
  if not limit then
    return nil
  end
  local change = { limit = limit, lowered_ms = lowered, text = nil }
  if math.floor(limit) ~= math.floor(before) then
    local ok, text = pcall(settings.with_concurrency, d.id, limit) -- what is garbled there is no call's business
    change.text = ok and text or nil
  end
  return change
end

local function commit(change, id)
  adaptive.write(id, change.limit, change.lowered_ms)
  if change.text then
    settings.put(id, change.text)
  end
end

local aimd = { plan = plan, commit = commit }
