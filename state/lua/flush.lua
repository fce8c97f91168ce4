-- The end of a run: everything it noted is written, or nothing.
-- Uses: pending, recall
-- Defines: flush

local EMPTY = pending.EMPTY
local AT_ONCE = 4000 -- arguments of a command: unpack ends at 7,999
local REMOVED, ADDED, OTHERS = unpack(pending.groups)
local pcall, unpack = pcall, unpack

-- Nothing may fail half-way, so the type of each key is known before the first write.
local function prove(unproven)
  local proven = recall.known.proven
  for i = #unproven, 1, -1 do
    local list = unproven[i]
    if not proven[list.name] then
      local found = redis.call("TYPE", list[2]).ok
      if found ~= "none" and found ~= list.type then
        error("WRONGTYPE " .. list[2] .. " is a " .. found .. ", not a " .. list.type, 0)
      end
      proven[list.name] = true
    end
    unproven[i] = nil
  end
end

local function write_in_parts(list, size)
  for i = EMPTY + 1, size, AT_ONCE do
    redis.call(list[1], list[2], unpack(list, i, math.min(i + AT_ONCE - 1, size)))
  end
end

local at -- the command of its group that is written

-- Write the commands of a group after that one. Throws what a command throws.
local function write_on(group)
  local call = redis.call
  for i = at + 1, group.count do
    local list = group[i]
    local size = list.size
    at, list.size = i, EMPTY
    if size > AT_ONCE then
      write_in_parts(list, size)
    elseif size > EMPTY then -- what was to be set may be removed again
      call(unpack(list, 1, size))
    end
  end
end

-- Write a group. What fails although it was proven is a key that somebody has just replaced (recall.lua: types are
-- known for 100 ms): the other columns are written all the same, so leases and what they hold stay together, but not if
-- it is the first of all. Returns what failed, and whether anything was written.
local function write(group, failure, written)
  at = 0
  repeat
    local ok, thrown = pcall(write_on, group)
    if not ok then
      failure = type(thrown) == "table" and thrown.err or thrown
      if at == 1 and not written then
        error(failure, 0)
      end
    end
  until ok
  written, group.count = written or group.count > 0, 0
  return failure, written
end

local function flush()
  local failure, written = nil, false
  pending.expire()
  prove(pending.unproven)
  if REMOVED.count > 0 then
    failure, written = write(REMOVED, failure, written)
  end
  if ADDED.count > 0 then
    failure, written = write(ADDED, failure, written)
  end
  if OTHERS.count > 0 then
    failure = write(OTHERS, failure, written)
  end
  if failure then
    error(failure, 0)
  end
end
