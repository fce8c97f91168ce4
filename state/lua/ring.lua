-- Rolling windows: a ring of slots with a running sum.
-- Uses: slots, clock
-- Defines: ring
-- A window of W seconds has n + 1 slots, and a further quarter that has left the sum and can be looked up. A slot that
-- is partly out still counts in full, so the sum is never too low; before a refusal the oldest slot is dropped as soon
-- as its last entry is out, so it is not too high for long either. With n slots instead of n + 1, two rates would fit
-- at a boundary (167 % measured).

local floor = math.floor
local ROUNDING_MS = 1 -- so much sooner than a slot ends it is asked again which one it is

-- How many slots a window has, less the one that is partly out.
local function size(seconds)
  return seconds < 3600 and 60 or 240
end

-- How many slots are kept after they have left the sum: what was counted a moment ago can be looked up (observe.lua).
local function spare(seconds)
  return size(seconds) / 4
end

-- Which slot it is now, and until when at least.
local function place(w)
  w.newest = floor(clock.now / w.width)
  w.until_ms = (w.newest + 1) * w.width - ROUNDING_MS
end

-- Drop the slots that are out as a whole; true where there are some. Throws GARBLED, and has changed nothing then.
local function roll(w)
  local keep = w.newest - w.n
  if w.oldest >= keep then
    return false
  end
  local sum = 0
  if keep - w.oldest <= w.n then
    sum = w.sum
    slots.read_range(w, w.oldest, keep - 1)
    for slot = w.oldest, keep - 1 do
      sum = math.max(0, sum - slots.of(w, slot).amount)
    end
  end
  w.sum, w.oldest = sum, keep
  return true
end

-- Time has gone on; true where slots went out. Throws GARBLED.
local function renew(w)
  local before = w.newest
  place(w)
  if w.newest ~= before then
    w.slots = nil
  end
  return roll(w)
end

-- Make `w` a ring, with what is stored of it: its sum and its oldest slot, and the newest that holds anything, nil for
-- nothing. Then as `renew`.
local function open(w, seconds, sum, oldest, amount, last_ms)
  local n = size(seconds)
  w.span, w.n, w.ring, w.width = seconds * 1000, n, n + 1 + spare(seconds), seconds * 1000 / n
  w.sum, w.slots = sum or 0, nil
  place(w)
  w.oldest = oldest or w.newest
  if last_ms then
    w.entry = slots.new(math.min(floor(last_ms / w.width), w.newest))
    w.entry.amount, w.entry.last_ms = amount, last_ms
  elseif not sum then
    w.entry = slots.new(w.newest)
  end
  return roll(w)
end

-- Drop the oldest slots as far as their last entry is out; true where there are some. Throws GARBLED.
local function drop_oldest(w)
  local first = w.oldest
  while w.oldest < w.newest do
    if not slots.known(w, w.oldest) then
      slots.read_range(w, w.oldest, math.min(w.oldest + 3, w.newest))
    end
    local entry = slots.of(w, w.oldest)
    if entry.last_ms and entry.last_ms + w.span > clock.now then
      break
    end
    w.sum = math.max(0, w.sum - entry.amount)
    w.oldest = w.oldest + 1
  end
  return w.oldest > first
end

-- Number of the slot of a time.
local function slot_at(w, at_ms)
  return floor(at_ms / w.width)
end

local ring = {
  size = size,
  spare = spare,
  open = open,
  renew = renew,
  drop_oldest = drop_oldest,
  slot_at = slot_at,
}
