-- When there will be room: for refusals, for waiting calls, and how full a deployment is.
-- Uses: later, slots, deployment, holders, needs, clock
-- Defines: outlook

local NOBODY = {} -- a request that names nobody
local held = {} -- holders and windows with room that is kept

-- What the last run kept is free.
local function let_go()
  for i = #held, 1, -1 do
    held[i].hold, held[i] = 0, nil
  end
end

-- The releases of a window to come, oldest first: calls visit(at_ms, amount) until it returns true. Throws GARBLED.
local function releases_of(w, visit)
  for slot = w.oldest, w.newest do
    if not slots.known(w, slot) then
      slots.read_range(w, slot, math.min(slot + 7, w.newest))
    end
    local entry = slots.of(w, slot)
    if entry.amount > 0 and visit(entry.last_ms + w.span, entry.amount) then
      return
    end
  end
end

-- Pool time at which `amount`, for which there is no room now, fits under `limit`; nil where it never does. All
-- candidates ask the same of a limit that they share, so the last answer is kept with the window.
local function due_in(w, amount, limit)
  local missing, due = w.sum + amount - limit, nil
  if w.due_missing == missing then
    return w.due_ms
  end
  w.due_missing, w.due_ms = missing, nil
  releases_of(w, function(at_ms, released)
    missing, due = missing - released, at_ms
    return missing <= 0
  end)
  w.due_ms = missing <= 0 and due or nil
  return w.due_ms
end

-- As `due`, of one holder of limits.
local function due_of(h, request, settings)
  local now, limits = clock.now, holders.limits(h)
  local latest, wanted = now, needs(limits, request, settings)
  for i = 1, wanted and #limits or 0 do
    local limit = limits[i]
    local seconds, amount = not limit.shadow and limit.seconds, limit.amount
    if seconds then
      local w = h.windows[i]
      if not w or now >= w.until_ms then
        w = holders.window(h, i)
      end
      if w.sum + wanted[i] > amount then
        local at_ms = due_in(w, wanted[i], amount)
        if not at_ms then
          return nil
        end
        latest = at_ms > latest and at_ms or latest
      end
    elseif seconds == nil and h.inflight + 1 > amount then
      return nil
    end
  end
  return wanted and latest or nil
end

-- Pool time from which the request fits, health aside; nil if nobody can know it (a slot in flight) or it never fits.
-- Throws GARBLED.
local function due(d, request)
  if not clock.scopes then
    return due_of(d, request, d.settings)
  end
  local latest = clock.now
  for _, h in ipairs(holders.of(d, request)) do
    local at_ms = due_of(h, request, d.settings)
    if not at_ms then
      return nil
    end
    latest = math.max(latest, at_ms)
  end
  return latest
end

-- What a request takes of a resource, whatever the limit.
local function wants(request, resource)
  if resource == "requests" then
    return 1
  elseif resource == "tokens" then
    return request.input_tokens + request.output_tokens
  end
  return resource == "input" and request.input_tokens or request.output_tokens
end

local function add_releases(d, resource, list)
  local limited = false
  for i, limit in ipairs(deployment.limits(d)) do
    if limit.resource == resource and limit.seconds and not limit.shadow then
      local w = holders.window(d, i)
      limited = true
      list[#list + 1] = { clock.now, limit.amount - w.sum }
      releases_of(w, function(at_ms, amount)
        list[#list + 1] = { at_ms, amount }
        return false
      end)
    end
  end
  return limited
end

-- The room of a resource over all deployments, now and as it comes back: list of {at_ms, amount} by time; endless where
-- one of them has no limit for it.
local function releases(members, resource)
  local list = {}
  for _, d in ipairs(members) do
    local ok, limited = pcall(add_releases, d, resource, list)
    if ok and not limited then
      return { { clock.now, math.huge } }
    end
  end
  table.sort(list, function(a, b)
    return a[1] < b[1]
  end)
  return list
end

-- Keep room for a waiting call until the end of this run. Only after an `admit` that found room.
local function hold(d, request)
  if not held[1] then
    later.before_next(let_go)
  end
  for _, h in ipairs(holders.of(d, request)) do
    local limits = holders.limits(h)
    local wanted = needs(limits, request, d.settings)
    h.hold = (h.hold or 0) + 1
    held[#held + 1] = h
    for i = 1, #limits do
      if limits[i].seconds then
        local w = h.windows[i]
        w.hold = w.hold + wanted[i]
        held[#held + 1] = w
      end
    end
  end
end

-- The larger of `share` and that of the tightest limit of a holder. Throws GARBLED.
local function share_of(h, share)
  local limits = holders.limits(h)
  for i = 1, #limits do
    local limit = limits[i]
    if not limit.shadow then
      local used = limit.seconds and holders.window(h, i).sum or h.inflight
      local own = used / (limit.amount > 1e-9 and limit.amount or 1e-9)
      share = own > share and own or share
    end
  end
  return share
end

-- Share of the tightest limit in use, its own or of whom it belongs to, 0..1 and above under debt; 0 without limits.
-- Throws GARBLED.
local function used_share(d)
  local share = share_of(d, 0)
  local others = clock.scopes and holders.of(d, NOBODY) or NOBODY
  for i = 2, #others do
    share = share_of(others[i], share)
  end
  return share
end

local outlook = {
  RESOURCES = { "requests", "tokens", "input", "output" },
  due = due,
  due_in = due_in,
  wants = wants,
  releases = releases,
  hold = hold,
  used_share = used_share,
}
