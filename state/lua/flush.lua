-- The end of a run: everything it noted is written, or nothing.
-- Uses: image, pending
-- Defines: flush

local EMPTY = pending.EMPTY
local AT_ONCE = 4000 -- arguments of a command: unpack ends at 7,999
local REMOVED, ADDED, OTHERS = unpack(pending.groups)
local type = type

-- Nothing may fail half-way, so the type of each key is known before the first write.
local function prove(unproven)
  for i = #unproven, 1, -1 do
    local key, wanted = unproven[i][2], unproven[i].type
    local found = redis.call("TYPE", key).ok
    if found ~= "none" and found ~= wanted then
      error("WRONGTYPE " .. key .. " is a " .. found .. ", not a " .. wanted, 0)
    end
    image.proven(unproven[i].name)
    unproven[i] = nil
  end
end

local function in_parts(list)
  local reply
  for i = 3, list.size, AT_ONCE do
    reply = redis.pcall(list[1], list[2], unpack(list, i, math.min(i + AT_ONCE - 1, list.size)))
  end
  return reply
end

-- Write the commands of a group. What fails although it was proven is a key that somebody has just replaced
-- (recall.lua: types are known for 100 ms): the other columns are written all the same, so leases and what they hold
-- stay together, but not if it is the first of all. Returns what failed, and whether anything was written.
local function write(group, failure, written)
  local pcall = redis.pcall
  for i = 1, group.count do
    local list = group[i]
    local size = list.size
    if size > EMPTY then -- what was to be set may be removed again
      local reply = size <= AT_ONCE and pcall(unpack(list, 1, size)) or in_parts(list)
      list.size = EMPTY
      if reply ~= 1 and reply ~= 0 and type(reply) == "table" and reply.err then -- mostly it is one of these
        failure = reply.err
        if not written then
          error(failure, 0)
        end
      end
      written = true
    end
  end
  group.count = 0
  return failure, written
end

local function flush()
  pending.expire()
  prove(pending.unproven)
  local failure, written = write(REMOVED, nil, false)
  failure, written = write(ADDED, failure, written)
  failure = write(OTHERS, failure, written)
  if failure then
    error(failure, 0)
  end
end
