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

room.RESOURCES = { "requests", "tokens", "input", "output" }

-- What a request takes of a resource, whatever the limit.
function room.wants(request, resource)
  if resource == "requests" then
    return 1
  elseif resource == "tokens" then
    return request.input_tokens + request.output_tokens
  end
  return resource == "input" and request.input_tokens or request.output_tokens
end

local function add_releases(d, resource, releases)
  local limited = false
  for _, limit in ipairs(deployment.limits(d)) do
    if limit.resource == resource and limit.seconds then
      local w = window_of(limit)
      limited = true
      releases[#releases + 1] = { now, limit.amount - w.sum }
      window.releases(w, function(at_ms, amount)
        releases[#releases + 1] = { at_ms, amount }
        return false
      end)
    end
  end
  return limited
end

-- The room of a resource over all deployments, now and as it comes back: list of {at_ms, amount} by time; endless where
-- one of them has no limit for it.
function room.releases(list, resource)
  local releases = {}
  for _, d in ipairs(list) do
    local ok, limited = pcall(add_releases, d, resource, releases)
    if ok and not limited then
      return { { now, math.huge } }
    end
  end
  table.sort(releases, function(a, b)
    return a[1] < b[1]
  end)
  return releases
end
