-- What one run has read and will write: a column is read with one HMGET for all operations, and written once at the
-- end.
-- Uses:
-- Defines: keys, image
-- KEYS    the columns in the order below (keys.py), then one `waiting:<group>` for each group of the run
-- ARGV[1] worker, epoch, groups (clock.lua)
-- Nothing is written before `image.flush`: a run that fails has changed nothing.

local keys = {
  clock = KEYS[1],
  settings = KEYS[2],
  health = KEYS[3],
  inflight = KEYS[4],
  latency_ms = KEYS[5],
  ttft_ms = KEYS[6],
  ms_per_token = KEYS[7],
  sampled_ms = KEYS[8],
  tokens = KEYS[9],
  spend_nano = KEYS[10],
  used = KEYS[11],
  window = KEYS[12],
  lease = KEYS[13],
  leases = KEYS[14],
  held = KEYS[15],
  expired = KEYS[16],
  workers = KEYS[17],
  config = KEYS[18],
  events = KEYS[19],
  declared = KEYS[20],
  overrides = KEYS[21],
  listing = KEYS[22],
  lists = KEYS[23],
  retired = KEYS[24],
}

local header = ARGV[1]
local FIRST_WAITING = 25
local image = {}
local columns = {} -- column -> field -> text, or false where nothing is stored
local sets = {} -- column -> {field, text, ...}
local removed = {} -- column -> {field, ...}
local added_members = {} -- key of a sorted set -> {score, member, ...}
local removed_members = {} -- key of a sorted set -> {member, ...}
local commands = {}
local waiting_keys
local proven = {} -- keys whose type a read has shown

-- The groups of this run, in the order of their waiting keys.
function image.groups()
  local groups = {}
  for group in string.gmatch(string.match(header, "^%S+ %S+(.*)$"), "%S+") do
    groups[#groups + 1] = group
  end
  return groups
end

-- The key of a group's waiting calls.
function image.waiting_key(group)
  if not waiting_keys then
    waiting_keys = {}
    for i, name in ipairs(image.groups()) do
      waiting_keys[name] = KEYS[FIRST_WAITING + i - 1]
    end
  end
  return waiting_keys[group] or error("UNKNOWN group", 0)
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

local function append(lists, name, value)
  local list = lists[name]
  if not list then
    list = {}
    lists[name] = list
  end
  list[#list + 1] = value
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
    append(sets, name, field)
    append(sets, name, text)
  else
    append(removed, name, field)
  end
end

-- Members of a sorted set. What a run removes goes before what it adds.
function image.add_member(key, score, member)
  append(added_members, key, score)
  append(added_members, key, member)
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
  if key and not proven[key] then
    proven[key] = true
    local found = redis.call("TYPE", key).ok
    if found ~= "none" and found ~= wanted then
      error("WRONGTYPE " .. key .. " is a " .. found .. ", not a " .. wanted, 0)
    end
  end
end

local function prove_all()
  for name in pairs(sets) do
    prove(keys[name], "hash")
  end
  for name in pairs(removed) do
    prove(keys[name], "hash")
  end
  for key in pairs(removed_members) do
    prove(key, "zset")
  end
  for key in pairs(added_members) do
    prove(key, "zset")
  end
  for _, command in ipairs(commands) do
    prove(command[2], command[1] == "XADD" and "stream" or "zset")
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
  for _, command in ipairs(commands) do
    redis.call(unpack(command))
  end
end
