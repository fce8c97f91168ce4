-- A ticket keeps a waiting call's place, and newcomers do not pass a ticket that fits.
-- Uses: numbers, queued, queue, fair, room, crowd, outlook, forecast, clock
-- Defines: tickets

-- How many tickets stand before this call: before its own ticket, or before the turn of a newcomer.
local function place(q, request)
  local ticket = queue.ticket_of(q, request)
  if ticket then
    return ticket.place
  end
  local waits = request.wait_until > 0
  local rank = q.more and waits and redis.call("ZRANK", q.key, queued.ticket(request))
  if rank then
    request.ranked = true
    return math.max(#q.tickets, rank + q.entered - q.left)
  end
  local turn = fair.turn(q, request)
  local before = queue.count_before(q, turn, waits and request.wait_until or math.huge)
  if before < #q.tickets or not q.more then
    return before
  end
  return math.max(before, redis.call("ZCOUNT", q.key, "-inf", numbers.int(turn)) + q.entered - q.left)
end

-- The call will be decided in this run: its place, and its turn if it is a newcomer. No room is kept for its ticket
-- meanwhile.
local function expect(q, request)
  local ticket = queue.ticket_of(q, request)
  if ticket then
    ticket.acting = true
    return ticket.place, math.huge
  end
  return place(q, request), request.turn or math.huge
end

-- Keep room for the tickets before `place` that fit; false if more stand there than were read.
local function hold_before(q, place_of_call, members, request)
  if place_of_call > #q.tickets then
    if q.more then
      return false
    end
    place_of_call = #q.tickets -- others before it were dropped in this run
  end
  if place_of_call > q.held_to then
    crowd.load(members, request)
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

-- What the calls before a place take of a resource, and this one: those in hand one by one, those behind them as the
-- mean.
local function wanted(q, place_of_call, request, resource)
  local sum, counted = 0, math.min(place_of_call, #q.tickets)
  for i = 1, counted do
    sum = sum + outlook.wants(q.tickets[i].request, resource)
  end
  local mean = counted > 0 and sum / counted or outlook.wants(request, resource)
  return sum + (place_of_call - counted) * mean + outlook.wants(request, resource)
end

-- A cooldown that ends before may make room too.
local function or_sooner(at_ms, panel)
  for _, refused in ipairs(panel.refusals) do
    if refused[3] then
      at_ms = math.min(at_ms or math.huge, refused[3])
    end
  end
  return at_ms
end

-- Pool time at which a place should be served, if all are as large as those in hand in the mean; nil if nobody can
-- know.
local function expected(q, place_of_call, panel, request)
  if not q.forecast then
    local input, output, count = 0, 0, #q.tickets
    for i = 1, count do
      local one = q.tickets[i].request
      input, output = input + one.input_tokens, output + one.output_tokens
    end
    local mean = count == 0 and request or { input_tokens = input / count, output_tokens = output / count }
    q.forecast = forecast.of(panel.members, mean)
  end
  local ok, at_ms = pcall(forecast.reached, q.forecast, place_of_call + 1)
  at_ms = or_sooner(ok and at_ms or nil, panel)
  return at_ms and at_ms > clock.now and at_ms or nil
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
  latest = or_sooner(latest, panel)
  return latest > clock.now and latest or nil
end

local tickets = { place = place, expect = expect, hold_before = hold_before, expected = expected, due = due }
