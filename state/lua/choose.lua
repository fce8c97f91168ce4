-- The order in which candidates are tried.
-- Uses: holders, outlook, roster, in_flight, ranks, clock
-- Defines: choose
-- First the lowest `order`; in it those that levels.lua puts first, then a deployment that waits for its probe, then
-- the lowest rank; ties at random.

local ALL, BASE = roster.ALL, roster.BASE
local huge = math.huge
local ranked = {} -- ranks of the last request
local state -- of its random numbers

-- Uniform in (0, 1), the same on every engine (Park and Miller): Redis seeds math.random alike in every run.
local function draw_next()
  state = state * 48271 % 2147483647
  return state / 2147483647
end

-- The numbers that follow from a seed; until the next seed is given.
local function random(seed)
  state = seed
  return draw_next
end

-- The columns that a request's strategies read. An unknown one is the error of its own operation.
local function columns_of(request)
  local strategy = ranks[request.strategy]
  if strategy and strategy.reads_learned then
    return ALL
  end
  return request.shadow and columns_of(request.shadow) or BASE
end

-- Read what the strategies of a run ask for, for all its candidates. `entries`: as of run.parse.
local function load(entries)
  local lists, wanted = nil, BASE
  for i = 1, #entries do
    local request = entries[i]
    local columns = columns_of(request)
    if not roster.knows(request.candidates, columns) then
      lists, wanted = lists or {}, columns == ALL and ALL or wanted
      lists[#lists + 1] = request.candidates
    end
  end
  if lists then
    roster.load_all(lists, wanted)
  end
end

-- The ranks of a panel's members for this request; the next one's take their place, whatever its panel. A strategy may
-- rank all of them at once (`prepare` says so), which saves a call for each.
local function ranks_of(panel, request, draw)
  local strategy, members, now = panel.strategy, panel.members, clock.now
  if strategy.reads_windows then
    holders.load(members)
    for i = 1, #members do
      members[i].used = outlook.used_share(members[i])
    end
  end
  if strategy.reads_tokens then
    in_flight.tell(members, request)
  end
  if strategy.prepare and strategy.prepare(members, request, now, draw, ranked, not panel.timed) then
    return ranked
  end
  local rank = strategy.rank
  for i = 1, #members do
    ranked[i] = rank(members[i], request, now, draw)
  end
  return ranked
end

-- Index of the lowest of so many, one of the lowest at random; nil where there is none. What is not a number is lower
-- than nothing.
local function lowest(list, count, draw)
  local best, least, ties = nil, huge, 0
  for i = 1, count do
    local value = list[i]
    if value <= least then
      if value < least then
        best, least, ties = i, value, 1
      else
        ties = ties + 1
      end
    end
  end
  if best and ties == 1 then
    return best
  end
  local skip = math.floor(draw() * ties)
  for i = 1, count do
    if list[i] == least then
      if skip == 0 then
        return i
      end
      skip = skip - 1
    end
  end
  return count > 0 and 1 or nil
end

-- Index of the best member, nil where there is none. `alike`: all levels are the same.
local function first_of(levels, found, draw, alike)
  if alike then
    return lowest(found, #levels, draw)
  end
  local level, at, of_level = math.huge, {}, {}
  for i = 1, #levels do
    if levels[i] < level then
      level, at, of_level = levels[i], {}, {}
    end
    if levels[i] == level then
      at[#at + 1], of_level[#of_level + 1] = i, found[i]
    end
  end
  return at[lowest(of_level, #at, draw)]
end

-- The indexes of those that are not `refused` (by index), in their order.
local function others_of(levels, found, draw, refused)
  local order, rank, chance = {}, {}, {}
  for i = 1, #levels do
    if not refused[i] then
      rank[i], chance[i] = found[i] == found[i] and found[i] or math.huge, draw()
      order[#order + 1] = i
    end
  end
  table.sort(order, function(a, b)
    if levels[a] ~= levels[b] then
      return levels[a] < levels[b]
    elseif rank[a] ~= rank[b] then
      return rank[a] < rank[b]
    end
    return chance[a] < chance[b]
  end)
  return order
end

local choose = { random = random, load = load, ranks = ranks_of, first = first_of, others = others_of }
