-- What one run has read and will write: a column is read with one HMGET for all operations, and written once at the
-- end.
-- Uses: shared
-- Defines: keys, image
-- KEYS    the columns in the order below (keys.py), then one `waiting:<group>` for each group of the run, then others
--         that operations name by number
-- Nothing is written before `image.flush`: a run that fails has changed nothing.

local NAMES = {
  "clock",
  "settings",
  "health",
  "inflight",
  "learned",
  "tokens",
  "spend_nano",
  "used",
  "window",
  "lease",
  "leases",
  "held",
  "expired",
  "workers",
  "config",
  "events",
  "declared",
  "overrides",
  "listing",
  "lists",
  "retired",
  "shadow",
  "observed",
}

local image, keys = {}, {} -- keys: column -> key
local all_keys
local waiting_keys
local columns -- column -> field -> text, or false where nothing is stored
local sets -- column -> {field, text, ...}
local removed -- column -> {field, ...}
local added_members -- key of a sorted set -> {score, member, ...}
local removed_members -- key of a sorted set -> {member, ...}
local commands
local proven -- keys whose type a read has shown

function image.begin(given)
  if keys[NAMES[1]] ~= given[1] then -- mostly it is the pool of the last run
    for i = 1, #NAMES do
      keys[NAMES[i]] = given[i]
    end
  end
  all_keys, waiting_keys = given, {}
  for i = 1, #shared.groups do
    waiting_keys[shared.groups[i]] = given[#NAMES + i]
  end
  columns, sets, removed, added_members, removed_members, commands, proven = {}, {}, {}, {}, {}, {}, {}
end

-- The key of a group's waiting calls.
function image.waiting_key(group)
  return waiting_keys[group] or error("UNKNOWN group", 0)
end

-- Another key, from 1.
function image.key(number)
  return all_keys[#NAMES + #shared.groups + number] or error("UNKNOWN key", 0)
end

-- The texts of `fields` as a list, false where nothing is stored; what this run has set counts. One command. A key of
-- another type is an error.
function image.read(name, fields)
  local found = redis.pcall("HMGET", keys[name], unpack(fields))
  if found.err then
    error(found.err, 0)
  end
  proven[keys[name]] = true
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
    append(sets, name, field, text)
  else
    append(removed, name, field)
  end
end

-- Members of a sorted set. What a run removes goes before what it adds.
function image.add_member(key, score, member)
  append(added_members, key, score, member)
end

function image.remove_member(key, member)
  append(removed_members, key, member)
end

-- Any other command, done last in the order given.
function image.write(...)
  commands[#commands + 1] = { ... }
end

-- A read has shown that this key is of the right type.
function image.proven(key)
  proven[key] = true
end

-- Nothing may fail half-way, so the type of each key is known before the first write.
local function prove(key, wanted)
  if not proven[key] then
    proven[key] = true
    local found = redis.call("TYPE", key).ok
    if found ~= "none" and found ~= wanted then
      error("WRONGTYPE " .. key .. " is a " .. found .. ", not a " .. wanted, 0)
    end
  end
end

-- The first write of all proves its key itself: where it fails, nothing was written.
local function spare_the_first()
  local first = next(removed_members) or next(added_members)
  if first then
    proven[first] = true
  end
end

local function prove_all()
  for key in pairs(removed_members) do
    prove(key, "zset")
  end
  for key in pairs(added_members) do
    prove(key, "zset")
  end
  for name in pairs(sets) do
    prove(keys[name], "hash")
  end
  for name in pairs(removed) do
    prove(keys[name], "hash")
  end
  for i = 1, #commands do
    prove(commands[i][2], commands[i][1] == "XADD" and "stream" or "zset")
  end
end

local function in_parts(verb, key, list)
  if #list <= 4000 then
    redis.call(verb, key, unpack(list))
    return
  end
  for i = 1, #list, 4000 do -- unpack ends at 7,999
    redis.call(verb, key, unpack(list, i, math.min(i + 3999, #list)))
  end
end

local function drop(name, fields)
  local gone = {}
  for _, field in ipairs(fields) do
    if not columns[name][field] then -- it may have been set again
      gone[#gone + 1] = field
    end
  end
  if #gone > 0 then
    in_parts("HDEL", keys[name], gone)
  end
end

-- Write everything.
function image.flush()
  spare_the_first()
  prove_all()
  for key, members in pairs(removed_members) do
    in_parts("ZREM", key, members)
  end
  for key, members in pairs(added_members) do
    in_parts("ZADD", key, members)
  end
  for name, list in pairs(sets) do
    in_parts("HSET", keys[name], list)
  end
  for name, fields in pairs(removed) do
    drop(name, fields)
  end
  for i = 1, #commands do
    redis.call(unpack(commands[i]))
  end
end
