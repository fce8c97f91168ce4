-- What a window is, from what is stored of it.
-- Uses: sums, image, recall, ring, calendar, clock
-- Defines: opening
-- A calendar's window has one slot, its period, numbered by its start. Each function returns, last, whether slots went
-- out of a ring: that is to be written.

local function new(field, column)
  return { -- up to 16 fields: with one more it would be twice as large
    field = field,
    column = column or false,
    calendar = false, -- the row, where it is one of a calendar
    until_ms = nil,
    span = nil,
    n = nil,
    ring = nil,
    width = nil,
    newest = nil,
    oldest = nil,
    sum = nil,
    slots = nil,
    hold = 0,
    entry = nil, -- the newest slot that holds anything, nil where it is not known
    text = nil, -- what is stored, where that says all of it; false where this run has changed it
    age = nil, -- of what it was read with (recall.lua)
  }
end

local function open_period(w, row, sum, latest)
  w.calendar = row
  local start, finish = calendar.period(row.calendar, latest or 0)
  w.span, w.sum, w.newest, w.oldest = 0, start == latest and sum or 0, start, start
  w.entry = { slot = start, amount = w.sum, last_ms = finish or clock.now + row.seconds * 1000 }
  w.slots, w.until_ms = nil, clock.now + 1 -- periods are asked for each time
end

-- Time has gone on. Throws GARBLED.
local function renew(w)
  if not w.calendar then
    return ring.renew(w)
  end
  open_period(w, w.calendar, w.sum, w.newest)
  return false
end

-- Make it what is stored, `text`, false for nothing. Throws GARBLED.
local function fill(w, row, text)
  w.text, w.entry = nil, nil
  local sum, oldest, amount, last_ms = sums.of(text)
  local went_out = false
  if row.calendar then
    open_period(w, row, sum, oldest)
  else
    went_out = ring.open(w, row.seconds, sum, oldest, amount, last_ms)
  end
  w.text = (last_ms or row.calendar) and text or nil
  return went_out
end

-- The window of an open subject. Throws GARBLED.
local function of_column(column, field, row)
  local w = new(field, column)
  return w, fill(w, row, image.get(column, field))
end

-- Any other. Mostly it is as the last run left it that knew it; but of its slots only the newest stands in the text.
-- Throws GARBLED.
local function of_used(id, row)
  local w, text = recall.kept.windows[id], image.get("used", id)
  if not w then
    w = new(id)
    recall.put("windows", id, w)
  end
  if w.due_missing then -- outlook.lua's last answer
    w.due_missing = nil
  end
  local went_out
  if w.text and w.text == text then
    w.slots = nil
    went_out = renew(w)
  else
    went_out = fill(w, row, text)
  end
  w.age = recall.age
  return w, went_out
end

local opening = { renew = renew, of_column = of_column, of_used = of_used }
