-- The end of a run: everything it noted is written, or nothing.
-- Uses: numbers, keys, image
-- Defines: flush

-- Nothing may fail half-way, so the type of each key is known before the first write.
local function prove(pending, key, wanted)
  local proven = pending.proven
  if not proven[key] then
    proven[key] = true
    local found = redis.call("TYPE", key).ok
    if found ~= "none" and found ~= wanted then
      error("WRONGTYPE " .. key .. " is a " .. found .. ", not a " .. wanted, 0)
    end
  end
end

-- The first write of all proves its key itself: where it fails, nothing was written.
local function spare_the_first(pending)
  local first = next(pending.removed_members) or next(pending.added_members)
  if first then
    pending.proven[first] = true
  end
end

local function prove_all(pending)
  for key in pairs(pending.removed_members) do
    prove(pending, key, "zset")
  end
  for key in pairs(pending.added_members) do
    prove(pending, key, "zset")
  end
  for name in pairs(pending.sets) do
    prove(pending, keys[name], "hash")
  end
  for name in pairs(pending.removed) do
    prove(pending, keys[name], "hash")
  end
  for i = 1, #pending.commands do
    local command = pending.commands[i]
    prove(pending, command[2], command[1] == "XADD" and "stream" or "zset")
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
    if not image.columns[name][field] then -- it may have been set again
      gone[#gone + 1] = field
    end
  end
  if #gone > 0 then
    in_parts("HDEL", keys[name], gone)
  end
end

local function flush()
  local pending = image.pending
  spare_the_first(pending)
  prove_all(pending)
  for key, members in pairs(pending.removed_members) do
    in_parts("ZREM", key, members)
  end
  for key, members in pairs(pending.added_members) do
    in_parts("ZADD", key, members)
  end
  for name, list in pairs(pending.sets) do
    in_parts("HSET", keys[name], list)
  end
  for name, fields in pairs(pending.removed) do
    drop(name, fields)
  end
  for name, ms in pairs(pending.kept or {}) do
    redis.call("PEXPIRE", keys[name], numbers.int(ms))
  end
  for i = 1, #pending.commands do
    redis.call(unpack(pending.commands[i]))
  end
end
