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
  q = { key = key, tickets = {}, places = {}, held_to = 0, entered = 0, newcomers = {}, releases = {} }
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
function queue.enter(q, request)
  if not q.places[request.ticket] then
    image.write("ZADD", q.key, "NX", numbers.int(score(request.priority)), request.ticket)
    q.entered = q.entered + 1
    q.newcomers[q.entered] = request
  end
end

-- The call waits no more.
function queue.leave(q, member)
  image.remove_member(q.key, member)
end

-- What the calls before `place` take of a resource, and this one: those read one by one, those behind them as the mean.
local function wanted(q, place, request, resource)
  local sum, counted = 0, 0
  for _, list in ipairs({ q.tickets, q.newcomers }) do
    for _, one in ipairs(list) do
      if counted < place then
        counted = counted + 1
        sum = sum + room.wants(one.request or one, resource)
      end
    end
  end
  local mean = counted > 0 and sum / counted or room.wants(request, resource)
  return sum + (place - counted) * mean + room.wants(request, resource)
end

-- Pool time from which there is room for place `place` (0 = first) and all before it; nil if nobody can know. It is
-- taken as if all room were in one: never too late, so nobody is sent away who would have had his turn. What is
-- released when is read once a run. After a cooldown anything may be.
function queue.due(q, place, panel, request)
  local due = now
  for _, resource in ipairs(room.RESOURCES) do
    q.releases[resource] = q.releases[resource] or room.releases(panel.members, resource)
    local missing, at_ms = wanted(q, place, request, resource), nil
    for _, release in ipairs(q.releases[resource]) do
      missing = missing - release[2]
      at_ms = release[1]
      if missing <= 0 then
        break
      end
    end
    due = math.max(due, at_ms or now)
  end
  for _, refusal in ipairs(panel.refusals) do
    if refusal[3] then
      due = math.min(due, refusal[3])
    end
  end
  return due > now and due or nil
end
