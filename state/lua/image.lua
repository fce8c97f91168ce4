-- What one run has read and will write: a column is read with one HMGET for all operations, and written once at the
-- end.
-- Uses: shared, column_names
-- Defines: keys, image
-- KEYS    the columns (column_names: those of keys.py), then one `waiting:<group>` for each group of the run, then
-- others
--         that operations name by number
-- Nothing is written before `flush`: a run that fails has changed nothing.

local image, keys = {}, {} -- keys: column -> key
local all_keys, waiting_keys
local lent = {} -- columns of this run alone
local columns -- column -> field -> text, or false where nothing is stored
local pending -- what flush.lua writes

function image.begin(given)
  if keys[column_names[1]] ~= given[1] then -- mostly it is the pool of the last run
    for i = 1, #column_names do
      keys[column_names[i]] = given[i]
    end
  end
  for i = 1, #lent do
    keys[lent[i]] = nil
  end
  all_keys, waiting_keys, lent, columns = given, {}, {}, {}
  for i = 1, #shared.groups do
    waiting_keys[shared.groups[i]] = given[#column_names + i]
  end
  pending = {
    sets = {}, -- column -> {field, text, ...}
    removed = {}, -- column -> {field, ...}
    added_members = {}, -- key of a sorted set -> {score, member, ...}
    removed_members = {}, -- key of a sorted set -> {member, ...}
    commands = {},
    kept = nil, -- column -> ms that its key is to live from now on
    proven = {}, -- keys whose type a read has shown
  }
  image.columns, image.pending = columns, pending
end

-- The key of a group's waiting calls.
function image.waiting_key(group)
  return waiting_keys[group] or error("UNKNOWN group", 0)
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
  pending.proven[keys[name]] = true
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

-- Read the fields of a column that this run has not read yet. Returns field -> text.
function image.load(name, fields)
  local values = columns[name]
  local missing = fields
  if not values then
    values = {}
    columns[name] = values
  else
    missing = {}
    for i = 1, #fields do
      if values[fields[i]] == nil then
        missing[#missing + 1] = fields[i]
      end
    end
  end
  if #missing > 0 then
    local found = image.read(name, missing)
    for i = 1, #missing do
      values[missing[i]] = found[i]
    end
  end
  return values
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

local function append(lists, name, value, another)
  local list = lists[name]
  if list then
    local n = #list
    list[n + 1], list[n + 2] = value, another
  else
    lists[name] = { value, another }
  end
end

-- Set the text of a field, or remove it with false.
function image.set(name, field, text)
  local values = columns[name]
  if not values then
    values = {}
    columns[name] = values
  end
  values[field] = text
  if text then
    append(pending.sets, name, field, text)
  else
    append(pending.removed, name, field)
  end
end

-- Members of a sorted set. What a run removes goes before what it adds.
function image.add_member(key, score, member)
  append(pending.added_members, key, score, member)
end

function image.remove_member(key, member)
  append(pending.removed_members, key, member)
end

-- Any other command, done last in the order given.
function image.write(...)
  local commands = pending.commands
  commands[#commands + 1] = { ... }
end

-- A read has shown that this key is of the right type.
function image.proven(key)
  pending.proven[key] = true
end

-- A column of this run alone (an open subject's) goes away when nothing was added for so long.
function image.keep(name, ms)
  local kept = pending.kept or {}
  kept[name] = math.max(kept[name] or 0, ms)
  pending.kept = kept
end
