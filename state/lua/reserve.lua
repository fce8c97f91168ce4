-- Reserving what a request takes, in every limit that it meets.
-- Uses: numbers, image, pending, window, room, holders, needs, subjects, clock
-- Defines: reserve
-- `used[id:exceeded]` = how many calls a row that is only counted would have refused

local LEAST_KEPT_MS = 3600000 -- where nothing else of an open subject's column is kept

-- Add to every row of a holder; returns " name=amount ...".
local function add(h, limits, request, d)
  local reserved, prefix = "", h.limits and " " .. h.id .. "|" or " "
  local wanted = needs(limits, request, d.settings)
  for i = 1, #limits do
    local limit = limits[i]
    if limit.seconds then
      local w = h.windows[i]
      window.add(w, wanted[i])
      reserved = reserved .. prefix .. limit.name .. "=" .. numbers.int(wanted[i])
      if limit.calendar then
        reserved = reserved .. ":" .. numbers.int(w.newest)
      end
    end
  end
  if h.limits and limits.concurrent then
    subjects.count(h, 1)
    reserved = reserved .. prefix .. "concurrent=1"
  end
  return reserved
end

local function count_exceeded(exceeded)
  for i = 1, #exceeded, 2 do
    local h = exceeded[i]
    local column, field = holders.exceeded(h, exceeded[i + 1])
    image.set(column, field, numbers.int((numbers.read(image.get(column, field) or "0") or 0) + 1))
    if h.column then
      pending.keep(column, math.max(h.limits.keep_ms, LEAST_KEPT_MS))
    end
  end
end

-- Reserve in every limit; returns " name=amount ..." for the lease, "subject|name=amount" for others than the
-- deployment, and behind a calendar's amount ":start" of its period. Only after room.admit.
local function take(d, request)
  local exceeded = room.exceeded()
  if exceeded then
    pcall(count_exceeded, exceeded)
  end
  if not clock.scopes then
    return add(d, d.settings.limits, request, d)
  end
  local reserved = ""
  for _, h in ipairs(holders.of(d, request)) do
    reserved = reserved .. add(h, holders.limits(h), request, d)
  end
  return reserved
end

local reserve = { take = take }
