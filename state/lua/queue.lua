-- Waiting calls: a ticket keeps a call's place, and newcomers do not pass a ticket that fits.
-- Uses: numbers, image, keys, room, now
-- Defines: queue
-- `waiting:<group>` ZSET "worker|id|input|output|wait_until" by priority x 10^13 + pool ms of the first try; "~" is the
-- sentinel, last. The first 64 tickets are read; who stands behind them is refused without a look at the room.

local queue = {}
local queues = {}
local READ = 64
local WORKER_DEAD_MS = 10000
local PRIORITY = 10 ^ 13
local GRACE_MS = 1000 -- a call's last try comes a little after its time

local alive = {}
local function is_alive(worker)
  if alive[worker] == nil then
    local beat = redis.call("ZSCORE", keys.workers, worker)
    alive[worker] = beat and now - tonumber(beat) < WORKER_DEAD_MS or false
  end
  return alive[worker]
end

-- The queue of a group: `tickets` in order, each {member, place from 0, request}. Tickets nobody waits for are dropped.
function queue.of(group)
  local q = queues[group]
  if q then
    return q
  end
  local key = image.waiting_key(group)
  local members = redis.call("ZRANGE", key, "0", numbers.int(READ))
  image.proven(key)
  if members[1] == nil then
    image.add_member(key, "+inf", "~")
  end
  q = { key = key, tickets = {}, places = {}, held_to = 0, entered = 0 }
  for _, member in ipairs(members) do
    local worker, input, output, wait_until = string.match(member, "^(.*)|[^|]*|(%d+)|(%d+)|(%d+)$")
    if worker and tonumber(wait_until) + GRACE_MS >= now and is_alive(worker) then
      local ticket = {
        member = member,
        place = #q.tickets,
        request = { input_tokens = tonumber(input), output_tokens = tonumber(output) },
      }
      q.tickets[#q.tickets + 1] = ticket
      q.places[member] = ticket
    elseif member ~= "~" then
      image.remove_member(key, member)
    end
  end
  queues[group] = q
  return q
end

local function score(priority)
  return priority * PRIORITY + now
end

-- How many tickets stand before this call: its own ticket's place, or for a newcomer all of its priority or better.
function queue.place(q, member, priority)
  local ticket = q.places[member]
  if ticket then
    return ticket.place
  elseif #q.tickets == 0 then
    return q.entered
  end
  local rank = #q.tickets >= READ and redis.call("ZRANK", q.key, member)
  return rank or q.entered + redis.call("ZCOUNT", q.key, "-inf", numbers.int(score(priority)))
end

-- This run decides the call of this ticket itself, so no room is kept for it meanwhile.
function queue.acts(q, member)
  local ticket = q.places[member]
  if ticket then
    ticket.acting = true
  end
end

-- Keep room for the tickets before `place` that fit; false if more stand there than were read.
function queue.hold_before(q, place, members)
  if place > #q.tickets then
    return #q.tickets < READ
  end
  if place > q.held_to then
    room.load(members)
  end
  for i = q.held_to + 1, place do
    local ticket = q.tickets[i]
    if not ticket.acting then
      for _, d in ipairs(members) do
        local ok, reason = pcall(room.check, d, ticket.request)
        if ok and not reason then
          room.hold(d, ticket.request)
          break
        end
      end
    end
  end
  q.held_to = math.max(q.held_to, place)
  return true
end

-- Take a place, behind all of the same priority.
function queue.enter(q, member, priority)
  if not q.places[member] then
    image.write("ZADD", q.key, "NX", numbers.int(score(priority)), member)
    q.entered = q.entered + 1
  end
end

-- The call waits no more.
function queue.leave(q, member)
  image.remove_member(q.key, member)
end

-- Pool time at which place `place` (0 = first) may be served; nil if unknown. The schedule is kept for the run and made
-- anew, twice as long, when a place lies beyond it. A cooling deployment gives one place, its probe's.
function queue.due(q, place, panel, request)
  local schedule = q.schedule
  if not schedule or schedule.wanted < place + 1 then
    schedule = { wanted = math.max(16, 2 * (place + 1)) }
    for _, d in ipairs(panel.members) do
      pcall(room.releases, d, request, schedule.wanted, schedule) -- a garbled one releases nothing
    end
    for _, refusal in ipairs(panel.refusals) do
      if refusal[3] then
        schedule[#schedule + 1] = { refusal[3], 1 }
      end
    end
    table.sort(schedule, function(a, b)
      return a[1] < b[1]
    end)
    q.schedule = schedule
  end
  local units = 0
  for _, release in ipairs(schedule) do
    units = units + release[2]
    if units > place then
      return release[1]
    end
  end
  return nil
end
