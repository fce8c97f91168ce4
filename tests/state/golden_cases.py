"""What the memory engine and real servers must answer alike: Lua bodies, run after PRELUDE on three fresh keys.

`say(...)` runs a command with redis.pcall and notes its reply: text in quotes, numbers as they are,
`ok:` for a status,
`err:` with the error's code, `nil` for false,
`[ ]` for lists. Recorded replies are in golden.json (record_golden.py).
"""

from __future__ import annotations

PRELUDE = """
local h, z, x = KEYS[1], KEYS[2], KEYS[3]
redis.call('DEL', h, z, x)
local out = {}
local function show(v)
  if type(v) == 'string' then return '"' .. v .. '"' end
  if type(v) == 'number' then return string.format('%.9g', v) end
  if type(v) ~= 'table' then return v and 'true' or 'nil' end
  if v.ok then return 'ok:' .. v.ok end
  if v.err then return 'err:' .. (string.match(v.err, '^([A-Z]+) ') or 'ERR') end
  local parts = {}
  for i = 1, #v do parts[i] = show(v[i]) end
  return '[' .. table.concat(parts, ' ') .. ']'
end
local function note(v) out[#out + 1] = show(v) end
local function say(...) note(redis.pcall(...)) end
local function sorted(list, step)
  local rows = {}
  for i = 1, #list, step do rows[#rows + 1] = table.concat(list, '=', i, i + step - 1) end
  table.sort(rows)
  note(rows)
end
"""

