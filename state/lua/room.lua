-- Is there room for a request at a deployment, in every limit at once?
-- Uses: numbers, image, window, deployment, now
-- Defines: room
-- A request has input_tokens and output_tokens (estimates). Resources: requests, tokens, input, output, concurrent.
-- `hold` is room kept for waiting calls within this run: seen by every check, never stored.

local room = {}

-- What a request takes of a limit; nil if it can never fit there. An output that does not fit takes all of the limit.
local function need(limit, request)
  local resource = limit.resource
  if resource == "requests" or resource == "concurrent" then
    return 1
  elseif resource == "output" then
    return math.min(request.output_tokens, limit.amount)
  elseif request.input_tokens > limit.amount then
    return nil
  elseif resource == "input" then
    return request.input_tokens
  end
  return math.min(request.input_tokens + request.output_tokens, limit.amount)
end

local function window_of(limit)
  local w = limit.window
  if not w then
    w = window.open(limit.id, limit.seconds)
    limit.window = w
  end
  return w
end

-- Load what `check` and `take` read, for all deployments of `list`, in two commands. A garbled one is left to `check`.
function room.load(list)
  local ids, limits = {}, {}
  for _, d in ipairs(list) do
    local ok, of = pcall(deployment.limits, d)
    for _, limit in ipairs(ok and of or {}) do
      if limit.seconds and not limit.window then
        ids[#ids + 1] = limit.id
        limits[#limits + 1] = limit
      end
    end
  end
  if #ids == 0 then
    return
  end
  image.load("used", ids)
  local slots = {}
  for _, limit in ipairs(limits) do
    local ok, w = pcall(window_of, limit)
    if ok then
      slots[#slots + 1] = w
      slots[#slots + 1] = w.newest
    end
  end
  window.load(slots)
end

-- nil if there is room, else the reason: "too_large" or the name of the limit that is full. Throws GARBLED.
function room.check(d, request)
  for _, limit in ipairs(deployment.limits(d)) do
    local amount = need(limit, request)
    if not amount then
      return "too_large"
    elseif limit.seconds then
      local w = window_of(limit)
      window.check(w)
      if not window.fits(w, amount + (w.hold or 0), limit.amount) then
        return limit.name
      end
    elseif d.inflight + (d.hold or 0) + amount > limit.amount then
      return limit.name
    end
  end
  return nil
end

-- Reserve in every limit; returns " name=amount ..." for the lease. Only after `check`.
function room.take(d, request)
  local reserved = ""
  for _, limit in ipairs(d.limits) do
    if limit.seconds then
      local amount = need(limit, request)
      window.add(limit.window, amount)
      reserved = reserved .. " " .. limit.name .. "=" .. numbers.int(amount)
    end
  end
  return reserved
end

-- Keep room for a waiting call until the end of this run. Only after `check`.
function room.hold(d, request)
  d.hold = (d.hold or 0) + 1
  for _, limit in ipairs(d.limits) do
    if limit.seconds then
      limit.window.hold = (limit.window.hold or 0) + need(limit, request)
    end
  end
end

-- Share of the tightest limit in use, 0..1 and above under debt; 0 without limits. Throws GARBLED.
function room.used_share(d)
  local share = 0
  for _, limit in ipairs(deployment.limits(d)) do
    local used = limit.seconds and window_of(limit).sum or d.inflight
    share = math.max(share, used / math.max(limit.amount, 1e-9))
  end
  return share
end

-- Pool time from which the request fits, health aside; nil if nobody can know (a slot in flight) or it never does.
function room.due(d, request)
  local due = now
  for _, limit in ipairs(deployment.limits(d)) do
    local amount = need(limit, request)
    if not amount or (not limit.seconds and d.inflight + amount > limit.amount) then
      return nil
    elseif limit.seconds then
      local at_ms = window.due(window_of(limit), amount, limit.amount)
      if not at_ms then
        return nil
      end
      due = math.max(due, at_ms)
    end
  end
  return due
end

-- The window limit that is free last for this request, what the request needs of it, and when; nil where none binds,
-- false where nobody can know.
local function binding(d, request)
  local bound, amount, latest
  for _, limit in ipairs(deployment.limits(d)) do
    local wants = need(limit, request)
    if not wants or (not limit.seconds and d.inflight + wants > limit.amount) then
      return false
    elseif limit.seconds and wants > 0 then
      local at_ms = window.due(window_of(limit), wants, limit.amount)
      if not at_ms then
        return false
      elseif not latest or at_ms > latest then
        bound, amount, latest = limit, wants, at_ms
      end
    end
  end
  return bound, amount
end

-- How many requests like this one fit from when on, up to `wanted`: adds {at_ms, units} to `releases`. An estimate for
-- callers that wait behind others, judged by the limit that binds.
function room.releases(d, request, wanted, releases)
  local limit, amount = binding(d, request)
  if limit == false then
    return
  elseif not limit then
    releases[#releases + 1] = { now, wanted }
    return
  end
  local free, given = limit.amount - limit.window.sum, 0
  local function give(at_ms)
    local units = math.floor(free / amount)
    if units > given then
      releases[#releases + 1] = { at_ms, units - given }
      given = units
    end
    return given >= wanted
  end
  if not give(now) then
    window.releases(limit.window, function(at_ms, released)
      free = free + released
      return give(at_ms)
    end)
  end
end
