-- What is stored of a window: its sum, and what stands beside it.
-- Uses: numbers, clock
-- Defines: sums
-- `used[id]` = "sum oldest amount last_ms": the running sum of a ring of slots (ring.lua), the number of its oldest
-- slot, and the newest that holds anything (slots.lua), so that most calls touch no other column. Without the latter,
-- as former releases wrote it: that one stands where the others do.
-- A calendar's: "sum start", the number of its period.

local int, match = numbers.int, string.match
local FORM = "^(%S+) (%S+) ?(%S*) ?(%S*)$"

-- What the text of a window says, false for none: its sum, its oldest slot, and the newest one, nil for nothing. Throws
-- GARBLED.
local function of(record)
  if not record then
    return nil
  end
  local sum, oldest, amount, last_ms = match(record, FORM)
  if amount == "" then
    return numbers.of(sum), numbers.of(oldest)
  end
  return numbers.of(sum), numbers.of(oldest), numbers.of(amount), numbers.of(last_ms)
end

local function time_text(at_ms)
  return at_ms == clock.now and clock.text or int(at_ms)
end

local function slot_text(entry)
  return int(entry.amount) .. " " .. time_text(entry.last_ms)
end

local number, number_text -- of the last slot that was written: windows of a length mostly begin with the same

-- What is stored of a window, and whether that is all of it but older slots.
local function text(w)
  local entry = w.entry
  if w.oldest ~= number then
    number, number_text = w.oldest, int(w.oldest)
  end
  if w.calendar or not (entry and entry.last_ms) then
    return int(w.sum) .. " " .. number_text, w.calendar
  end
  return int(w.sum) .. " " .. number_text .. " " .. int(entry.amount) .. " " .. time_text(entry.last_ms), true
end

local sums = { of = of, slot_text = slot_text, text = text }
