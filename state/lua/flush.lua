-- The end of a run: everything it noted is written, or nothing.
-- Uses: numbers, keys, image, pending
-- Defines: flush

local NOTHING = {}
local failure, written -- of this flush: what an engine refused, whether anything was written before

-- Nothing may fail half-way, so the type of each key is known before the first write.
local function prove(unproven)
  for i = 1, #unproven, 2 do
    local key, wanted = unproven[i], unproven[i + 1]
    local found = redis.call("TYPE", key).ok
    if found ~= "none" and found ~= wanted then
      error("WRONGTYPE " .. key .. " is a " .. found .. ", not a " .. wanted, 0)
    end
    image.proven(key)
  end
end

-- What fails although it was proven is a key that somebody has just replaced (recall.lua: types are known for 10 ms):
-- the other columns are written all the same, so leases and what they hold stay together.
local function note(reply)
  if reply.err then
    failure = reply.err
    if not written then
      error(failure, 0)
    end
  end
end

local function in_parts(list)
  local reply
  for i = 3, #list, 4000 do -- unpack ends at 7,999
    reply = redis.pcall(list[1], list[2], unpack(list, i, math.min(i + 3999, #list)))
  end
  return reply
end

-- A command {verb, key, argument, ...}.
local function write(list)
  local reply = #list <= 4000 and redis.pcall(unpack(list)) or in_parts(list)
  if type(reply) == "table" then
    note(reply)
  end
  written = true
end

local function drop(name, list)
  local values, gone = image.columns[name], { list[1], list[2], nil, nil }
  for i = 3, #list do
    if not values[list[i]] then -- it may have been set again
      gone[#gone + 1] = list[i]
    end
  end
  if #gone > 2 then
    write(gone)
  end
end

local function write_all(lists)
  for name, list in pairs(lists) do
    write(list)
    lists[name] = nil
  end
end

local function flush()
  local removed, commands = pending.removed, pending.commands
  failure, written = nil, false
  if pending.unproven then
    prove(pending.unproven)
  end
  write_all(pending.removed_members)
  write_all(pending.added_members)
  write_all(pending.sets)
  for name, list in pairs(removed) do
    drop(name, list)
    removed[name] = nil
  end
  for name, ms in pairs(pending.kept or NOTHING) do
    write({ "PEXPIRE", keys[name], numbers.int(ms) })
  end
  for i = 1, #commands do
    write(commands[i])
    commands[i] = nil
  end
  if failure then
    error(failure, 0)
  end
  pending.finish()
end
