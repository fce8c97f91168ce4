-- TIME, keys with a deadline, texts, and hashes, for the memory engine (see memory.lua).

local vm = ...
local commands = vm.commands

commands.TIME = {
  0,
  function()
    local seconds = math.floor(vm.now_us / 1000000)
    return { string.format("%.0f", seconds), string.format("%.0f", vm.now_us - seconds * 1000000) }
  end,
}

local function each(act)
  return function(keys, n)
    local count = 0
    for i = 1, n do
      if vm.read(keys[i]) then
        count = count + 1
        act(keys[i])
      end
    end
    return count
  end
end

commands.EXISTS = { 1, each(function() end) }
commands.DEL = { 1, each(vm.drop) }

commands.TYPE = {
  1,
  function(args)
    local value = vm.read(args[1])
    return { ok = value and value.kind or "none" }
  end,
}

local function expire(unit_ms)
  return function(args)
    local after = vm.integer(args[2]) * unit_ms
    if not vm.read(args[1]) then
      return 0
    end
    if after <= 0 then
      vm.drop(args[1])
    else
      vm.expire_at(args[1], vm.now_ms() + after)
    end
    return 1
  end
end

commands.PEXPIRE = { 2, expire(1) }
commands.EXPIRE = { 2, expire(1000) }

commands.PTTL = {
  1,
  function(args)
    if not vm.read(args[1]) then
      return -2
    end
    local due = vm.expires[args[1]]
    return due and due - vm.now_ms() or -1
  end,
}

-- Texts ----------------------------------------------------------------------------------------------------------
commands.SET = {
  2,
  function(args, n)
    local after
    if n == 4 and string.upper(args[3]) == "PX" then
      after = vm.integer(args[4])
    elseif n ~= 2 then
      vm.fail("ERR syntax error")
    end
    if after and after <= 0 then
      vm.fail("ERR invalid expire time in 'set' command")
    end
    vm.drop(args[1])
    vm.keys[args[1]] = { kind = "string", text = args[2] }
    if after then
      vm.expire_at(args[1], vm.now_ms() + after)
    end
    return { ok = "OK" }
  end,
}

commands.MGET = {
  1,
  function(args, n)
    local texts = {}
    for i = 1, n do
      local value = vm.read(args[i])
      texts[i] = value and value.text or false
    end
    return texts
  end,
}

-- Hashes: fields is the hash, count how many fields it has -------------------------------------------------------
local none = { fields = {}, count = 0 }

local function hash(key)
  return vm.read(key, "hash") or none
end

commands.HGET = {
  2,
  function(args)
    return hash(args[1]).fields[args[2]] or false
  end,
}

commands.HMGET = {
  2,
  function(args, n)
    local fields, values = hash(args[1]).fields, {}
    for i = 2, n do
      values[i - 1] = fields[args[i]] or false
    end
    return values
  end,
}

commands.HSET = {
  3,
  function(args, n)
    local key, added = args[1], 0
    if n % 2 == 0 then
      vm.fail("ERR wrong number of arguments for 'hset' command")
    end
    local value = vm.read(key, "hash")
    if not value then
      value = { kind = "hash", fields = {}, count = 0 }
      vm.keys[key] = value
    end
    local fields = value.fields
    for i = 2, n, 2 do
      if fields[args[i]] == nil then
        added = added + 1
      end
      fields[args[i]] = args[i + 1]
    end
    value.count = value.count + added
    return added
  end,
}

commands.HDEL = {
  2,
  function(args, n)
    local value, removed = hash(args[1]), 0
    for i = 2, n do
      if value.fields[args[i]] ~= nil then
        removed = removed + 1
        value.fields[args[i]] = nil
      end
    end
    value.count = value.count - removed
    if removed > 0 and value.count == 0 then
      vm.drop(args[1])
    end
    return removed
  end,
}

commands.HGETALL = {
  1,
  function(args)
    local list, n = {}, 0
    for field, value in pairs(hash(args[1]).fields) do
      list[n + 1], list[n + 2] = field, value
      n = n + 2
    end
    return list
  end,
}

commands.HKEYS = {
  1,
  function(args)
    local list = {}
    for field in pairs(hash(args[1]).fields) do
      list[#list + 1] = field
    end
    return list
  end,
}

commands.HLEN = {
  1,
  function(args)
    return hash(args[1]).count
  end,
}
commands.HEXISTS = {
  2,
  function(args)
    return hash(args[1]).fields[args[2]] and 1 or 0
  end,
}