CASES: dict[str, str] = {
    "hash": """
say('HSET', h, 'a', '1', 'b', 'x') say('HSET', h, 'a', '2', 'c', '') say('HSET', h, 'd')
say('HSET', h, 'd', '1', 'e')
say('HGET', h, 'a') say('HGET', h, 'none') say('HGET', z, 'a') say('HMGET', h, 'a', 'none', 'b', 'c')
say('HMGET', z, 'a')
say('HLEN', h) say('HEXISTS', h, 'a') say('HEXISTS', h, 'none') sorted(redis.call('HGETALL', h), 2)
sorted(redis.call('HKEYS', h), 1) say('HGETALL', z) say('HKEYS', z) say('HLEN', z)
say('HDEL', h, 'a', 'none', 'b') say('EXISTS', h) say('HDEL', h, 'c') say('EXISTS', h) say('HDEL', h, 'c')
return out""",
    "numbers as arguments": """
say('HSET', h, 'a', 1, 'b', -7, 'c', 123456789012, 'd', 9007199254740991, 5, 10 / 2)
say('HMGET', h, 'a', 'b', 'c', 'd', '5') say('HSET', h, 'e', 0.5, 'f', -0.25) say('HMGET', h, 'e', 'f')
say('HSET', h, 'g', true) say('HSET', h, 'g', {}) say('HSET', h, 'g', 2 ^ 31, 'h', 1e15) say('HMGET', h, 'g', 'h')
return out""",
    "replies": """
return {'text', 7, 2.9, -2.9, true, false, 'after false', redis.status_reply('FINE'), '\\0\\1 é', {'in', 1}, {},
0}""",
    "a list ends at nil": "return {'one', nil, 'three'}",
    "errors": """
redis.call('HSET', h, 'a', '1') redis.call('ZADD', z, 1, 'a') redis.call('XADD', x, '*', 'a', '1')
say('ZCARD', h) say('ZADD', h, 1, 'a') say('HGET', z, 'a') say('HSET', z, 'a', '1') say('XLEN', h) say('HGETALL', x)
say('XADD', h, '*', 'a', '1') say('NOSUCH', h) say('HGET', h) say('ZADD', z, 'x', 'b') say('ZADD', z, 1)
say('ZCARD', z)
say('ZADD', z, 1, 'b', 2) say('ZADD', z, 5, 'b', 'nan', 'c') say('ZCARD', z) say('PEXPIRE', h, 'x')
say('hget', h, 'a')
note(redis.error_reply('OWN text')) note(redis.pcall('ZCARD', h).err ~= nil)
return out""",
    "zset by score": """
say('ZADD', z, 3, 'c', 1, 'a', 2, 'b', 2, 'bb', 5, 'e') say('ZADD', z, 4, 'e', 9, 'f')
say('ZADD', z, 'NX', 1, 'f', 7, 'g')
say('ZCARD', z) say('ZSCORE', z, 'e') say('ZSCORE', z, 'none') say('ZSCORE', x, 'e') say('ZRANK', z, 'bb')
say('ZRANK', z, 'none') say('ZRANK', x, 'a') say('ZRANGEBYSCORE', z, '-inf', '+inf', 'WITHSCORES')
say('ZRANGEBYSCORE', z, '(1', '(4') say('ZRANGEBYSCORE', z, 2, 4) say('ZRANGEBYSCORE', z, 4, 2)
say('ZRANGEBYSCORE', z, '-inf', 'inf', 'LIMIT', 1, 2) say('ZRANGEBYSCORE', z, '-inf', 'inf', 'LIMIT', 2, -1)
say('ZRANGEBYSCORE', z, 2, 'inf', 'LIMIT', 1, 2, 'WITHSCORES') say('ZRANGEBYSCORE', z, 2, 9, 'LIMIT', 99, 2)
say('ZRANGEBYSCORE', z, 2, 9, 'LIMIT', 0, 0) say('ZRANGEBYSCORE', z, 2, 9, 'LIMIT', -1, 5)
say('ZRANGEBYSCORE', z, 'x', 9) say('ZRANGEBYSCORE', z, 2, 9, 'LIMIT', 1) say('ZRANGEBYSCORE', x, 2, 9)
say('ZCOUNT', z, '-inf', '+inf') say('ZCOUNT', z, '(2', 9) say('ZCOUNT', z, 9, 1) say('ZCOUNT', x, 0, 1)
say('ZRANGE', z, 0, -1) say('ZRANGE', z, 1, 2, 'WITHSCORES') say('ZRANGE', z, -2, -1) say('ZRANGE', z, 5, 2)
say('ZRANGE', z, 0, 99) say('ZRANGE', z, 99, 100) say('ZRANGE', z, -99, 0) say('ZRANGE', x, 0, -1)
say('ZADD', z, 0.5, 'half', '-inf', 'low', 'inf', 'high', 1790000000123, 'ms') say('ZRANGE', z, 0, -1, 'WITHSCORES')
say('ZREM', z, 'a', 'none', 'b') say('ZCARD', z) say('ZREM', x, 'a')
say('ZREM', z, 'bb', 'c', 'e', 'f', 'g', 'half', 'low', 'high', 'ms') say('EXISTS', z) say('TYPE', z)
return out""",
    "zset by bytes": """
for _, m in ipairs({'w1|b', 'w1|a', 'w2|a', 'w10|a', 'W', 'a', 'aa', 'aaaa', 'aaaaa', 'é', '\\255', '\\0', 'w1}',
''}) do
  redis.call('ZADD', z, 0, m) end
say('ZRANGE', z, 0, -1) say('ZRANGEBYLEX', z, '-', '+') say('ZRANGEBYLEX', z, '[w1|', '(w1}')
say('ZRANGEBYLEX', z, '[a', '[aaaa')
say('ZRANGEBYLEX', z, '(a', '(aaaa') say('ZRANGEBYLEX', z, '-', '[a') say('ZRANGEBYLEX', z, '(w1|a', '+')
say('ZRANGEBYLEX', z, '+', '-') say('ZRANGEBYLEX', z, '-', '+', 'LIMIT', 1, 3) say('ZRANGEBYLEX', z, 'a', '+')
say('ZLEXCOUNT', z, '-', '+') say('ZLEXCOUNT', z, '[w1|', '(w1}') say('ZLEXCOUNT', z, '[z', '[a')
say('ZLEXCOUNT', x, '-', '+')
say('ZRANK', z, 'w1|b') say('ZRANGEBYLEX', x, '-', '+')
return out""",
    "zset of thousands, at random": """
local seed = 7
local function random(n) seed = seed * 48271 % 2147483647 return seed % n end
for i = 1, 6000 do
  local member = 'm' .. random(3000)
  if random(3) == 0 then redis.call('ZREM', z, member) else redis.call('ZADD', z, random(50), member) end
  if i % 500 == 0 then
    say('ZCARD', z) say('ZRANK', z, member) say('ZCOUNT', z, '(' .. random(25), 25 + random(25))
    say('ZRANGEBYSCORE', z, random(50), '+inf', 'LIMIT', random(90), 2, 'WITHSCORES')
    say('ZRANGE', z, random(900), random(900))
  end
end
for i = 1, 3000 do redis.call('ZADD', x, i, 'n' .. i) end
for i = 1, 2900 do redis.call('ZREM', x, 'n' .. i) end
say('ZRANGE', x, 0, 2, 'WITHSCORES') say('ZRANK', x, 'n3000')
return out""",
    "stream": """
local first = redis.call('XADD', x, 'MAXLEN', '~', 1000, '*', 'kind', 'cooldown', 'n', 1)
note(string.match(first, '^%d+%-%d+$') ~= nil)
local second = redis.call('XADD', x, '*', 'kind', 'b') local third = redis.call('XADD', x, '*', 'kind', 'c')
say('XLEN', x) say('XLEN', h) say('XADD', x, '*', 'odd') say('XADD', x, '*')
local function ids(list)
  local names = {[first] = 'first', [second] = 'second', [third] = 'third'}
  for i = 1, #list do list[i][1] = names[list[i][1]] end
  note(list)
end
ids(redis.call('XRANGE', x, '-', '+')) ids(redis.call('XREVRANGE', x, '+', '-', 'COUNT', 2))
ids(redis.call('XRANGE', x, second, '+')) ids(redis.call('XRANGE', x, '(' .. first, third, 'COUNT', 1))
ids(redis.call('XREVRANGE', x, '(' .. third, '-')) ids(redis.call('XRANGE', x, third, first))
say('XRANGE', h, '-', '+')
say('XADD', x, 'MAXLEN', '=', 1, '*', 'kind', 'last') redis.call('DEL', h) out[#out] = 'id' say('XLEN', x)
say('TYPE', x)
return out""",
    "texts": """
say('SET', x, 'one') say('MGET', x, h) say('TYPE', x) say('PTTL', x) say('SET', x, 'two', 'PX', 5000)
note(redis.call('PTTL', x) > 4000) say('SET', x, '') say('PTTL', x) say('MGET', x, x, h) say('HGET', x, 'a')
redis.call('HSET', h, 'a', '1') say('MGET', h, x) say('SET', h, 7) say('MGET', h) say('TYPE', h)
say('SET', x, 'a', 'PX', 0) say('SET', x, 'a', 'PX', 'b') say('SET', x, 'a', 'PX') say('SET', x, 'a', 'YY', 5)
say('SET', x) say('MGET') say('MGET', x) redis.call('ZADD', z, 1, 'a') say('SET', z, 'b') say('ZCARD', z)
say('DEL', x) say('MGET', x)
return out""",
    "keys": """
redis.call('HSET', h, 'a', '1') redis.call('ZADD', z, 1, 'a')
say('TYPE', h) say('TYPE', z) say('TYPE', x) say('EXISTS', h, z, x, h) say('PTTL', h) say('PTTL', x)
say('PEXPIRE', h, 5000) note(redis.call('PTTL', h) > 4000) say('EXPIRE', z, 100) note(redis.call('PTTL', z) > 99000)
redis.call('HSET', h, 'b', '2') note(redis.call('PTTL', h) > 4000) say('PEXPIRE', x, 5) say('EXPIRE', h, -1)
say('EXISTS', h)
redis.call('HSET', h, 'a', '1') say('PTTL', h) say('DEL', h, x, z) say('DEL', h) say('EXISTS', z)
local time = redis.call('TIME') note(#time == 2 and tonumber(time[1]) > 1e9 and tonumber(time[2]) < 1e6)
return out""",
}
