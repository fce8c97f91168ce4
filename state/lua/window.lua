-- Windows of limits: rolling ones, never more than the limit in any W seconds and room back to the millisecond, and
-- periods of calendars.
-- Uses: sums, pending, recall, subjects, opening, ring, slots, clock
-- Defines: window
-- What is stored of them: sums.lua, slots.lua; what they are: opening.lua.
-- Those of an open subject (subjects.lua) stand in a column of its own, by the row's name, that is kept after an entry
-- for as long as its longest window. They are known from run to run as long as its card is; all others as long as
-- anything.

local changed_windows, windows_count, changed_slots, slots_count = {}, 0, {}, 0
local USED, SLOTS = pending.command("HSET", "used"), pending.command("HSET", "window")
local add_text, text_of = pending.add, sums.text
local MINUTE = { seconds = 60 } -- in which results are counted

local function begin()
  windows_count, slots_count = 0, 0
end

-- A window was changed, and one of its slots: the newest stands beside the sum, and leaves its place to a newer one.
local function changed(w, entry)
  if w.due_missing then -- outlook.lua's last answer
    w.due_missing = nil
  end
  if w.text ~= false then
    w.text, windows_count = false, windows_count + 1
    changed_windows[windows_count] = w
  end
  if entry and entry ~= w.entry then
    if w.entry and entry.slot > w.entry.slot then
      entry, w.entry = w.entry, entry
      slots.keep(w, entry)
    end
    if entry.last_ms and not entry.changed then
      entry.changed, slots_count = true, slots_count + 2
      changed_slots[slots_count - 1], changed_slots[slots_count] = w, entry
    end
  end
end

-- Time has gone on: it is `w.until_ms`, at which a window that was opened is another one. Throws GARBLED.
local function renew(w)
  if opening.renew(w) then
    changed(w)
  end
end

-- The window `id` of a row (its seconds or calendar), as it is now: {sum, oldest, newest ...}. `column`: of an open
-- subject; `field`: the row's name there. Throws GARBLED.
local function open(id, row, column, field)
  local named = column and subjects.card(column).named
  local w = (named or recall.kept.windows)[id]
  if w and (named or w.age == recall.age) then
    if clock.now >= w.until_ms then
      renew(w)
    end
    return w
  end
  local went_out
  if named then
    w, went_out = opening.of_column(column, field, row)
    named[id] = w
  else
    w, went_out = opening.of_used(id, row)
  end
  if went_out then
    changed(w)
  end
  return w
end

-- Need it not be read?
local function is_known(id)
  local w = recall.kept.windows[id]
  return w and w.age == recall.age
end

-- Does `amount` more fit under `limit`, besides what is held for others? Used + amount = limit fits.
local function fits(w, amount, limit)
  local most = limit - amount - w.hold
  if w.sum > most and ring.drop_oldest(w) then
    changed(w)
  end
  return w.sum <= most
end

-- Add an amount now. Its plan has shown that `w.entry` is known; in what is newer nothing stands.
local function add(w, amount)
  local entry = w.entry
  if entry.slot ~= w.newest then
    entry = slots.of(w, w.newest)
  end
  if w.column and (entry.amount == 0 or not entry.last_ms) then -- it is the first in its slot
    pending.keep(w.column, subjects.card(w.column).limits.keep_ms)
  end
  entry.amount = entry.amount + amount
  if not w.calendar then
    entry.last_ms = clock.now
  end
  w.sum = w.sum + amount
  if entry ~= w.entry or w.text ~= false or w.due_missing then
    changed(w, entry)
  end
end

-- Correct what was reserved in a slot by `delta`: debt or refund, if the slot is still kept.
local function adjust(w, slot, delta)
  if delta == 0 or slot < w.oldest or (w.calendar and slot ~= w.newest) then
    return
  end
  local entry = slots.of(w, slot)
  if not entry.last_ms then
    return
  end
  delta = math.max(delta, -entry.amount)
  entry.amount = entry.amount + delta
  w.sum = math.max(0, w.sum + delta)
  changed(w, entry)
end

-- Forget what was counted.
local function clear(w)
  if not w.calendar then
    slots.read({ w, w.newest })
    w.entry = slots.known(w, w.newest)
    w.entry.last_ms, w.entry.text = clock.now, false -- whatever stood there, garbage too
  end
  w.sum, w.oldest, w.entry.amount = 0, w.newest, 0
  changed(w, w.entry)
end

local function flush()
  for i = 1, windows_count do
    local w = changed_windows[i]
    local text, whole = text_of(w)
    w.text = whole and text or nil
    add_text(w.column and pending.command("HSET", w.column) or USED, w.field, text)
  end
  for i = 1, slots_count, 2 do
    local w, entry = changed_slots[i], changed_slots[i + 1]
    entry.changed = false
    local command = w.column and pending.command("HSET", w.column) or SLOTS
    add_text(command, slots.field(w.field, entry.slot, w.ring), sums.slot_text(entry))
  end
end

local window = {
  MINUTE = MINUTE,
  begin = begin,
  is_known = is_known,
  open = open,
  renew = renew,
  fits = fits,
  add = add,
  adjust = adjust,
  clear = clear,
  changed = changed,
  flush = flush,
}
