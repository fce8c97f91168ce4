-- What a call reserved against what it used: debt and refund, each in the window of its reservation.
-- Uses: numbers, image, keys, rows, ring, window, scopes
-- Defines: corrections
-- A list of them is flat: {id, row, delta, place, id, ...}; `plan` puts windows for the ids and slots for the rows.
-- Place: false, or {column, field, slot} of an open subject or a calendar.

local match, find = string.match, string.find

-- Whose row a name is, and which row. Nil for one whose column this run was not lent: what it reserved stays.
local function of_name(lease, name)
  local subject, row = match(name, "^([^|]+)|(.+)$")
  if not subject then
    return lease.deployment, name, nil
  elseif scopes.is_closed(subject) then
    return subject, row, nil
  end
  return keys[subject] and subject, row, subject
end

-- One more; mostly it is the only one.
local function append(list, id, row, delta, place)
  if not list then
    return { id, row, delta, place }
  end
  for _, value in ipairs({ id, row, delta, place }) do
    list[#list + 1] = value
  end
  return list
end

-- A lease of rows that are all the deployment's own, none of them a calendar's.
local function of_own(lease, used)
  local list
  for name, amount in string.gmatch(lease.rest, "(%S+)=(%S+)") do
    local row = rows.named(name)
    local really = row and used[row.resource]
    local delta = really and really - numbers.of(amount) or 0
    if delta ~= 0 then
      list = append(list, lease.deployment .. "/" .. name, row, delta, false)
    end
  end
  return list
end

local function of_all(lease, used)
  local list
  for name, amount, start in string.gmatch(lease.rest, "(%S+)=([^%s:]+):?(%S*)") do
    local whose, row_name, column = of_name(lease, name)
    local row = whose and rows.named(row_name)
    local really = row and row.seconds and used[row.resource]
    local delta = really and really - numbers.of(amount) or 0
    if delta ~= 0 then
      local slot = start ~= "" and numbers.of(start) or nil
      local place = (column or slot) and { column = column, field = column and row_name, slot = slot }
      list = append(list, whose .. "/" .. row_name, row, delta, place or false)
    end
  end
  return list
end

-- What must change in the windows when `used` {requests, tokens, input, output, cost} was really used, nil for nothing;
-- nil there keeps what was reserved. Throws GARBLED.
local function of(lease, used)
  if lease.counted or find(lease.rest, ":", 1, true) then
    return of_all(lease, used)
  end
  return of_own(lease, used)
end

-- Open their windows, and add to `found` the slots {w, slot, ...} to prepare. Throws GARBLED.
local function plan(lease, list, found)
  for i = 1, #list, 4 do
    local place = list[i + 3]
    local w = window.open(list[i], list[i + 1], place and place.column, place and place.field)
    local slot = place and place.slot or ring.slot_at(w, lease.at_ms)
    list[i], list[i + 1] = w, slot
    if not w.calendar and not (w.entry and w.entry.slot == slot) then
      found[#found + 1] = w
      found[#found + 1] = slot
    end
  end
end

-- Charge what was really used. Only after `plan`.
local function commit(list)
  for i = 1, #list, 4 do
    window.adjust(list[i], list[i + 1], list[i + 2])
  end
end

-- Load the sums that stand in columns of their own, and hand the windows of the common one to add(id). Garbage is left
-- to `plan`.
local function load(list, add)
  for i = 1, #list, 4 do
    local place = list[i + 3]
    if place and place.column then
      pcall(image.load, place.column, { place.field })
    else
      add(list[i])
    end
  end
end

local corrections = { of = of, load = load, plan = plan, commit = commit }
