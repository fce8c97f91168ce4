-- Reserving what a request takes, in every limit that it meets.
-- Uses: numbers, image, pending, window, room, holders, needs, subjects, clock
-- Defines: reserve
-- `used[id:exceeded]` = how many calls a row that is only counted would have refused

local LEAST_KEPT_MS = 3600000 -- where nothing else of an open subject's column is kept

-- " name=amount ..." of the rows that have windows, a prefix before each name.
local function text_of(limits, amounts, windows, prefix)
  local text = ""
  for i = 1, #limits do
    local limit = limits[i]
    if limit.seconds then
      text = text .. prefix .. limit.name .. "=" .. numbers.int(amounts[i])
      if limit.calendar then
        text = text .. ":" .. numbers.int(windows[i].newest)
      end
    end
  end
  return text
end

-- Add to the windows of a holder; its rows of calls in flight have none. Returns what was added.
local function add(h, limits, d, request)
  local amounts, windows = limits.fixed or needs(limits, request, d.settings), h.windows
  for i = 1, #limits do
    local w = windows[i]
    if w then
      window.add(w, amounts[i])
    end
  end
  return amounts
end

-- Reserve in the deployment's own rows.
local function of_deployment(d, request)
  local limits = d.settings.limits
  local amounts = add(d, limits, d, request)
  if limits.reserved then
    return limits.reserved
  end
  local text = text_of(limits, amounts, d.windows, " ")
  limits.reserved = limits.fixed and not limits.dated and text or nil -- the same for all calls
  return text
end

-- Reserve in the rows of subjects.
local function of_subjects(list, d, request)
  local reserved = ""
  for i = 1, #list do
    local s = list[i]
    local limits = s.limits
    local amounts = add(s, limits, d, request)
    s.lives = true
    if limits.concurrent then
      subjects.count(s, 1)
    end
    local text = s.reserved
    if not text then
      local prefix = " " .. s.id .. "|"
      text = text_of(limits, amounts, s.windows, prefix) .. (limits.concurrent and prefix .. "concurrent=1" or "")
      s.reserved = limits.fixed and not limits.dated and text or nil
    end
    reserved = reserved .. text
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
  local own = of_deployment(d, request)
  if not clock.scopes then
    return own
  end
  local closed = of_subjects(subjects.of_deployment(d), d, request)
  return own .. closed .. of_subjects(subjects.of_request(request), d, request)
end

local reserve = { take = take }
