-- Streams for the memory engine: XADD with an id of the clock, XLEN, XRANGE, XREVRANGE (see memory.lua).

local vm = ...
local commands = vm.commands
local none = { entries = {}, first = 1, last = 0 }

local function stream(key)
  return vm.read(key, "stream") or none
end

-- MAXLEN ~ trims to the length here; servers leave up to a block more.
local function trim(value, length)
  while value.last - value.first + 1 > length do
    value.entries[value.first] = nil
    value.first = value.first + 1
  end
end

commands.XADD = {
  4,
  function(args, n)
    local key, at, length = args[1], 2, nil
    if args[at]:upper() == "MAXLEN" then
      at = at + 1
      if args[at] == "~" or args[at] == "=" then
        at = at + 1
      end
      length, at = vm.integer(args[at]), at + 1
    end
    if args[at] ~= "*" then
      vm.fail("ERR Invalid stream ID specified as stream command argument")
    end
    if n == at or (n - at) % 2 == 1 then
      vm.fail("ERR wrong number of arguments for 'xadd' command")
    end
    local value = vm.read(key, "stream")
    if not value then
      value = { kind = "stream", entries = {}, first = 1, last = 0, ms = 0, seq = 0 }
      vm.keys[key] = value
    end
    local ms = vm.now_ms()
    if ms > value.ms then
      value.ms, value.seq = ms, 0
    else
      value.seq = value.seq + 1
    end
    value.last = value.last + 1
    local id = string.format("%.0f-%.0f", value.ms, value.seq)
    value.entries[value.last] = { ms = value.ms, seq = value.seq, id = id, fields = { unpack(args, at + 1, n) } }
    if length then
      trim(value, length)
    end
    return id
  end,
}

commands.XLEN = {
  1,
  function(args)
    local value = stream(args[1])
    return value.last - value.first + 1
  end,
}

-- An id of a range: the time, the number in it, and whether the id itself is left out.
local function bound(text, missing_seq)
  if text == "-" then
    return 0, 0, false
  end
  if text == "+" then
    return math.huge, math.huge, false
  end
  local open, ms, seq = text:match("^(%(?)(%d+)%-?(%d*)$")
  if not ms then
    vm.fail("ERR Invalid stream ID specified as stream command argument")
  end
  return tonumber(ms), tonumber(seq) or missing_seq, open == "("
end

local function order(entry, ms, seq)
  if entry.ms ~= ms then
    return entry.ms < ms and -1 or 1
  end
  return entry.seq == seq and 0 or (entry.seq < seq and -1 or 1)
end

local function range(value, low, high, step, args, n)
  local count = math.huge
  if n > 3 then
    if n ~= 5 or args[4]:upper() ~= "COUNT" then
      vm.fail("ERR syntax error")
    end
    count = vm.integer(args[5])
  end
  local low_ms, low_seq, low_open = bound(low, 0)
  local high_ms, high_seq, high_open = bound(high, math.huge)
  local list = {}
  for i = step > 0 and value.first or value.last, step > 0 and value.last or value.first, step do
    if #list >= count then
      break
    end
    local entry = value.entries[i]
    local above, below = order(entry, low_ms, low_seq), order(entry, high_ms, high_seq)
    if above >= (low_open and 1 or 0) and below <= (high_open and -1 or 0) then
      list[#list + 1] = { entry.id, entry.fields }
    end
  end
  return list
end

commands.XRANGE = {
  3,
  function(args, n)
    return range(stream(args[1]), args[2], args[3], 1, args, n)
  end,
}
commands.XREVRANGE = {
  3,
  function(args, n)
    return range(stream(args[1]), args[3], args[2], -1, args, n)
  end,
}
