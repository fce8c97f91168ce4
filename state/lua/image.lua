-- What one run has read and will write: a column is read with one HMGET for all operations, and written once at the
-- end.
-- Uses: shared, column_names, recall
-- Defines: keys, image
-- KEYS    the columns (column_names: those of keys.py), then one `waiting:<group>` for each group of the run, then
--         others that operations name by number
-- Nothing is written before `flush`: a run that fails has changed nothing.

local image, keys = {}, {} -- keys: column -> key
local all_keys
local lent = {} -- columns of this run alone
local columns -- column -> field -> text, or false where nothing is stored
local proven -- keys whose type a read has shown
local passing -- names of those columns that the next run begins without
local pending -- what flush.lua writes, which leaves it empty
local NOTHING = {}
-- Columns of which texts are known from run to run.
local KEPT = { settings = true, health = true, inflight = true, learned = true, tokens = true, spend_nano = true }
KEPT.used, KEPT.window, KEPT.limits, KEPT.context, KEPT.fit = true, true, true, true, true

local function nothing_pending()
  return {
    sets = {}, -- column -> {"HSET", key, field, text, ...}
    removed = {}, -- column -> {"HDEL", key, field, ...}
    added_members = {}, -- key of a sorted set -> {"ZADD", key, score, member, ...}
    removed_members = {}, -- key of a sorted set -> {"ZREM", key, member, ...}
    commands = {}, -- any others, in order
    kept = nil, -- column -> ms that its key is to live from now on
    unproven = nil, -- {key, type, ...} of which no read has shown the type
    changed = false, -- anything that others have to read again
    empty = true,
  }
end

function image.begin(given)
  if keys[column_names[1]] ~= given[1] then -- mostly it is the pool of the last run
    for i = 1, #column_names do
      keys[column_names[i]] = given[i]
    end
  end
  for i = #lent, 1, -1 do
    keys[lent[i]], lent[i] = nil, nil
  end
  if not pending or not pending.empty then -- the last run failed
    pending = nothing_pending()
    image.pending = pending
  end
  pending.empty, pending.changed = false, false
  all_keys, columns, proven = given, NOTHING, {}
end

-- What is known from the last run, if the pool's number of writes is the same.
function image.recall(writes, anew)
  recall.check(writes, anew)
  local known = recall.known
  columns, passing, proven = known.columns, known.passing, known.proven
  for i = #passing, 1, -1 do
    columns[passing[i]], passing[i] = nil, nil
  end
  image.columns = columns
  proven[keys.clock] = true
end

-- Does the run change what cards (roster.lua, subjects.lua) have read and nobody puts there? It is rare.
function image.settings_changed()
  local sets, removed = pending.sets, pending.removed
  return sets.settings or removed.settings or sets.health or removed.health or sets.limits or removed.limits
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

-- The text of one field, or false. Load many at once where you can.
function image.get(name, field)
  local values = columns[name]
  local text = values and values[field]
  if text == nil then
    text = image.load(name, { field })[field]
  end
  return text
end

-- The command that does `verb` to a key, of which there is one a run. The type of the key is known before the first
-- write.
local function command(verb, key, kind, argument, another)
  if not proven[key] then
    local unproven = pending.unproven or {}
    unproven[#unproven + 1], unproven[#unproven + 2], pending.unproven = key, kind, unproven
  end
  return { verb, key, argument, another, nil, nil, nil, nil } -- with room for what most runs add
end

-- Set the text of a field, or remove it with false.
function image.set(name, field, text)
  local values = columns[name] or known(name)
  values[field] = text
  if name ~= "lease" then
    pending.changed = true
  end
  if text then
    local list = pending.sets[name]
    if list then
      local n = #list
      list[n + 1], list[n + 2] = field, text
    else
      pending.sets[name] = command("HSET", keys[name], "hash", field, text)
    end
  else
    local list = pending.removed[name]
    if list then
      list[#list + 1] = field
    else
      pending.removed[name] = command("HDEL", keys[name], "hash", field)
    end
  end
end

-- Members of a sorted set. What a run removes goes before what it adds.
function image.add_member(key, score, member)
  local list = pending.added_members[key]
  if list then
    local n = #list
    list[n + 1], list[n + 2] = score, member
  else
    pending.added_members[key] = command("ZADD", key, "zset", score, member)
  end
end

function image.remove_member(key, member)
  local list = pending.removed_members[key]
  if list then
    list[#list + 1] = member
  else
    pending.removed_members[key] = command("ZREM", key, "zset", member)
  end
end

-- Any other command, done last in the order given.
function image.write(verb, key, ...)
  command(verb, key, verb == "XADD" and "stream" or "zset")
  pending.commands[#pending.commands + 1] = { verb, key, ... }
end

-- What others may know has changed, though no column has.
function image.note_change()
  pending.changed = true
end

-- A read has shown that this key is of the right type.
function image.proven(key)
  proven[key] = true
end

-- A column of this run alone (an open subject's) goes away when nothing was added for so long.
function image.keep(name, ms)
  local kept = pending.kept or {}
  kept[name] = math.max(kept[name] or 0, ms)
  pending.kept = kept
end
