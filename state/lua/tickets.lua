-- A ticket keeps a waiting call's place, and newcomers do not pass a ticket that fits.
-- Uses: numbers, image, keys, room, outlook, clock
-- Defines: tickets
-- Stored as queue.lua says.

local WORKER_DEAD_MS = 10000
local PRIORITY = 10 ^ 13
local GRACE_MS = 1000 -- a call's last try comes a little after its time

local alive

local function begin()
  alive = {}
end

local function is_alive(worker)
  if alive[worker] == nil then
    local beat = redis.call("ZSCORE", keys.workers, worker)
    alive[worker] = beat and clock.now - tonumber(beat) < WORKER_DEAD_MS or false
  end
  return alive[worker]
end

-- Put the members read into the queue, each as {member, place from 0, request}. Tickets nobody waits for are dropped.
local function read(q, members)
  for _, member in ipairs(members) do
    local worker, input, output, wait_until = string.match(member, "^(.*)|[^|]*|(%d+)|(%d+)|(%d+)$")
    if worker and tonumber(wait_until) + GRACE_MS >= clock.now and is_alive(worker) then
      local ticket = {
        member = member,
        place = #q.tickets,
        request = { input_tokens = tonumber(input), output_tokens = tonumber(output) },
      }
      q.tickets[#q.tickets + 1] = ticket
      q.places[member] = ticket
    elseif member ~= "~" then
      image.remove_member(q.key, member)
    end
  end
  q.empty = #q.tickets == 0 and #members <= q.most
end

local function score(priority)
  return priority * PRIORITY + clock.now
end

-- How many tickets stand before this call: its own ticket's place, or for a newcomer all of its priority or better.
local function place(q, member, priority)
  local ticket = q.places[member]
  if ticket then
    return ticket.place
  elseif #q.tickets == 0 then
    return q.entered
  end
  local rank = #q.tickets >= q.most and redis.call("ZRANK", q.key, member)
  return rank or q.entered + redis.call("ZCOUNT", q.key, "-inf", numbers.int(score(priority)))
end

-- This run decides the call of this ticket itself, so no room is kept for it meanwhile.
local function acts(q, member)
  local ticket = q.places[member]
  if ticket then
    ticket.acting = true
  end
end

-- Keep room for the tickets before `place` that fit; false if more stand there than were read.
local function hold_before(q, place_of_call, members, request)
  if place_of_call > #q.tickets then
    if #q.tickets >= q.most then
      return false
    end
    place_of_call = #q.tickets -- others before it entered, or were dropped, in this run
  end
  if place_of_call > q.held_to then
    room.load_full(members, request)
  end
  for i = q.held_to + 1, place_of_call do
    local ticket = q.tickets[i]
    if not ticket.acting then
      for _, d in ipairs(members) do
        local ok, reason = pcall(room.admit, d, ticket.request)
        if ok and not reason then
          outlook.hold(d, ticket.request)
          break
        end
      end
    end
  end
  q.held_to = math.max(q.held_to, place_of_call)
  return true
end

-- Take a place, behind all of the same priority.
local function enter(q, request)
  if not q.places[request.ticket] then
    image.write("ZADD", q.key, "NX", numbers.int(score(request.priority)), request.ticket)
    q.entered, q.empty = q.entered + 1, false
    q.newcomers[q.entered] = request
  end
end

-- What the calls before a place take of a resource, and this one: those read one by one, those behind them as the mean.
local function wanted(q, place_of_call, request, resource)
  local sum, counted = 0, 0
  for _, list in ipairs({ q.tickets, q.newcomers }) do
    for _, one in ipairs(list) do
      if counted < place_of_call then
        counted = counted + 1
        sum = sum + outlook.wants(one.request or one, resource)
      end
    end
  end
  local mean = counted > 0 and sum / counted or outlook.wants(request, resource)
  return sum + (place_of_call - counted) * mean + outlook.wants(request, resource)
end

-- Pool time from which there is room for a place (0 = first) and all before it; nil if nobody can know. It is taken as
-- if all room were in one: never too late, so nobody is sent away who would have had his turn. What is released when is
-- read once a run. After a cooldown anything may be.
local function due(q, place_of_call, panel, request)
  local latest = clock.now
  for _, resource in ipairs(outlook.RESOURCES) do
    q.releases[resource] = q.releases[resource] or outlook.releases(panel.members, resource)
    local missing, at_ms = wanted(q, place_of_call, request, resource), nil
    for _, release in ipairs(q.releases[resource]) do
      missing = missing - release[2]
      at_ms = release[1]
      if missing <= 0 then
        break
      end
    end
    latest = math.max(latest, at_ms or clock.now)
  end
  for _, refused in ipairs(panel.refusals) do
    if refused[3] then
      latest = math.min(latest, refused[3])
    end
  end
  return latest > clock.now and latest or nil
end

local tickets =
  { begin = begin, read = read, place = place, acts = acts, hold_before = hold_before, enter = enter, due = due }
