-- The slots of rolling windows: "amount last_ms" each, in the ring of its window.
-- Uses: numbers, image
-- Defines: slots
-- A window w (window.lua) has w.entry, the newest that holds anything: {slot (its number), amount, last_ms (false:
-- empty), changed, text (as read, until it is looked at)}. After it there is nothing to read. Those before that were
-- read are in w.slots, by number, nil where there are none; they stand in the column w.column or `window`, under
-- w.field:slot mod w.ring.

local floor, match = math.floor, string.match
local PAIR = "^(%S+) (%S+)$"
local NONE = {}

-- Where a slot stands, in a ring of so many.
local function field_of(name, slot, ring)
  return name .. ":" .. numbers.int(slot % ring)
end

local function new(slot)
  return { slot = slot, amount = 0, last_ms = false, changed = false } -- four fields: with more it is twice as large
end

-- The slot if it has been read, nil where not.
local function known(w, slot)
  local entry, others = w.entry, w.slots
  if entry and entry.slot == slot then
    return entry
  end
  return others and others[slot]
end

-- It has been read.
local function keep(w, entry)
  w.slots = w.slots or {}
  w.slots[entry.slot] = entry
end

-- Read the slots {w, slot, w, slot, ...} of several windows, one command a column.
local function read(list)
  local fields, entries, others
  for i = 1, #list, 2 do
    local w, slot = list[i], list[i + 1]
    local entry = not known(w, slot) and new(slot)
    if entry then
      keep(w, entry)
    end
    if entry and not (w.entry and slot > w.entry.slot) then
      local field = field_of(w.field, slot, w.ring)
      if not w.column then
        fields, entries = fields or {}, entries or {}
        fields[#fields + 1], entries[#entries + 1] = field, entry
      else
        others = others or {}
        local other = others[w.column] or { {}, {} }
        others[w.column] = other
        other[1][#other[1] + 1], other[2][#other[2] + 1] = field, entry
      end
    end
  end
  local found = fields and image.fetch("window", fields)
  for i = 1, fields and #fields or 0 do
    if found[i] then
      entries[i].text = found[i]
    end
  end
  for column, other in pairs(others or NONE) do
    found = image.load(column, other[1])
    for i, field in ipairs(other[1]) do
      other[2][i].text = found[field]
    end
  end
end

-- A slot as {amount, last_ms}; amount 0 where nothing stands, or the entry of another round of the ring. Throws
-- GARBLED.
local function of(w, slot)
  local entry = known(w, slot)
  if not entry then
    read({ w, slot })
    entry = known(w, slot)
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

-- Part of a plan: the slots {w, slot, ...} that will be added to or corrected are readable. Throws GARBLED.
local function prepare(list)
  read(list)
  for i = 1, #list, 2 do
    local w, slot = list[i], list[i + 1]
    local entry = of(w, slot)
    if slot == w.newest and not w.entry then
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

local slots = {
  field = field_of,
  new = new,
  known = known,
  keep = keep,
  read = read,
  of = of,
  prepare = prepare,
  read_range = read_range,
}
