-- The order in which candidates are tried.
-- Uses: holders, outlook, deployment, roster, in_flight, ranks, panic, clock
-- Defines: choose
-- First the lowest `order`; in it those that levels.lua puts first, then a deployment that waits for its probe, then
-- the lowest rank; ties at random.

local ORDER = 4096 -- level = order * 4096 + turn; a turn is one of levels.lua, PROBE or RANKED
local PROBE, RANKED = 1000, 1001

local IDENTITY, NONE = {}, {} -- positions of a list of which all may be asked; nobody
local ranked = {} -- ranks of the last request

-- Uniform in (0, 1), the same on every engine (Park and Miller): Redis seeds math.random alike in every run.
local function random(seed)
  return function()
    seed = seed * 48271 % 2147483647
    return seed / 2147483647
  end
end

local function strategy_of(name)
  return ranks[name] or error("UNKNOWN strategy " .. name, 0)
end

-- Does a request's strategy read what was learned? An unknown one is the error of its own operation.
local function reads_learned(request)
  local strategy = ranks[request.strategy]
  return strategy and strategy.reads_learned
end

-- Read what the strategies of a run ask for, for all its candidates. `entries`: as of run.parse.
local function load(entries)
  local lists, wanted = {}, roster.BASE
  for i = 1, #entries do
    local request = entries[i].op
    if request.candidates ~= lists[#lists] then
      lists[#lists + 1] = request.candidates
    end
    if wanted ~= roster.ALL and (reads_learned(request) or (request.shadow and reads_learned(request.shadow))) then
      wanted = roster.ALL
    end
  end
  roster.load_all(lists, wanted)
end

-- Why no call may go to a deployment whatever the time: `d.refusal`; else its level and weight. `d.timed`: the time has
-- a say too.
local function conclude(d)
  local settings = d.settings
  d.stale, d.timed = false, d.state == "open" or d.state == "ramp"
  if deployment.garbled(d) then
    d.refusal = "garbled"
  elseif not settings then
    d.refusal = "unknown"
  elseif settings.drained then
    d.refusal = "drained"
  else
    d.refusal = d.state == "half-open" and "probing" or nil
    d.order, d.weight, d.level = settings.order, settings.weight, settings.order * ORDER + RANKED
    d.input_price, d.output_price = settings.input_price, settings.output_price
  end
end

-- What time has to say of one that is cooling or in slow start: why no call may go there, and when that changes.
local function judge(d)
  d.weight = deployment.weight(d)
  if d.state == "open" then
    if clock.now < d.until_ms then
      return "cooling", d.until_ms
    end
    d.level = d.order * ORDER + (d.weight > 0 and PROBE or RANKED)
  end
  return nil
end

-- The panel of a list of which all may be asked, whatever the time; nil where that is not so.
local function whole_panel(strategy, cards)
  local levels = {}
  for i = 1, #cards do
    local d = cards[i]
    if d.stale then
      conclude(d)
    end
    if d.refusal or d.timed or d.doubt > 0 or (strategy.reads_learned and d.learned == false) then
      return nil
    end
    levels[i] = d.level
  end
  for i = #IDENTITY + 1, #cards do
    IDENTITY[i] = i
  end
  return { members = cards, levels = levels, at = IDENTITY, refusals = NONE, strategy = strategy, timed = false }
end

-- Who may be asked at all: `members` with their `levels`, and the `refusals` {id, reason, ready_ms} of the others.
-- `at`: position in the list -> index of the member. `relieved`: those of them that only panic lets in. `timed`: only
-- for this run.
local function panel_for(strategy, cards)
  local panel = { members = {}, levels = {}, at = {}, refusals = {}, strategy = strategy, timed = false }
  panel.doubted = false -- somebody failed last, or waits for its probe
  for i = 1, #cards do
    local d = cards[i]
    if d.stale then
      conclude(d)
    end
    local refusal, ready_ms = d.refusal, nil
    if d.timed and not refusal then
      panel.timed = true
      refusal, ready_ms = judge(d)
    end
    if strategy.reads_learned and d.learned == false then
      refusal, ready_ms = "garbled", nil
    end
    if refusal then
      panel.refusals[#panel.refusals + 1] = { d.id, refusal, ready_ms }
    else
      panel.members[#panel.members + 1], panel.levels[#panel.levels + 1] = d, d.level
      panel.at[i] = #panel.members
      panel.doubted = panel.doubted or d.doubt > 0 or d.state == "open"
    end
  end
  if panel.refusals[1] then
    panic.relieve(panel, cards)
  end
  return panel
end

-- The panel of a request: it lasts until something about somebody changes.
local function panel_of(request)
  local cards, name = roster.list(request.candidates), request.strategy
  local panel = cards.panels[name]
  if not panel or panel.changes ~= roster.changes or (panel.timed and panel.made_ms ~= clock.now) then
    local strategy = strategy_of(name)
    panel = whole_panel(strategy, cards) or panel_for(strategy, cards)
    panel.changes, panel.made_ms = roster.changes, clock.now
    cards.panels[name] = panel
  end
  return panel
end

-- The ranks of a panel's members for this request; the next one's take their place, whatever its panel.
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
  if strategy.prepare then
    strategy.prepare(members, request, now, draw)
  end
  local rank = strategy.rank
  for i = 1, #members do
    ranked[i] = rank(members[i], request, now, draw)
  end
  return ranked
end

-- Index of the best member, nil where there is none.
local function first_of(levels, found, draw)
  local best, best_level, best_rank, ties = nil, math.huge, math.huge, 0
  for i = 1, #levels do
    local level, rank = levels[i], found[i]
    if level < best_level or (level == best_level and rank < best_rank) then
      best, best_level, best_rank, ties = i, level, rank, 1
    elseif level == best_level and rank == best_rank then
      ties = ties + 1
      if draw() * ties < 1 then
        best = i
      end
    end
  end
  return best
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

local choose = {
  ORDER = ORDER,
  RANKED = RANKED,
  random = random,
  load = load,
  panel = panel_of,
  ranks = ranks_of,
  first = first_of,
  others = others_of,
}
