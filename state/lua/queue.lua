-- Waiting calls of a group, in the order of their turns. Mostly there are none. How they are stored: queued.lua; what
-- is kept for them: tickets.lua.
-- Uses: numbers, later, image, keyring, pending, recall, fair, queued
-- Defines: queue

local queues -- of this run: queues that are more than empty

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

local function forget()
  queues = nil
end

local function keep(group, q)
  if not queues then
    queues = {}
    later.at_end(flush)
    later.before_next(forget)
  end
  queues[group] = q
end

local function renumber(q, from)
  for i = from, #q.tickets do
    q.tickets[i].place = i - 1
  end
end

-- The queue of a group, which is known from run to run while it is empty: `tickets` {turn, until_ms, caller, request,
-- place from 0} in order, of which those read and those of this run; `more`: others stand behind them. `places`: member
-- -> ticket. `empty` until a ticket is known.
local function of(group)
  local empty_ones = recall.known.queues
  local q = empty_ones[group] or (queues and queues[group])
  if not q then
    local key = keyring.waiting(group)
    local found = queued.first(key)
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
      keep(group, q)
      q.fresh = false
      queued.read(q, found)
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
  local member = queued.ticket(request)
  if q.places[member] or request.ranked then
    return
  end
  local empty_ones = recall.known.queues
  empty_ones[request.group] = nil
  keep(request.group, q)
  local turn = fair.turn(q, request)
  pending.add_member(q.key, numbers.int(turn), member)
  local caller = queued.caller(member)
  fair.enter(q, turn, caller)
  q.entered, q.empty = q.entered + 1, false
  local at = count_before(q, turn, request.wait_until)
  if at < #q.tickets or not q.more then
    local ticket = { turn = turn, until_ms = request.wait_until, caller = caller, request = request, member = member }
    ticket.acting = true
    table.insert(q.tickets, at + 1, ticket)
    q.places[member] = ticket
    q.held_to = q.held_to + (at < q.held_to and 1 or 0)
    renumber(q, at + 1)
  end
end

-- The ticket in hand of a call, nil where it has none there.
local function ticket_of(q, request)
  return q.places[queued.ticket(request)]
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

-- The request is served, where others wait: its ticket goes, if it has one, and the turns go on.
local function serve(q, request)
  fair.serve(q, remove(q, queued.ticket(request)), request)
end

-- A ticket goes without having been served.
local function give_up(q, member)
  local turn = not q.empty and remove(q, member)
  if turn then
    fair.give_back(q, turn, queued.caller(member))
  end
end

-- So does that of a call that waits no more, if it has one.
local function leave(q, request)
  if not q.empty then
    give_up(q, queued.ticket(request))
  end
end

local queue = {
  of = of,
  is_idle = is_idle,
  count_before = count_before,
  length = length,
  enter = enter,
  ticket_of = ticket_of,
  serve = serve,
  give_up = give_up,
  leave = leave,
}
