-- The sorted set commands of the memory engine, over memory_sorted.lua (see memory.lua).

local vm, sorted = ...
local commands = vm.commands
local none = sorted.new()

local function zset(key)
  return vm.read(key, "zset") or none
end

commands.ZADD = {
  3,
  function(args, n)
    local key, from, added = args[1], 2, 0
    local only_new = args[2]:upper() == "NX"
    if only_new then
      from = 3
    end
    if n < from + 1 or (n - from) % 2 == 0 then
      vm.fail("ERR syntax error")
    end
    for i = from, n, 2 do
      vm.number(args[i])
    end
    local set = vm.read(key, "zset")
    if not set then
      set = sorted.new()
      vm.keys[key] = set
    end
    for i = from, n, 2 do
      local score, member = tonumber(args[i]), args[i + 1]
      local old = set.scores[member]
      if old == nil then
        sorted.put(set, member, score)
        added = added + 1
      elseif old ~= score and not only_new then
        sorted.take(set, member)
        sorted.put(set, member, score)
      end
    end
    return added
  end,
}

commands.ZREM = {
  2,
  function(args, n)
    local set, removed = zset(args[1]), 0
    for i = 2, n do
      if set.scores[args[i]] then
        sorted.take(set, args[i])
        removed = removed + 1
      end
    end
    if removed > 0 and set.count == 0 then
      vm.drop(args[1])
    end
    return removed
  end,
}

commands.ZCARD = {
  1,
  function(args)
    return zset(args[1]).count
  end,
}

commands.ZSCORE = {
  2,
  function(args)
    local score = zset(args[1]).scores[args[2]]
    return score and vm.text(score) or false
  end,
}

commands.ZRANK = {
  2,
  function(args)
    local set = zset(args[1])
    if not set.scores[args[2]] then
      return false
    end
    return sorted.rank(set, sorted.place_of(set, args[2]))
  end,
}

-- Bounds: function(member, score) that is true for what lies before the lower, or up to the upper bound ------------
local function by_score(text, upper)
  local open = text:sub(1, 1) == "("
  local bound = tonumber(open and text:sub(2) or text)
  if not bound or bound ~= bound then
    vm.fail("ERR min or max is not a float")
  end
  if open == upper then
    return function(_, score)
      return score < bound
    end
  end
  return function(_, score)
    return score <= bound
  end
end

local function by_lex(text, upper)
  local sign, bound = text:sub(1, 1), text:sub(2)
  if text == "-" then
    return function()
      return false
    end
  end
  if text == "+" then
    return function()
      return true
    end
  end
  if sign ~= "(" and sign ~= "[" then
    vm.fail("ERR min or max not valid string range item")
  end
  if (sign == "(") == upper then
    return function(member)
      return sorted.less(member, bound)
    end
  end
  return function(member)
    return not sorted.less(bound, member)
  end
end

-- WITHSCORES and LIMIT offset count, in any order.
local function options(args, n)
  local scores, offset, count, i = false, 0, math.huge, 4
  while i <= n do
    local word = args[i]:upper()
    if word == "WITHSCORES" then
      scores, i = true, i + 1
    elseif word == "LIMIT" and i + 2 <= n then
      offset, count, i = vm.integer(args[i + 1]), vm.integer(args[i + 2]), i + 3
    else
      vm.fail("ERR syntax error")
    end
  end
  return scores, offset, count < 0 and math.huge or count
end

local function collect(set, at, index, within, scores, count)
  local list, n = {}, 0
  if count == 0 then
    return list
  end
  sorted.forward(set, at, index, function(member, score)
    if not within(member, score) then
      return false
    end
    n = n + 1
    list[#list + 1] = member
    if scores then
      list[#list + 1] = vm.text(score)
    end
    return n < count
  end)
  return list
end

local function range(bound)
  return function(args, n)
    local before, within = bound(args[2], false), bound(args[3], true)
    local scores, offset, count = options(args, n)
    local set = zset(args[1])
    if offset < 0 then
      return {}
    end
    local at, index = sorted.seek(set, before)
    if offset > 0 then
      at, index = sorted.at(set, sorted.rank(set, at, index) + offset)
    end
    return collect(set, at, index, within, scores, count)
  end
end

local function count(bound)
  return function(args)
    local before, within = bound(args[2], false), bound(args[3], true)
    local set = zset(args[1])
    return math.max(0, sorted.rank(set, sorted.seek(set, within)) - sorted.rank(set, sorted.seek(set, before)))
  end
end

commands.ZRANGEBYSCORE, commands.ZRANGEBYLEX = { 3, range(by_score) }, { 3, range(by_lex) }
commands.ZCOUNT, commands.ZLEXCOUNT = { 3, count(by_score) }, { 3, count(by_lex) }

commands.ZRANGE = {
  3,
  function(args, n)
    local set, from, to = zset(args[1]), vm.integer(args[2]), vm.integer(args[3])
    local scores = n == 4 and args[4]:upper() == "WITHSCORES"
    if n > 3 and not scores then
      vm.fail("ERR syntax error")
    end
    from = math.max(0, from < 0 and from + set.count or from)
    to = math.min(set.count - 1, to < 0 and to + set.count or to)
    if from > to then
      return {}
    end
    local at, index = sorted.at(set, from)
    return collect(set, at, index, function()
      return true
    end, scores, to - from + 1)
  end,
}
