-- The frame of the memory engine: keys, expiry, the sandbox, redis.call and the conversion of replies. Lua 5.1.
--
-- The command files are called with `vm` and add to `vm.commands`: name -> {least arguments, function(args, n)}.
-- A value is a table with `kind` ("string", "hash", "zset", "stream"); an empty hash or zset does not exist.
-- Numbers given to redis.call become the text of `%.17g`; all servers agree on it for whole numbers below 2^53.
-- Stricter than a server, as the strictest ones are: a key that is not in KEYS is an error; math.random is not there.
-- Returns load(name, source) -> function | nil, message; and run(function, KEYS, ARGV, microseconds) -> kind, ...
-- `run` gives KEYS and ARGV as globals to a script, and as arguments to the function of a library.

local vm = { commands = {}, keys = {}, expires = {}, now_us = 0 }
local format, type, unpack, error, pcall = string.format, type, unpack, error, pcall

function vm.fail(message)
  error({ err = message }, 0)
end

function vm.drop(key)
  vm.keys[key], vm.expires[key] = nil, nil
end

function vm.now_ms()
  return math.floor(vm.now_us / 1000)
end

-- The value at a key, nil where there is none; another kind is the server's WRONGTYPE.
function vm.read(key, kind)
  local due = vm.expires[key]
  if due and due <= vm.now_ms() then
    vm.drop(key)
  end
  local value = vm.keys[key]
  if value and kind and value.kind ~= kind then
    vm.fail("WRONGTYPE Operation against a key holding the wrong kind of value")
  end
  return value
end

function vm.number(text)
  local value = tonumber(text)
  if not value or value ~= value then
    vm.fail("ERR value is not a valid float")
  end
  return value
end

function vm.integer(text)
  local value = text:match("^-?%d+$") and tonumber(text)
  if not value then
    vm.fail("ERR value is not an integer or out of range")
  end
  return value
end

-- Scores as servers write them; they agree on whole numbers and on short binary fractions.
function vm.text(value)
  if value == math.huge then
    return "inf"
  elseif value == -math.huge then
    return "-inf"
  end
  return format("%.17g", value)
end

-- Keys with a deadline stand in a queue, of which every run looks at a few: keys nobody asks for again go away too.
local queue, first, last, queued = {}, 1, 0, {}

function vm.expire_at(key, due_ms)
  vm.expires[key] = due_ms
  if not queued[key] then
    last = last + 1
    queue[last], queued[key] = key, true
  end
end

local function sweep()
  for _ = 1, math.min(4, last - first + 1) do
    local key = queue[first]
    queue[first], queued[key] = nil, nil
    first = first + 1
    vm.read(key)
    if vm.expires[key] then
      vm.expire_at(key, vm.expires[key])
    end
  end
end

-- redis.call and redis.pcall -------------------------------------------------------------------------------------
local declared = {}

local function invoke(name, ...)
  local command = vm.commands[name] or vm.commands[tostring(name):upper()]
  if not command then
    vm.fail("ERR Unknown Redis command called from script: " .. tostring(name))
  end
  local args, n = { ... }, select("#", ...)
  if n < command[1] then
    vm.fail("ERR Wrong number of args calling Redis command from script")
  end
  for i = 1, n do
    local kind = type(args[i])
    if kind == "number" then
      args[i] = format("%.17g", args[i])
    elseif kind ~= "string" then
      vm.fail("ERR Lua redis lib command arguments must be strings or integers")
    end
  end
  if n > 0 and not declared[args[1]] then
    vm.fail("ERR Script attempted to access an undeclared key: " .. args[1])
  end
  return command[2](args, n)
end

local function protected(...)
  local ok, reply = pcall(invoke, ...)
  if ok then
    return reply
  end
  return type(reply) == "table" and reply or { err = "ERR " .. tostring(reply) }
end

-- The sandbox ----------------------------------------------------------------------------------------------------
local function copy(source, without)
  local result = {}
  for name, value in pairs(source) do
    if not without[name] then
      result[name] = value
    end
  end
  return result
end

local environment = {
  assert = assert,
  error = error,
  getmetatable = getmetatable,
  ipairs = ipairs,
  next = next,
  pairs = pairs,
  pcall = pcall,
  rawequal = rawequal,
  rawget = rawget,
  rawset = rawset,
  select = select,
  setmetatable = setmetatable,
  tonumber = tonumber,
  tostring = tostring,
  type = type,
  unpack = unpack,
  xpcall = xpcall,
  coroutine = coroutine,
  string = copy(string, { dump = true }),
  table = copy(table, {}),
  math = copy(math, { random = true, randomseed = true }),
  redis = {
    call = invoke,
    pcall = protected,
    error_reply = function(text)
      return { err = text:find("^%-") and text:sub(2) or text }
    end,
    status_reply = function(text)
      return { ok = text }
    end,
  },
}
setmetatable(environment, {
  __index = function(_, name)
    error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
  end,
  __newindex = function(_, name)
    error("Script attempted to create global variable '" .. tostring(name) .. "'", 2)
  end,
})

local function load(name, source)
  local compiled, message = loadstring(source, "@" .. name)
  if not compiled then
    return nil, message
  end
  return setfenv(compiled, environment)
end

-- Replies --------------------------------------------------------------------------------------------------------
-- As a server sends them: numbers lose their fraction, true is 1, nil and false are null (false here), nil ends a list.
local function plain(value)
  local kind = type(value)
  if kind == "string" then
    return value
  end
  if kind == "number" then
    return value < 0 and math.ceil(value) or math.floor(value)
  end
  if kind ~= "table" then
    return value == true and 1
  end
  if value.err or value.ok then
    return value.ok or value.err
  end
  local list, i = {}, 1
  while value[i] ~= nil do
    list[i] = plain(value[i])
    i = i + 1
  end
  return list
end

local function run(compiled, keys, argv, micros)
  vm.now_us = micros
  declared = {}
  for i = 1, #keys do
    declared[keys[i]] = true
  end
  rawset(environment, "KEYS", keys)
  rawset(environment, "ARGV", argv)
  sweep()
  local ok, reply = pcall(compiled, keys, argv)
  if type(reply) == "table" and reply.err then
    return "error", tostring(reply.err)
  end
  if not ok then
    return "error", "ERR " .. tostring(reply)
  end
  reply = plain(reply)
  if type(reply) ~= "table" then
    return "one", reply
  end
  if #reply == 0 or #reply > 4000 then
    return "tree", reply
  end
  for i = 1, #reply do
    if type(reply[i]) ~= "string" then
      return "tree", reply
    end
  end
  return "strings", unpack(reply)
end

return vm, load, run
