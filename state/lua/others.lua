-- What others use of a limit beside us, in our window.
-- Uses: window, ring, slots, quotas, clock
-- Defines: others
-- Our room is never more than what is left there. What is missing besides ours is used by others: amount - remaining -
-- ours, where ours is what that answer had counted. That is at most what the window holds and what left it since the
-- reservation, and at least what the window holds less what came since; so what others use is only corrected as far as
-- it is out of these bounds, and what we use ourselves never counts twice. It stands in the window like ours, in parts
-- that leave it one after the other: nobody knows when the others came.

local SLACK_MS = 1000 -- on the way from the reservation to the provider
local PARTS = 6
local LONGEST_MS = 300000 -- nothing is believed longer

-- What we have in the slots first..last.
local function ours_in(w, row, first, last)
  local sum = 0
  for slot = first, last do
    sum = sum + slots.of(w, slot).amount
  end
  return math.max(0, sum - quotas.foreign_in(row, first, last))
end

-- What others use at least and at most; nil where the call took so long that nobody can say. `missing`: how much
-- of our amount is not left there; `is_empty`: a 429 says that it is all.
local function bounds(w, row, e, missing, is_empty)
  local since = ring.slot_at(w, math.min(e.at_ms, clock.now) - SLACK_MS)
  if w.newest - since >= w.ring - w.n then
    return nil
  end
  local first, out = math.max(since, w.oldest), math.min(w.oldest - 1, w.newest - w.n)
  slots.read_range(w, since - w.n, out)
  slots.read_range(w, first, w.newest)
  local ours = w.sum - quotas.foreign(row, w)
  local gone = ours_in(w, row, since - w.n, out)
  local came = ours_in(w, row, first, w.newest)
  local least, most = missing - ours - gone, missing - ours + came
  if is_empty then -- what came since was not counted yet, or it would hide what others use
    local after = math.max(ring.slot_at(w, math.min(e.at_ms, clock.now)) + 1, w.oldest)
    least = math.max(least, missing - ours + ours_in(w, row, after, w.newest))
  end
  return least, most
end

-- Where what others use is put: {at_ms, amount} of each part.
local function spread(w, amount)
  local parts, lasts = {}, math.min(w.span, LONGEST_MS)
  for i = 1, PARTS do
    local share = math.ceil(amount * i / PARTS) - math.ceil(amount * (i - 1) / PARTS)
    if share > 0 then
      parts[#parts + 1] = { at_ms = math.floor(clock.now - w.span + lasts * i / PARTS), amount = share }
    end
  end
  return parts
end

-- Part of a plan: `put` can touch this slot, of which the window has the place. Throws GARBLED.
local function plan_put(w, slot)
  slots.read_range(w, slot, w.oldest - 1)
  for s = slot, math.max(slot, w.oldest - 1) do
    slots.of(w, s)
  end
end

-- Count an amount as of a time in the window, also in a slot that has left the sum: what else has left it stays out.
local function put(w, at_ms, amount)
  local slot = ring.slot_at(w, at_ms)
  for s = slot, w.oldest - 1 do
    local passed = slots.of(w, s)
    if passed.amount > 0 then
      passed.amount = 0
      window.changed(w, passed)
    end
  end
  w.oldest = math.min(w.oldest, slot)
  local entry = slots.of(w, slot)
  entry.amount, entry.last_ms = entry.amount + amount, math.max(entry.last_ms or 0, at_ms)
  w.sum = w.sum + amount
  window.changed(w, entry)
end

-- Part of a plan: `take` can touch this slot. Throws GARBLED.
local function plan_take(w, slot)
  if slot >= w.oldest then
    slots.of(w, slot)
  end
end

-- Take back what was put into a slot, if it is still kept.
local function take(w, slot, amount)
  if slot >= w.oldest then
    local entry = slots.of(w, slot)
    amount = math.min(amount, entry.amount)
    entry.amount, w.sum = entry.amount - amount, math.max(0, w.sum - amount)
    window.changed(w, entry)
  end
end

-- What must change in a window: {w, row, parts}, nil if nothing. Throws GARBLED.
local function plan(id, row, e, quota, amount, limit)
  local w = window.open(id .. "/" .. quota.name, limit)
  local before = quotas.foreign(row, w)
  local least, most = bounds(w, row, e, amount - quota.remaining, e.refused and quota.remaining * 10 <= quota.limit)
  if not least then
    return nil
  end
  local others = math.max(0, math.min(amount, math.max(before, least), most))
  if others == before then
    return nil
  end
  local parts = spread(w, others)
  for _, part in ipairs(row.parts) do
    plan_take(w, part.slot)
  end
  for _, part in ipairs(parts) do
    plan_put(w, ring.slot_at(w, part.at_ms))
  end
  return { w = w, row = row, parts = parts }
end

-- Take the old parts out and put the new ones in. Only after `plan`.
local function commit(change)
  local w, row = change.w, change.row
  for _, part in ipairs(row.parts) do
    take(w, part.slot, part.amount)
  end
  row.parts, row.at_ms = {}, clock.now
  for i, part in ipairs(change.parts) do
    row.parts[i] = { slot = ring.slot_at(w, part.at_ms), amount = part.amount }
    put(w, part.at_ms, part.amount)
  end
end

local others = { plan = plan, commit = commit }
