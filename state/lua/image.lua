-- What one run has read and will write: a column is read with one HMGET for all operations, and written once at the
-- end.
-- Uses: shared, column_names, recall, pending
-- Defines: keys, image
-- KEYS    the columns (column_names: those of keys.py), then one `waiting:<group>` for each group of the run, then
--         others that operations name by number
-- Nothing is written before `flush`: a run that fails has changed nothing.

local image, keys = {}, {} -- keys: column -> key
local all_keys
local lent = {} -- columns of this run alone
local columns -- column -> field -> text, or false where nothing is stored
local passing -- names of those columns that the next run begins without
local NOTHING = {}
-- Columns of which texts are known from run to run.
local KEPT = { settings = true, health = true, inflight = true, learned = true, tokens = true, spend_nano = true }
KEPT.used, KEPT.window, KEPT.limits, KEPT.context, KEPT.fit = true, true, true, true, true

function image.begin(given)
  if keys[column_names[1]] ~= given[1] then -- mostly it is the pool of the last run
    for i = 1, #column_names do
      keys[column_names[i]] = given[i]
    end
  end
  for i = #lent, 1, -1 do
    keys[lent[i]], lent[i] = nil, nil
  end
  pending.begin()
  all_keys, columns = given, NOTHING
end

-- What is known from the last run, if the pool's number of writes is the same.
function image.recall(writes, anew)
  recall.check(writes, anew)
  columns, passing = recall.known.columns, recall.known.passing
  for i = #passing, 1, -1 do
    columns[passing[i]], passing[i] = nil, nil
  end
  image.columns = columns
  image.proven(keys.clock)
end

-- The key of a group's waiting calls.
function image.waiting_key(group)
  for i = 1, #shared.groups do
    if shared.groups[i] == group then
      return all_keys[#column_names + i]
    end
  end
  error("UNKNOWN group", 0)
end

-- Another key, from 1.
function image.key(number)
  return all_keys[#column_names + #shared.groups + number] or error("UNKNOWN key", 0)
end

-- Key `number` is a column of this run.
function image.lend(number, name)
  keys[name] = image.key(number)
  lent[#lent + 1] = name
end

-- The texts of `fields` as a list, false where nothing is stored; what this run has set counts. One command. A key of
-- another type is an error.
function image.read(name, fields)
  local found = redis.pcall("HMGET", keys[name], unpack(fields))
  if found.err then
    error(found.err, 0)
  end
  image.proven(keys[name])
  local values = columns[name]
  if values then
    for i = 1, #fields do
      if values[fields[i]] ~= nil then
        found[i] = values[fields[i]]
      end
    end
  end
  return found
end

-- The texts of a column that are known: field -> text.
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

-- Read the fields of a column that are not known yet. Returns field -> text.
function image.load(name, fields)
  local values, missing = known(name), nil
  for i = 1, #fields do
    if values[fields[i]] == nil then
      missing = missing or {}
      missing[#missing + 1] = fields[i]
    end
  end
  if missing then
    local found = image.read(name, missing)
    for i = 1, #missing do
      values[missing[i]] = found[i]
    end
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
  if text then
    pending.set(name, keys[name], field, text)
  else
    pending.remove(name, keys[name], field)
  end
end

-- A read has shown that this key is of the right type.
function image.proven(key)
  local proven = recall.known.proven
  proven[key] = true
end
