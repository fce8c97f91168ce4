-- Rolling windows: never more than the limit in any W seconds, room back to the millisecond.
-- Uses: numbers, image, clock
-- Defines: window
-- A window of W seconds is a ring of n + 1 slots with a running sum: `used[id]` = "sum oldest" (number of the oldest
-- slot in the sum), `window[id:slot mod (n + 1 + n / 4)]` = "amount last_ms" (the further quarter has left the sum and
-- can be looked up). A slot that is partly out still counts in full, so the sum is never too low; before a refusal the
-- oldest slot is dropped as soon as its last entry is out, so it is not too high for long either. With n slots instead
-- of n + 1, two rates would fit at a boundary (167 % measured).

local opened, changed_windows, changed_slots
local floor, match = math.floor, string.match
local PAIR = "^(%S+) (%S+)$"

local function begin()
  opened, changed_windows, changed_slots = {}, {}, {}
end

-- Read the slots {w, slot, w, slot, ...} of several windows in one command.
local function read(list)
  local fields, entries = {}, {}
  for i = 1, #list, 2 do
    local w, slot = list[i], list[i + 1]
    if not w.slots[slot] then
      local field = w.id .. ":" .. numbers.int(slot % w.ring)
      local entry = { amount = 0, last_ms = false, field = field, text = false, changed = false }
      w.slots[slot] = entry
      fields[#fields + 1], entries[#entries + 1] = field, entry
    end
  end
  if #fields > 0 then
    local found = image.read("window", fields)
    for i = 1, #fields do
      entries[i].text = found[i]
    end
  end
end

-- A slot as {amount, last_ms}; amount 0 where nothing stands, or the entry of another round of the ring. Throws
-- GARBLED.
local function slot_of(w, slot)
  local entry = w.slots[slot]
  if not entry then
    read({ w, slot })
    entry = w.slots[slot]
  end
  if entry.text then
    local amount, last_ms = match(entry.text, PAIR)
    amount, last_ms = numbers.of(amount), numbers.of(last_ms)
    if floor(last_ms / w.width) == slot then
      entry.amount, entry.last_ms = amount, last_ms
    end
    entry.text = false
  end
  return entry
end

-- Part of a plan: the slots {w, slot, ...} that `add` or `adjust` will touch are readable. Throws GARBLED.
local function prepare(list)
  read(list)
  for i = 1, #list, 2 do
    local w, slot = list[i], list[i + 1]
    local entry = slot_of(w, slot)
    if slot == w.newest then
      w.entry = entry
    end
  end
end

-- Read the slots first..last, at most a ring of them.
local function read_range(w, first, last)
  local list = {}
  for slot = first, math.min(last, first + w.n) do
    list[#list + 1] = w
    list[#list + 1] = slot
  end
  read(list)
end

-- A window was changed, and one of its slots.
local function changed(w, entry)
  if not w.changed then
    w.changed = true
    changed_windows[#changed_windows + 1] = w
  end
  if entry and not entry.changed then
    entry.changed = true
    changed_slots[#changed_slots + 1] = entry
  end
end

-- Drop the slots that are out as a whole. What was computed is written, also on a refusal.
local function roll(w)
  local keep = w.newest - w.n
  if keep - w.oldest > w.n then
    w.sum = 0
  else
    read_range(w, w.oldest, keep - 1)
    for slot = w.oldest, keep - 1 do
      w.sum = math.max(0, w.sum - slot_of(w, slot).amount)
    end
  end
  w.oldest = keep
  changed(w)
end

-- How many slots a window has, less the one that is partly out.
local function size(seconds)
  return seconds < 3600 and 60 or 240
end

-- How many slots are kept after they have left the sum: what was counted a moment ago can be looked up (observe.lua).
local function spare(seconds)
  return size(seconds) / 4
end

-- The window `id` of `seconds`, rolled up to now: {sum, oldest, newest ...}. Throws GARBLED.
local function open(id, seconds)
  local w = opened[id]
  if w then
    return w
  end
  local n = size(seconds)
  local width = seconds * 1000 / n
  local newest = floor(clock.now / width)
  local record, sum, oldest = image.get("used", id), 0, newest
  if record then
    sum, oldest = match(record, PAIR)
    sum, oldest = numbers.of(sum), numbers.of(oldest)
  end
  w = {
    id = id,
    span = seconds * 1000,
    n = n,
    spare = spare(seconds),
    ring = n + 1 + spare(seconds),
    width = width,
    newest = newest,
    oldest = oldest,
    sum = sum,
    slots = {},
    hold = 0,
    entry = nil, -- of the newest slot
    changed = false,
  }
  if oldest < newest - n then
    roll(w)
  end
  opened[id] = w
  return w
end

-- Number of the slot of a time.
local function slot_at(w, at_ms)
  return floor(at_ms / w.width)
end

-- Drop the oldest slots as far as their last entry is out: only before a refusal.
local function drop_oldest(w)
  local first = w.oldest
  while w.oldest < w.newest do
    if not w.slots[w.oldest] then
      read_range(w, w.oldest, math.min(w.oldest + 3, w.newest))
    end
    local entry = slot_of(w, w.oldest)
    if entry.last_ms and entry.last_ms + w.span > clock.now then
      break
    end
    w.sum = math.max(0, w.sum - entry.amount)
    w.oldest = w.oldest + 1
  end
  if w.oldest > first then
    changed(w)
  end
end

-- Does `amount` more fit under `limit`, besides what is held for others? Used + amount = limit fits.
local function fits(w, amount, limit)
  local most = limit - amount - w.hold
  if w.sum > most then
    drop_oldest(w)
  end
  return w.sum <= most
end

-- Add an amount now. Its plan has prepared the newest slot.
local function add(w, amount)
  local entry = w.entry
  entry.amount, entry.last_ms = entry.amount + amount, clock.now
  w.sum = w.sum + amount
  changed(w, entry)
end

-- Correct what was reserved at `at_ms` by `delta`: debt or refund, in the slot of the reservation, if it is still kept.
local function adjust(w, at_ms, delta)
  local slot = slot_at(w, at_ms)
  local entry = slot >= w.oldest and delta ~= 0 and slot_of(w, slot)
  if not entry or not entry.last_ms then
    return
  end
  delta = math.max(delta, -entry.amount)
  entry.amount = entry.amount + delta
  w.sum = math.max(0, w.sum + delta)
  changed(w, entry)
end

-- Forget what was counted.
local function clear(w)
  read({ w, w.newest })
  w.sum, w.oldest = 0, w.newest
  local entry = w.slots[w.newest]
  entry.amount, entry.last_ms, entry.text = 0, clock.now, false -- whatever stood there, garbage too
  changed(w, entry)
end

local function flush()
  for i = 1, #changed_windows do
    local w = changed_windows[i]
    image.set("used", w.id, numbers.int(w.sum) .. " " .. numbers.int(w.oldest))
  end
  for i = 1, #changed_slots do
    local entry = changed_slots[i]
    image.set("window", entry.field, numbers.int(entry.amount) .. " " .. numbers.int(entry.last_ms))
  end
end

local window = {
  begin = begin,
  size = size,
  spare = spare,
  open = open,
  read = read,
  read_range = read_range,
  prepare = prepare,
  slot_of = slot_of,
  slot_at = slot_at,
  fits = fits,
  add = add,
  adjust = adjust,
  changed = changed,
  clear = clear,
  flush = flush,
}
