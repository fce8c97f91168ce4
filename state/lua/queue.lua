-- Waiting calls of a group, in the order of their turns. Mostly there are none; what is kept for them: tickets.lua.
-- Uses: numbers, image, keyring, pending, recall, keys, fair, clock
-- Defines: queue
-- `waiting:<group>` ZSET "wait_until|worker|id|input|output|caller" by turn, then notes (fair.lua); "~" is the
-- sentinel, last. The first 64 tickets are read; who stands behind them is refused without a look at the room.

local READ, MOST_READ = 64, 1024 -- tickets; the more only where those before them are void
local WORKER_DEAD_MS = 10000
local GRACE_MS = 1000 -- a call's last try comes a little after its time
local FORM = "^(%d+)|([^|]*)|[^|]*|(%d+)|(%d+)|([^|]*)$"

local queues, alive -- of this run: queues that are more than empty; worker -> does it live?
local used = true

local function begin()
  if used then
    queues, alive, used = {}, {}, false
  end
end

local function is_alive(worker)
  if alive[worker] == nil then
    used = true
    local beat = redis.call("ZSCORE", keys.workers, worker)
    alive[worker] = beat and clock.now - tonumber(beat) < WORKER_DEAD_MS or false
  end
  return alive[worker]
end

local function renumber(q, from)
  for i = from, #q.tickets do
    q.tickets[i].place = i - 1
  end
end

-- A ticket as it stands there; one that nobody waits for any more is dropped.
local function take(q, member, turn)
  local wait_until, worker, input, output, caller = string.match(member, FORM)
  if worker and tonumber(wait_until) + GRACE_MS >= clock.now and is_alive(worker) then
    local request = { input_tokens = tonumber(input), output_tokens = tonumber(output) }
    local at = #q.tickets
    local ticket =
      { turn = turn, until_ms = tonumber(wait_until), caller = caller, request = request, place = at, member = member }
    q.tickets[at + 1], q.places[member] = ticket, ticket
    return
  end
  pending.remove_member(q.key, member)
  q.left = q.left + 1
  if caller then
    fair.give_back(q, turn, caller)
  end
end

-- Read the tickets from rank `from` on. `found`: the first READ + 1 members there with their turns.
local function read(q, found, from)
  for i = 1, #found, 2 do
    local turn = tonumber(found[i + 1])
    if turn >= fair.NOTES then
      q.more = false
      return
    end
    take(q, found[i], turn)
  end
  q.more = #found == 2 * (READ + 1)
  from = from + READ + 1
  if q.more and #q.tickets < READ and from < MOST_READ then
    read(q, redis.call("ZRANGE", q.key, numbers.int(from), numbers.int(from + READ), "WITHSCORES"), from)
  end
end

local FIRST, LAST = "0", numbers.int(READ)

-- The queue of a group, which is known from run to run while it is empty: `tickets` {turn, until_ms, caller, request,
-- place from 0} in order, of which those read and those of this run; `more`: others stand behind them. `places`: member
-- -> ticket. `empty` until a ticket is known.
local function of(group)
  local empty_ones = recall.known.queues
  local q = empty_ones[group] or queues[group]
  if not q then
    local key = keyring.waiting(group)
    local found = redis.call("ZRANGE", key, FIRST, LAST, "WITHSCORES")
    image.proven(key)
    q = {
      key = key,
      tickets = {},
      places = {},
      more = false,
      entered = 0, -- in this run
      left = 0, -- in this run
      releases = {},
      held_to = 0,
      notes = {},
      noted = {},
      planned = {},
      fresh = true, -- nothing is noted
      empty = true,
    }
    if found[1] == nil then
      pending.add_member(key, "+inf", "~")
    end
    if found[1] == nil or found[1] == "~" then
      empty_ones[group] = q
    else
      queues[group], used = q, true
      q.fresh = false
      read(q, found, 0)
      q.empty = #q.tickets == 0 and not q.more
      if q.empty then
        fair.clear(q)
      end
    end
  end
  return q
end

-- Is it known that nobody waits in a group?
local function is_idle(group)
  return recall.known.queues[group] ~= nil
end

-- How many of the tickets in hand stand before a turn.
local function count_before(q, turn, until_ms)
  local low, high = 1, #q.tickets + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    local other = q.tickets[middle]
    if other.turn < turn or (other.turn == turn and other.until_ms <= until_ms) then
      low = middle + 1
    else
      high = middle
    end
  end
  return low - 1
end

-- How many wait.
local function length(q)
  if not q.more then
    return #q.tickets
  end
  q.stored = q.stored or redis.call("ZCOUNT", q.key, "-inf", "(" .. fair.START)
  return math.max(#q.tickets, q.stored + q.entered - q.left)
end

-- Take a place.
local function enter(q, request)
  if q.places[request.ticket] or request.ranked then
    return
  end
  local empty_ones = recall.known.queues
  empty_ones[request.group], queues[request.group], used = nil, q, true
  local turn = fair.turn(q, request)
  pending.add_member(q.key, numbers.int(turn), request.ticket)
  fair.enter(q, turn, request.caller)
  q.entered, q.empty = q.entered + 1, false
  local at = count_before(q, turn, request.wait_until)
  if at < #q.tickets or not q.more then
    local ticket = { turn = turn, until_ms = request.wait_until, caller = request.caller, request = request }
    ticket.acting, ticket.member = true, request.ticket
    table.insert(q.tickets, at + 1, ticket)
    q.places[request.ticket] = ticket
    q.held_to = q.held_to + (at < q.held_to and 1 or 0)
    renumber(q, at + 1)
  end
end

-- A ticket goes. Returns its turn, nil if there was none.
local function remove(q, member)
  local ticket = q.places[member]
  if ticket then
    local at = ticket.place + 1
    table.remove(q.tickets, at)
    q.places[member] = nil
    q.held_to = q.held_to - (at <= q.held_to and 1 or 0)
    renumber(q, at)
  end
  local turn = ticket and ticket.turn or (q.more and tonumber(redis.call("ZSCORE", q.key, member) or nil))
  if turn then
    pending.remove_member(q.key, member)
    q.left = q.left + 1
  end
  return turn or nil
end

-- The request is served: its ticket goes, if it has one, and the turns go on.
local function serve(q, request)
  if not q.empty then
    fair.serve(q, remove(q, request.ticket), request)
  end
end

-- A ticket goes without having been served.
local function give_up(q, member)
  local turn = not q.empty and remove(q, member)
  if turn then
    fair.give_back(q, turn, string.match(member, "([^|]*)$"))
  end
end

-- Write what the turns need: nothing where nobody waits any more.
local function flush()
  for _, q in pairs(queues) do
    if #q.tickets > 0 or q.more then
      fair.flush(q)
    elseif not q.fresh then
      fair.clear(q)
    end
  end
end

local queue = {
  begin = begin,
  of = of,
  is_idle = is_idle,
  count_before = count_before,
  length = length,
  enter = enter,
  serve = serve,
  give_up = give_up,
  flush = flush,
}
