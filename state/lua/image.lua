-- What one run has read and will write: a column is read with one HMGET for all operations, and written once at the
-- end.
-- Uses: keys, recall, pending
-- Defines: image
-- Nothing is written before `flush`: a run that fails has changed nothing.

-- `spoils`: this run changes what stands on cards (roster.lua, subjects.lua), where nobody puts it.
local image = { columns = nil, spoils = false }
local ON_CARDS = { settings = true, health = true, limits = true }
local columns -- column -> field -> text, or false where nothing is stored
local passing -- names of those columns that the next run begins without
-- Columns of which texts are known from run to run.
local KEPT = { settings = true, health = true, inflight = true, learned = true, used = true, window = true }
KEPT.limits, KEPT.context, KEPT.fit = true, true, true

-- A read has shown that the key of this name is of the right type.
function image.proven(name)
  local proven = recall.known.proven
  proven[name] = true
end

-- The texts of `fields` as they are stored, as a list, false where there is nothing. One command. A key of another type
-- is an error.
function image.fetch(name, fields)
  local found = redis.pcall("HMGET", keys[name], unpack(fields))
  if found.err then
    error(found.err, 0)
  end
  image.proven(name)
  return found
end

-- What is known from the last run, if the pool's number of writes is the same; `now`: of the server's clock.
function image.recall(writes, now)
  recall.check(writes, now)
  columns, passing = recall.known.columns, recall.known.passing
  for i = #passing, 1, -1 do
    columns[passing[i]], passing[i] = nil, nil
  end
  image.columns, image.spoils = columns, false
  pending.trust(recall.known.proven)
  image.proven("lease")
end

-- As `fetch`, but what this run has set counts.
function image.read(name, fields)
  local found, values = image.fetch(name, fields), columns[name]
  for i = 1, values and #fields or 0 do
    if values[fields[i]] ~= nil then
      found[i] = values[fields[i]]
    end
  end
  return found
end

-- The texts of a column that are known.
local function known(name)
  local values = columns[name]
  if not values then
    values = {}
    columns[name] = values
    if not KEPT[name] then
      passing[#passing + 1] = name
    end
  end
  return values
end

-- The texts of these fields were read.
function image.learn(name, fields, texts)
  local values = known(name)
  for i = 1, #fields do
    values[fields[i]] = texts[i]
  end
end

-- Those of some fields that have no text yet.
local function unknown_of(values, fields)
  local list = {}
  for i = 1, #fields do
    if values[fields[i]] == nil then
      list[#list + 1] = fields[i]
    end
  end
  return list
end

-- Read the fields of a column that are not known yet. Returns field -> text.
function image.load(name, fields)
  local values, missing = known(name), fields
  for i = 1, #fields do
    if values[fields[i]] ~= nil then
      missing = unknown_of(values, fields)
      break
    end
  end
  local found = #missing > 0 and image.fetch(name, missing)
  for i = 1, #missing do
    values[missing[i]] = found[i]
  end
  return values
end

-- All fields of a column as they are stored, in order.
function image.fields(name)
  local found = {}
  for _, field in ipairs(redis.call("HKEYS", keys[name])) do
    if field ~= "~" then
      found[#found + 1] = field
    end
  end
  table.sort(found)
  return found
end

-- The text of one field, or false. Load many at once where you can.
function image.get(name, field)
  local values = columns[name]
  local text = values and values[field]
  if text == nil then
    text = image.load(name, { field })[field]
  end
  return text
end

-- Set the text of a field, or remove it with false.
function image.set(name, field, text)
  local values = columns[name] or known(name)
  values[field] = text
  if ON_CARDS[name] then
    image.spoils = true
  end
  if text then
    pending.set(name, field, text)
  else
    pending.unset(name, field)
  end
end
