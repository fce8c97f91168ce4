-- The order in which candidates are tried.
-- Uses: numbers, image, room, deployment, ranks, now
-- Defines: choose
-- First the lowest `order`; in it the preferred ones as given, then a deployment that waits for its probe, then the
-- lowest rank; ties at random.

local choose = {}
local panels = {}
local ORDER = 4096 -- level = order * 4096 + turn; a turn is a preferred one's position, PROBE or RANKED
local PROBE, RANKED = 1000, 1001
local COLUMNS = { latency_ms = true, ttft_ms = true, ms_per_token = true, sampled_ms = true }

-- Uniform in (0, 1), the same on every engine (Park and Miller): Redis seeds math.random alike in every run.
function choose.random(seed)
  return function()
    seed = seed * 48271 % 2147483647
    return seed / 2147483647
  end
end

local function strategy_of(name)
  return ranks[name] or error("UNKNOWN strategy " .. name, 0)
end

-- Load the facts of a strategy for many deployments, one command a column.
function choose.load(name, ids)
  for _, fact in ipairs(strategy_of(name).facts) do
    if COLUMNS[fact] then
      image.load(fact, ids)
    end
  end
end

local function read_fact(d, fact)
  if COLUMNS[fact] then
    deployment.number(d, fact)
  elseif fact == "input_price" and not d.priced then
    local input, output = string.match(d.text, " in=(%S+) out=(%S+)")
    d.priced, d.input_price, d.output_price = true, tonumber(input), tonumber(output)
  end
end

-- The deployment of a candidate, its gate, and when that may change. Throws GARBLED.
local function consider(id, facts)
  local d = deployment.of(id)
  if not deployment.settings(d) then
    return d, "unknown"
  end
  for i = 1, #facts do
    read_fact(d, facts[i])
  end
  return d, deployment.gate(d)
end

-- Who may be asked at all: `members` with their `levels` and `positions` in the list, and the `refusals`
-- {id, reason, ready_ms} of the others. Made once a list and strategy, and again when somebody's health changed.
function choose.panel(request)
  local key = request.strategy .. " " .. request.list
  local panel = panels[key]
  if panel and panel.changes == deployment.health_changes then
    return panel
  end
  local strategy = strategy_of(request.strategy)
  panel = { members = {}, levels = {}, positions = {}, probes = {}, refusals = {}, strategy = strategy }
  panel.changes = deployment.health_changes
  for i, id in ipairs(request.candidates) do
    local ok, d, gate, ready_ms = pcall(consider, id, strategy.facts)
    if not ok then
      panel.refusals[#panel.refusals + 1] = { id, "garbled" }
    elseif gate == "yes" or gate == "probe" then
      local n = #panel.members + 1
      panel.members[n], panel.positions[n] = d, i
      panel.levels[n] = d.order * ORDER + (gate == "probe" and d.weight > 0 and PROBE or RANKED)
      panel.probes[n] = gate == "probe"
    else
      panel.refusals[#panel.refusals + 1] = { id, gate, ready_ms }
    end
  end
  panels[key] = panel
  return panel
end

-- The ranks of a panel's members for this request.
function choose.ranks(panel, request, random)
  local strategy, members, found = panel.strategy, panel.members, {}
  if strategy.reads_windows then
    room.load(members)
    for i = 1, #members do
      members[i].used = room.used_share(members[i])
    end
  end
  if strategy.prepare then
    strategy.prepare(members, request, now, random)
  end
  local rank = strategy.rank
  for i = 1, #members do
    found[i] = rank(members[i], request, now, random)
  end
  return found
end

-- Index of the best member that is not in `taken`, nil if none is left. A scan: mostly the first one has room.
function choose.next(panel, request, found, taken, random)
  local levels, positions, preferred = panel.levels, panel.positions, request.preferred
  local best, best_level, best_rank, ties
  for i = 1, #levels do
    if not taken[i] then
      local level, rank = levels[i], found[i]
      if positions[i] <= preferred then
        level = math.floor(level / ORDER) * ORDER + positions[i]
      end
      if not best or level < best_level or (level == best_level and rank < best_rank) then
        best, best_level, best_rank, ties = i, level, rank, 1
      elseif level == best_level and rank == best_rank then
        ties = ties + 1
        if random() * ties < 1 then
          best = i
        end
      end
    end
  end
  return best
end

-- Does this member wait for its probe?
function choose.is_probe(panel, i)
  return panel.probes[i]
end

-- Ids of the `count` best-ranked members, each after a space.
function choose.best(panel, found, count)
  local order = {}
  for i = 1, #found do
    order[i] = i
  end
  table.sort(order, function(a, b)
    return found[a] < found[b]
  end)
  local best = ""
  for i = 1, math.min(count, #order) do
    best = best .. " " .. panel.members[order[i]].id
  end
  return best
end

-- A member's order and rank as text, for explanations.
function choose.described(panel, i, found)
  return numbers.int(panel.members[i].order) .. " " .. numbers.num(found[i])
end
