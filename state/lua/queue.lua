-- Waiting calls of a group. Mostly there are none; what is done with them is in tickets.lua.
-- Uses: numbers, image, tickets
-- Defines: queue
-- `waiting:<group>` ZSET "worker|id|input|output|wait_until" by priority x 10^13 + pool ms of the first try; "~" is the
-- sentinel, last. The first 64 tickets are read; who stands behind them is refused without a look at the room.

local READ = 64
local LAST = numbers.int(READ)
local queues

local function begin()
  queues = {}
  tickets.begin()
end

-- The queue of a group: `tickets` in order, `places` by member; `empty` until a ticket is known.
local function of(group)
  local q = queues[group]
  if not q then
    local key = image.waiting_key(group)
    local members = redis.call("ZRANGE", key, "0", LAST)
    image.proven(key)
    q = {
      key = key,
      most = READ,
      tickets = {},
      places = {},
      newcomers = {},
      releases = {},
      held_to = 0,
      entered = 0,
      empty = true,
    }
    if members[1] == nil then
      image.add_member(key, "+inf", "~")
    elseif members[2] or members[1] ~= "~" then
      tickets.read(q, members)
    end
    queues[group] = q
  end
  return q
end

local queue = { begin = begin, of = of }
