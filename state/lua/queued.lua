-- Tickets as they are stored. Who waits no more is dropped with the first look at him.
-- Uses: numbers, later, shared, pending, keys, fair, clock
-- Defines: queued
-- `waiting:<group>` ZSET "wait_until|worker|id|input|output|caller" by turn, then notes (fair.lua); "~" is the
-- sentinel, last. A caller is "alice" or, with all whom the call names, "alice=user:alice=team:red=". The first 64 are
-- read; who stands behind them is refused without a look at the room.

local READ, MOST_READ = 64, 1024 -- tickets; the more only where those before them are void
local WORKER_DEAD_MS = 10000
local GRACE_MS = 1000 -- a call's last try comes a little after its time
local FORM = "^(%d+)|([^|]*)|[^|]*|(%d+)|(%d+)|([^|=]*)[^|]*$"

local FIRST, LAST = "0", numbers.int(READ)

local alive -- of this run: worker -> does it live?

local function forget()
  alive = nil
end

local function is_alive(worker)
  if not alive then
    alive = {}
    later.before_next(forget)
  end
  if alive[worker] == nil then
    local beat = redis.call("ZSCORE", keys.workers, worker)
    alive[worker] = beat and clock.now - tonumber(beat) < WORKER_DEAD_MS or false
  end
  return alive[worker]
end

-- The ticket of a call.
local function ticket_of(request)
  if not request.ticket then
    local tokens = numbers.int(request.input_tokens) .. "|" .. numbers.int(request.output_tokens)
    local head = numbers.int(request.wait_until) .. "|" .. shared.worker .. "|" .. request.id .. "|"
    request.ticket = head .. tokens .. "|" .. request.caller
  end
  return request.ticket
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

-- The first members of a queue, each with its turn.
local function first(key)
  return redis.call("ZRANGE", key, FIRST, LAST, "WITHSCORES")
end

-- Read the tickets from rank `from` on. `found`: the first READ + 1 members there with their turns.
local function read_from(q, found, from)
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
    read_from(q, redis.call("ZRANGE", q.key, numbers.int(from), numbers.int(from + READ), "WITHSCORES"), from)
  end
end

local function read(q, found)
  read_from(q, found, 0)
end

-- Whose turn it is.
local function caller_of(member)
  return string.match(member, "([^|=]*)[^|]*$")
end

-- Does a ticket's call name this subject?
local function names(member, subject)
  return string.find(member, "=" .. subject .. "=", 1, true) ~= nil
end

local queued = { first = first, read = read, ticket = ticket_of, caller = caller_of, names = names }
