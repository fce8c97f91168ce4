-- What a run will write: one command a key, and nothing before `flush`, which leaves this empty for the next run.
-- Uses: recall
-- Defines: pending
-- What a run removes from a sorted set goes before what it adds.

local pending = {
  sets = nil, -- column -> {"HSET", key, field, text, ...}
  removed = nil, -- column -> {"HDEL", key, field, ...}
  added_members = nil, -- key of a sorted set -> {"ZADD", key, score, member, ...}
  removed_members = nil, -- key of a sorted set -> {"ZREM", key, member, ...}
  commands = nil, -- any others, in order
  kept = nil, -- column -> ms that its key is to live from now on
  unproven = nil, -- {key, type, ...} of which no read has shown the type
  changed = false, -- anything that others have to read again
  empty = false,
}

function pending.begin()
  if not pending.empty then -- the last run failed, or there was none
    pending.sets, pending.removed, pending.added_members, pending.removed_members = {}, {}, {}, {}
    pending.commands, pending.kept, pending.unproven = {}, nil, nil
  end
  pending.empty, pending.changed = false, false
end

-- All of it is written.
function pending.finish()
  pending.kept, pending.unproven, pending.empty = nil, nil, true
end

-- Does the run change what cards (roster.lua, subjects.lua) have read and nobody puts there? It is rare.
function pending.changes_settings()
  local sets, removed = pending.sets, pending.removed
  return sets.settings or removed.settings or sets.health or removed.health or sets.limits or removed.limits
end

-- The command that does `verb` to a key. The type of each key is known before the first write.
local function command(verb, key, kind, argument, another)
  if not recall.known.proven[key] then
    local unproven = pending.unproven or {}
    unproven[#unproven + 1], unproven[#unproven + 2], pending.unproven = key, kind, unproven
  end
  return { verb, key, argument, another, nil, nil, nil, nil } -- with room for what most runs add
end

-- A field of a column gets a text. A lease is read by its id alone, so nobody knows it from before.
function pending.set(name, key, field, text)
  local list = pending.sets[name]
  if list then
    local n = #list
    list[n + 1], list[n + 2] = field, text
  else
    pending.sets[name] = command("HSET", key, "hash", field, text)
    pending.changed = pending.changed or name ~= "lease"
  end
end

function pending.remove(name, key, field)
  local list = pending.removed[name]
  if list then
    list[#list + 1] = field
  else
    pending.removed[name] = command("HDEL", key, "hash", field)
    pending.changed = pending.changed or name ~= "lease"
  end
end

function pending.add_member(key, score, member)
  local list = pending.added_members[key]
  if list then
    local n = #list
    list[n + 1], list[n + 2] = score, member
  else
    pending.added_members[key] = command("ZADD", key, "zset", score, member)
  end
end

function pending.remove_member(key, member)
  local list = pending.removed_members[key]
  if list then
    list[#list + 1] = member
  else
    pending.removed_members[key] = command("ZREM", key, "zset", member)
  end
end

-- Any other command, done last in the order given.
function pending.write(verb, key, ...)
  command(verb, key, verb == "XADD" and "stream" or "zset")
  pending.commands[#pending.commands + 1] = { verb, key, ... }
end

-- What others may know has changed, though no column has.
function pending.note_change()
  pending.changed = true
end

-- A column of this run alone (an open subject's) goes away when nothing was added for so long.
function pending.keep(name, ms)
  local kept = pending.kept or {}
  kept[name] = math.max(kept[name] or 0, ms)
  pending.kept = kept
end
