-- Rolling windows: never more than the limit in any W seconds, room back to the millisecond.
-- Uses: numbers, image, now, now_text
-- Defines: window
-- A window of W seconds is a ring of n + 1 slots with a running sum: `used[id]` = "sum oldest" (number of the oldest
-- slot in the sum), `window[id:slot mod (n + 1)]` = "amount last_ms". A slot that is partly out still counts in full,
-- so the sum is never too low; before a refusal the oldest slot is dropped as soon as its last entry is out, so it is
-- not too high for long either. With n slots instead of n + 1, two rates would fit at a boundary (167 % measured).

local window = {}
local opened = {}
local touched = {}

local function size(seconds)
  return seconds < 3600 and 60 or 240
end

local function field(w, slot)
  return w.id .. ":" .. numbers.int(slot % (w.n + 1))
end

-- Load the slots first..last (at most a ring of them) in one command.
local function load_slots(w, first, last)
  local fields = {}
  for slot = first, math.min(last, first + w.n) do
    if w.slots[slot] == nil then
      fields[#fields + 1] = field(w, slot)
    end
  end
  image.load("window", fields)
end

-- A slot {amount, last_ms}; false where the ring holds another round's entry. Throws GARBLED.
local function slot_of(w, slot)
  local entry = w.slots[slot]
  if entry ~= nil then
    return entry
  end
  entry = false
  local record = image.get("window", field(w, slot))
  if record then
    local amount, last_ms = string.match(record, "^(%S+) (%S+)$")
    amount, last_ms = numbers.of(amount), numbers.of(last_ms)
    if math.floor(last_ms / w.width) == slot then
      entry = { amount = amount, last_ms = last_ms }
    end
  end
  w.slots[slot] = entry
  return entry
end

local function touch(w, slot)
  if not w.touched then
    w.touched = {}
    touched[#touched + 1] = w
  end
  if slot then
    w.touched[slot] = true
  end
end

-- Drop the slots that are out as a whole. What was computed is written, also on a refusal.
local function roll(w)
  local keep = w.newest - w.n
  if w.oldest >= keep then
    return
  end
  if keep - w.oldest > w.n then
    w.sum = 0
  else
    load_slots(w, w.oldest, keep - 1)
    for slot = w.oldest, keep - 1 do
      local entry = slot_of(w, slot)
      w.sum = math.max(0, w.sum - (entry and entry.amount or 0))
    end
  end
  w.oldest = keep
  touch(w)
end

-- The window `id` of `seconds`, rolled up to now: {sum, oldest, newest ...}. Throws GARBLED.
function window.open(id, seconds)
  local w = opened[id]
  if w then
    return w
  end
  local n = size(seconds)
  local width = seconds * 1000 / n
  local newest = math.floor(now / width)
  w = { id = id, span = seconds * 1000, n = n, width = width, newest = newest, oldest = newest, sum = 0, slots = {} }
  local record = image.get("used", id)
  if record then
    local sum, oldest = string.match(record, "^(%S+) (%S+)$")
    w.sum, w.oldest = numbers.of(sum), numbers.of(oldest)
    roll(w)
  end
  opened[id] = w
  return w
end

-- Number of the slot of a time.
function window.slot(w, at_ms)
  return math.floor(at_ms / w.width)
end

-- Read the slots {w, slot, w, slot, ...} of several windows in one command.
function window.load(list)
  local fields = {}
  for i = 1, #list, 2 do
    if list[i].slots[list[i + 1]] == nil then
      fields[#fields + 1] = field(list[i], list[i + 1])
    end
  end
  if #fields > 0 then
    image.load("window", fields)
  end
end

-- What `add` or `adjust` will touch is readable. Throws GARBLED: part of every plan, so that no commit fails.
function window.check(w, slot)
  slot_of(w, slot or w.newest)
end

-- Does `amount` more fit under `limit`? Used + amount = limit fits.
function window.fits(w, amount, limit)
  if w.sum + amount <= limit then
    return true
  end
  local first = w.oldest
  while w.oldest < w.newest do
    if (w.oldest - first) % 4 == 0 then
      load_slots(w, w.oldest, math.min(w.oldest + 3, w.newest))
    end
    local entry = slot_of(w, w.oldest)
    if entry and entry.last_ms + w.span > now then
      break
    end
    w.sum = math.max(0, w.sum - (entry and entry.amount or 0))
    w.oldest = w.oldest + 1
  end
  if w.oldest > first then
    touch(w)
  end
  return w.sum + amount <= limit
end

-- Add an amount now.
function window.add(w, amount)
  local entry = slot_of(w, w.newest)
  if not entry then
    entry = { amount = 0 }
    w.slots[w.newest] = entry
  end
  entry.amount, entry.last_ms = entry.amount + amount, now
  w.sum = w.sum + amount
  touch(w, w.newest)
end

-- Correct what was reserved at `at_ms` by `delta`: debt or refund, in the slot of the reservation, if it is still kept.
function window.adjust(w, at_ms, delta)
  local slot = window.slot(w, at_ms)
  local entry = slot >= w.oldest and slot_of(w, slot)
  if not entry or delta == 0 then
    return
  end
  delta = math.max(delta, -entry.amount)
  entry.amount = entry.amount + delta
  w.sum = math.max(0, w.sum + delta)
  touch(w, slot)
end

-- The releases to come, oldest first: calls visit(at_ms, amount) until it returns true.
function window.releases(w, visit)
  for slot = w.oldest, w.newest do
    if (slot - w.oldest) % 8 == 0 then
      load_slots(w, slot, math.min(slot + 7, w.newest))
    end
    local entry = slot_of(w, slot)
    if entry and entry.amount > 0 and visit(entry.last_ms + w.span, entry.amount) then
      return
    end
  end
end

-- Pool time at which `amount` fits under `limit`; nil where it never does.
function window.due(w, amount, limit)
  local missing, due = w.sum + amount - limit, now
  if missing > 0 then
    window.releases(w, function(at_ms, released)
      missing, due = missing - released, at_ms
      return missing <= 0
    end)
  end
  return missing <= 0 and due or nil
end

-- Forget what was counted.
function window.clear(w)
  w.sum, w.oldest = 0, w.newest
  w.slots[w.newest] = { amount = 0, last_ms = now }
  touch(w, w.newest)
end

-- Remove every trace of a window.
function window.erase(id, seconds)
  image.set("used", id, false)
  for slot = 0, size(seconds) do
    image.set("window", id .. ":" .. numbers.int(slot), false)
  end
end

function window.flush()
  for _, w in ipairs(touched) do
    image.set("used", w.id, numbers.int(w.sum) .. " " .. numbers.int(w.oldest))
    for slot in pairs(w.touched) do
      local entry = w.slots[slot]
      local last = entry.last_ms == now and now_text or numbers.int(entry.last_ms)
      image.set("window", field(w, slot), numbers.int(entry.amount) .. " " .. last)
    end
  end
end
