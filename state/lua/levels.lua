-- Who is tried before or after what the ranks say: the deployment of a session, wishes, preferred ones; those that
-- failed last; and whom panic let in.
-- Uses: panels, doubt
-- Defines: levels
-- A wish may be bounded: it is one only while the deployment has at most 1.25 times its share of the calls in flight
-- (consistent hashing with bounded loads: Mirrokni, Thorup and Zadimoghaddam 2018), so that a popular key spills over.

local ORDER, RANKED = panels.ORDER, panels.RANKED
local BOUND = 1.25
local PINNED, OVERFULL, DOUBTED = 0, 1002, 1003 -- turns, see panels.lua; wishes, then preferred ones, from 1 on
local SHARE = 0.1 -- of the decisions in which one that panic let in stands beside the healthy ones
local BEHIND = 2 ^ 40 -- its level in the others: it serves what finds no room elsewhere

-- The levels of a panel in panic. Where nobody is healthy, all are alike.
local function in_panic(panel, draw)
  local levels, best = { unpack(panel.levels) }, nil
  for i = 1, #levels do
    local order = not panel.relieved[i] and panel.members[i].order
    best = order and math.min(best or order, order) or best
  end
  for i = 1, best and #levels or 0 do
    if panel.relieved[i] then
      levels[i] = draw() < SHARE and math.max(levels[i], best * ORDER + RANKED) or BEHIND
    end
  end
  return levels
end

-- In slow start one keeps its place in its share of the decisions only, or the whole fleet would meet it at once.
local function put(levels, panel, i, turn, draw)
  local d = panel.members[i]
  if levels[i] == BEHIND then
    return
  elseif d.state ~= "ramp" or draw() * d.settings.weight < d.weight then
    levels[i] = d.order * ORDER + turn
  end
end

-- Calls for each unit of weight that a wish may lead to: BOUND times the mean of the members of its order. A call to
-- come counts for each of them, or the first call of all would already be too much for one.
local function most_of(members, order)
  local calls, weight = 0, 0
  for i = 1, #members do
    local d = members[i]
    if d.order == order then
      calls, weight = calls + d.inflight + 1, weight + d.weight
    end
  end
  return weight > 0 and BOUND * calls / weight or 0
end

local function put_wishes(levels, panel, request, draw)
  local wishes, order, most = request.wishes, nil, nil
  for turn = 1, #wishes do
    local i = panel.at[wishes[turn]]
    local d = i and panel.members[i]
    if d and request.bounded and d.order ~= order then
      order, most = d.order, most_of(panel.members, d.order)
    end
    if d and request.bounded and d.inflight + 1 > math.ceil(most * d.weight - 1e-9) then
      levels[i] = math.max(levels[i], d.order * ORDER + OVERFULL)
    elseif d then
      put(levels, panel, i, turn, draw)
    end
  end
end

-- Whose last n calls failed comes last: always for a call that failed elsewhere, which has few attempts left and is no
-- probe either, and for others but one in 2^n, so that one failure of many does not empty it and its recovery is seen.
-- Now and then it is asked all the same (doubt.lua).
local function put_doubted(levels, panel, request, draw)
  for i = 1, #levels do
    local d = panel.members[i]
    local last = request.extra and (d.doubt > 0 or d.state == "open")
    if last or (d.doubt > 0 and not doubt.is_due(d) and draw() >= 0.5 ^ d.doubt) then
      levels[i] = math.max(levels[i], d.order * ORDER + DOUBTED)
    end
  end
end

-- The levels of a panel's members for this request, and whether they are all alike.
local function of(panel, request, draw)
  local levels = panel.relieved and in_panic(panel, draw) or panel.levels
  if not request.preferred and not request.wishes and not request.pinned and not panel.doubted then
    return levels, panel.alike and not panel.relieved
  end
  levels = panel.relieved and levels or { unpack(levels) }
  local wished = request.wishes and #request.wishes or 0
  for position = 1, math.min(request.preferred or 0, #request.candidates) do
    if panel.at[position] then
      put(levels, panel, panel.at[position], wished + position, draw)
    end
  end
  if request.wishes then
    put_wishes(levels, panel, request, draw)
  end
  for i = 1, request.pinned and #levels or 0 do
    if panel.members[i].id == request.pinned then
      put(levels, panel, i, PINNED, draw)
    end
  end
  if panel.doubted then
    put_doubted(levels, panel, request, draw)
  end
  return levels, false
end

local levels = { of = of }
