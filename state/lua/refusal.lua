-- Why a call was not served and when it may be; and what else few acquires ask for: explanations, the best-ranked.
-- Uses: numbers, image, tickets, outlook, clock
-- Defines: refusal
-- A refusal is {id, reason, ready_ms or nil}.

local HOPELESS = { too_large = true, unknown = true, garbled = true, drained = true }

local function time_or_dash(at_ms)
  return at_ms and numbers.int(at_ms) or "-"
end

-- Pool time from which this member has room; nil where nobody knows.
local function ready(d, request)
  local ok, ready_ms = pcall(outlook.due, d, request)
  return ok and ready_ms or nil
end

-- Why this member, which was asked, did not serve. `reason`: the limit that is full, nil for a garbled one.
local function of(d, request, reason)
  local ready_ms = reason and ready(d, request)
  if ready_ms == clock.now then -- full only by what is kept for earlier tickets
    return { d.id, "behind_tickets" }
  end
  return { d.id, reason or "garbled", ready_ms or nil }
end

-- More calls wait than were read: nobody is asked.
local function all_behind(request, panel, refusals)
  for _, d in ipairs(panel.members) do
    refusals[#refusals + 1] = { d.id, "behind_tickets", ready(d, request) }
  end
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
    if not HOPELESS[refused[2]] then
      any, unknown = true, unknown or (not refused[3] and refused[2] ~= "behind_tickets")
    end
  end
  return any, unknown
end

-- The reply to a refused call: it waits and keeps its place, or it is told why.
local function answer(request, q, place, panel, refusals)
  local earliest
  if place == 0 then
    earliest = earliest_of(refusals)
  else
    earliest = tickets.due(q, place, panel, request)
  end
  local any, unknown = hopes(refusals)
  unknown = unknown or not earliest or earliest <= clock.now
  if any and request.wait_until > clock.now and (unknown or earliest <= request.wait_until) then
    tickets.enter(q, request)
    return "wait " .. time_or_dash(earliest) .. " " .. numbers.int(place) .. (unknown and " 1" or " 0")
  end
  if request.wait_until > 0 and not q.empty then
    image.remove_member(q.key, request.ticket)
  end
  local reply = { "full", time_or_dash(earliest), numbers.int(place) }
  for _, refused in ipairs(refusals) do
    reply[#reply + 1] = refused[1] .. " " .. refused[2] .. " " .. time_or_dash(refused[3])
  end
  return table.concat(reply, " ")
end

-- The reply to a dry run.
local function explain(panel, chosen, found, refusals)
  local earliest = not chosen and earliest_of(refusals) or nil
  local reply = { "dry", chosen and panel.members[chosen].id or "-", time_or_dash(earliest) }
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

-- Ids of the `count` best-ranked members, each after a space.
local function best(panel, found, count)
  local order = {}
  for i = 1, #found do
    order[i] = i
  end
  table.sort(order, function(a, b)
    return found[a] < found[b]
  end)
  local ids = ""
  for i = 1, math.min(count, #order) do
    ids = ids .. " " .. panel.members[order[i]].id
  end
  return ids
end

local refusal = { of = of, all_behind = all_behind, answer = answer, explain = explain, best = best }
