-- Why a call was not served and when it may be; and what else few acquires ask for: explanations, the best-ranked.
-- Uses: numbers, queue, tickets, outlook, own, clock
-- Defines: refusal
-- A refusal is {id, reason, ready_ms or nil, true where that will never be otherwise}.

local MOST_WAITING = 10000 -- of a group, if the call says nothing else
local HOPELESS = { too_large = true, unknown = true, garbled = true, drained = true }

local function time_or_dash(at_ms)
  return at_ms and numbers.int(at_ms) or "-"
end

-- Pool time from which this member has room; nil where nobody knows.
local function ready(d, request)
  local ok, ready_ms = pcall(outlook.due, d, request)
  return ok and ready_ms or nil
end

-- Why this member, which was asked, did not serve. `reason`: the limit that is full, or "garbled"; `never`: it can
-- never have room for the request.
local function of(d, request, reason, never)
  local ready_ms = not never and reason ~= "garbled" and ready(d, request)
  if ready_ms == clock.now then -- full only by what is kept for earlier tickets
    return { d.id, "behind_tickets" }
  end
  return { d.id, reason, ready_ms or nil, never }
end

-- More calls wait than were read: nobody is asked.
local function all_behind(request, panel)
  local refusals = {}
  for _, d in ipairs(panel.members) do
    refusals[#refusals + 1] = { d.id, "behind_tickets", ready(d, request) }
  end
  return refusals
end

local function earliest_of(refusals)
  local earliest
  for _, refused in ipairs(refusals) do
    if refused[3] and (not earliest or refused[3] < earliest) then
      earliest = refused[3]
    end
  end
  return earliest
end

-- May any of them come back, and may one do so at a time nobody knows (a call in flight ends, a probe succeeds)?
local function hopes(refusals)
  local any, unknown = false, false
  for _, refused in ipairs(refusals) do
    if not HOPELESS[refused[2]] and not refused[4] then
      any, unknown = true, unknown or (not refused[3] and refused[2] ~= "behind_tickets")
    end
  end
  return any, unknown
end

-- Pool time at which a place should be served, nil if nobody can know; and the time before which it will not be, where
-- that matters: the one is a forecast, the other sends nobody away who would have had his turn.
local function expected(request, q, place, panel, refusals)
  if place == 0 then
    local earliest = earliest_of(refusals)
    return earliest, earliest
  end
  local at_ms = tickets.expected(q, place, panel, request)
  if at_ms and at_ms <= request.wait_until then
    return at_ms, at_ms
  end
  return at_ms, tickets.due(q, place, panel, request)
end

-- As many wait as may.
local function refuse_place(refusals)
  for _, refused in ipairs(refusals) do
    refused[2] = HOPELESS[refused[2]] and refused[2] or "queue_full"
  end
end

-- May room come, may it at any time, when it should and before when it will not (nil: nobody knows), and whose limit
-- stands in its way besides those of who could serve.
local function prospects(request, q, place, panel, refusals)
  local any, unknown = hopes(refusals)
  local who, at_ms = own.blocking(request, panel.members)
  if not who then
    return any, unknown, expected(request, q, place, panel, refusals)
  end
  at_ms = at_ms and math.max(at_ms, earliest_of(refusals) or 0)
  return any, not at_ms, at_ms, at_ms, who
end

-- The reply to a refused call: it waits and keeps its place, or it is told why. What waits for its own caller's limits
-- keeps none: no room would be of use to it, and others may be served meanwhile.
local function answer(request, q, place, panel, refusals)
  local any, unknown, at_ms, earliest, who = prospects(request, q, place, panel, refusals)
  local may_come = unknown or not earliest or earliest <= math.max(request.wait_until, clock.now)
  if any and request.wait_until > clock.now and may_come then
    unknown = unknown or not at_ms or at_ms <= clock.now
    local reply = "wait " .. time_or_dash(at_ms) .. " " .. numbers.int(place) .. (unknown and " 1 " or " 0 ")
    if who then
      queue.leave(q, request)
      return reply .. who
    elseif request.ranked or queue.ticket_of(q, request) then
      return reply .. "-"
    elseif queue.length(q) < (request.most_waiting or MOST_WAITING) then
      queue.enter(q, request)
      return reply .. numbers.int(request.turn)
    end
    refuse_place(refusals)
  end
  if request.wait_until > 0 then
    queue.leave(q, request)
  end
  local reply = { "full", time_or_dash(at_ms or earliest), numbers.int(place), numbers.int(queue.length(q)) }
  for _, refused in ipairs(refusals) do
    reply[#reply + 1] = refused[1] .. " " .. refused[2] .. " " .. time_or_dash(refused[3])
  end
  return table.concat(reply, " ")
end

-- The reply to a dry run.
local function explain(request, q, place, panel, chosen, found, refusals)
  local earliest = not chosen and expected(request, q, place, panel, refusals) or nil
  local reply = { "dry", chosen and panel.members[chosen].id or "-", time_or_dash(earliest) }
  reply[#reply + 1] = numbers.int(place) .. " " .. numbers.int(queue.length(q))
  local refused = {}
  for _, one in ipairs(refusals) do
    refused[one[1]] = one[2] .. " " .. time_or_dash(one[3])
  end
  for i, d in ipairs(panel.members) do
    local ranked = numbers.int(d.order) .. " " .. numbers.num(found[i])
    reply[#reply + 1] = d.id .. " " .. ranked .. " " .. (refused[d.id] or "- -")
  end
  for _, one in ipairs(panel.refusals) do
    reply[#reply + 1] = one[1] .. " 0 - " .. refused[one[1]]
  end
  return table.concat(reply, " ")
end

-- Ids of the `count` best-ranked members, each after a space. Sorting would call Lua from C for each comparison.
local function best(panel, found, count)
  local order, n, members, worst = {}, 0, panel.members, math.huge
  for i = 1, #members do
    local rank = found[i]
    if n < count or rank < worst then
      local at = math.min(n, count - 1)
      n = at + 1
      while at > 0 and rank < found[order[at]] do
        order[at + 1] = order[at]
        at = at - 1
      end
      order[at + 1] = i
      worst = found[order[n]]
    end
  end
  local ids = {}
  for j = 1, n do
    ids[j] = " " .. members[order[j]].id
  end
  return table.concat(ids)
end

local refusal = { of = of, all_behind = all_behind, answer = answer, explain = explain, best = best }
