-- What a run will write: one command a key and verb, and nothing before `flush`, which leaves this empty for the next
-- run.
-- Uses: numbers, keys, column_names
-- Defines: pending
-- A command is a list {verb, key, argument, ...}; `size` says how much of it is of this run. Later runs use its table
-- again, because new ones would cost more than all else that is done here. What a run removes goes before what it adds.

local EMPTY = 2 -- size of a command without arguments
local REMOVED, ADDED, OTHERS = { count = 0 }, { count = 0 }, { count = 0 } -- of this run: the first `count`, in order
local VERBS = {
  ZREM = { type = "zset", begun = REMOVED, commands = {} }, -- by column, or by the key of what is none
  HDEL = { type = "hash", begun = REMOVED, commands = {} },
  ZADD = { type = "zset", begun = ADDED, commands = {} },
  HSET = { type = "hash", begun = ADDED, commands = {} },
}
local SETS, REMOVALS = VERBS.HSET.commands, VERBS.HDEL.commands
local TYPES = { XADD = "stream" } -- what other commands need; nil: they take the place of whatever is there
local is_column = {}
for _, name in ipairs(column_names) do
  is_column[name] = true
end

local pending = {
  EMPTY = EMPTY,
  groups = { REMOVED, ADDED, OTHERS }, -- in their order
  unproven = {}, -- commands of which no read has shown the type of the key
}
local proven -- names of keys whose type is known
local passing = {} -- commands of what is no column: the next run begins without them, because they are many
local kept = nil -- column -> ms that its key is to live from now on

-- `anew`: the pool is not that of the last run.
function pending.begin(anew)
  if anew or pending.is_any() then -- what there is was left by a run that failed
    for _, verb in pairs(VERBS) do
      for name, list in pairs(verb.commands) do
        list[2], list.size = keys[name], EMPTY
      end
    end
    REMOVED.count, ADDED.count, OTHERS.count, pending.unproven, kept = 0, 0, 0, {}, nil
  end
  for i = #passing, 1, -1 do
    passing[i].commands[passing[i].name], passing[i] = nil, nil
  end
end

-- The keys of these names (a set, which grows) are of the right type.
function pending.trust(names)
  proven = names
end

-- Does the run write anything?
function pending.is_any()
  return ADDED.count > 0 or REMOVED.count > 0 or OTHERS.count > 0
end

-- The command that does `verb` to a column, or to the key of what is none.
function pending.command(verb, name)
  local kind = VERBS[verb]
  local list = kind.commands[name]
  if not list then
    list = { verb, keys[name] or name, nil, nil, size = EMPTY, name = name, type = kind.type, begun = kind.begun }
    kind.commands[name] = list
    if not is_column[name] then
      passing[#passing + 1], list.commands = list, kind.commands
    end
  end
  return list
end

local function begin(list)
  local begun = list.begun
  local n = begun.count + 1
  begun[n], begun.count = list, n
  if not proven[list.name] and list.type then
    pending.unproven[#pending.unproven + 1] = list
  end
end

-- Two arguments more: field and text, or score and member.
function pending.add(list, first, second)
  local n = list.size
  if n == EMPTY then
    begin(list)
  end
  list[n + 1], list[n + 2], list.size = first, second, n + 2
end

-- One more: a field, or a member, that is removed.
function pending.remove(list, argument)
  local n = list.size
  if n == EMPTY then
    begin(list)
  end
  list[n + 1], list.size = argument, n + 1
end

-- A field is not set after all.
local function withdraw(list, field)
  local n = EMPTY
  for i = EMPTY + 1, list.size, 2 do
    if list[i] ~= field then
      list[n + 1], list[n + 2], n = list[i], list[i + 1], n + 2
    end
  end
  list.size = n
end

function pending.set(name, field, text)
  pending.add(SETS[name] or pending.command("HSET", name), field, text)
end

function pending.unset(name, field)
  local set = SETS[name]
  if set and set.size > EMPTY then
    withdraw(set, field)
  end
  pending.remove(REMOVALS[name] or pending.command("HDEL", name), field)
end

function pending.add_member(name, score, member)
  pending.add(pending.command("ZADD", name), score, member)
end

function pending.remove_member(name, member)
  pending.remove(pending.command("ZREM", name), member)
end

-- Any other command, done last in the order given.
function pending.write(verb, key, ...)
  local list = { verb, key, ... }
  list.size, list.name, list.type, list.begun = #list, key, TYPES[verb], OTHERS
  begin(list)
end

-- A column of this run alone (an open subject's) goes away when nothing was added for so long.
function pending.keep(name, ms)
  kept = kept or {}
  kept[name] = math.max(kept[name] or 0, ms)
end

-- What was kept is written after all else.
function pending.expire()
  if kept then
    for name, ms in pairs(kept) do
      pending.write("PEXPIRE", keys[name], numbers.int(ms))
    end
    kept = nil
  end
end
