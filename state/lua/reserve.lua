-- Reserving what a request takes, in every limit that it meets.
-- Uses: numbers, image, pending, window, room, holders, needs, subjects, clock
-- Defines: reserve
-- `used[id:exceeded]` = how many calls a row that is only counted would have refused

local int = numbers.int
local LEAST_KEPT_MS = 3600000 -- where nothing else of an open subject's column is kept

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

-- `text` and what only this lease says: "label=amount ..." of the rows that differ from call to call, and behind a
-- calendar's amount ":start" of its period. `prefix`: of the labels.
local function with_varying(text, h, limits, amounts, prefix)
  local varying = limits.varying
  for j = 1, #varying do
    local row, w = limits[varying[j]], h.windows[varying[j]]
    text = text .. prefix .. row.name .. "=" .. int(amounts[varying[j]])
    if row.calendar then
      text = text .. ":" .. numbers.int(w.newest)
    end
  end
  return text
end

-- What any lease says of a subject.
local function said_of(s, limits)
  local text, prefix = "", " " .. s.id .. "|"
  for row in string.gmatch(limits.said, "%S+") do
    text = text .. prefix .. row
  end
  return limits.concurrent and text .. prefix .. "concurrent=1" or text
end

-- Reserve in the rows of subjects.
local function of_subjects(list, d, request)
  local reserved = ""
  for i = 1, #list do
    local s = list[i]
    local limits, said = s.limits, s.said
    local amounts = add(s, limits, d, request)
    s.lives = true
    if limits.concurrent then
      subjects.count(s, 1)
    end
    if not said then
      said = said_of(s, limits)
      s.said = said
    end
    reserved = reserved .. said
    if not limits.fixed then
      reserved = with_varying(reserved, s, limits, amounts, " " .. s.id .. "|")
    end
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
  local limits = d.settings.limits
  local amounts = add(d, limits, d, request)
  local own = limits.fixed and limits.said or with_varying(limits.said, d, limits, amounts, " ")
  if not clock.scopes then
    return own
  end
  local closed = of_subjects(subjects.of_deployment(d), d, request)
  return own .. closed .. of_subjects(subjects.of_request(request), d, request)
end

local reserve = { take = take }
