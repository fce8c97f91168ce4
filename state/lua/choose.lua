-- The order in which candidates are tried.
-- Uses: room, outlook, deployment, ranks, now
-- Defines: choose
-- First the lowest `order`; in it the preferred ones as given, then a deployment that waits for its probe, then the
-- lowest rank; ties at random.

local panels = {}
local strategies = {} -- those that were used in this run
local loaded = {} -- columns of facts that were read for all candidates of the run
local ORDER = 4096 -- level = order * 4096 + turn; a turn is a preferred one's position, PROBE or RANKED
local PROBE, RANKED = 1000, 1001

-- Uniform in (0, 1), the same on every engine (Park and Miller): Redis seeds math.random alike in every run.
local function random(seed)
  return function()
    seed = seed * 48271 % 2147483647
    return seed / 2147483647
  end
end

local function strategy_of(name)
  local strategy = strategies[name]
  if not strategy then
    local define = ranks[name] or error("UNKNOWN strategy " .. name, 0)
    strategy = define()
    strategies[name] = strategy
  end
  return strategy
end

-- Read the facts that a request's strategy asks for, for all deployments of the run, one command a column.
local function load(request, ids)
  local columns = strategy_of(request.strategy).columns[request.kind]
  for i = 1, #columns do
    local column = columns[i]
    if not loaded[column] then
      loaded[column] = true
      deployment.facts(column, ids)
    end
  end
end

-- The deployment of a candidate; why no call may go there and when that may change; whether it waits for its probe.
-- Throws GARBLED.
local function consider(id, strategy)
  local d = deployment.of(id)
  local text, state = deployment.settings(d), d.state
  if not text then
    return d, "unknown"
  elseif d.garbled then
    return d, "garbled"
  elseif d.drained then
    return d, "drained"
  end
  if strategy.reads_prices and not d.priced then
    local input, output = string.match(text, " in=(%S+) out=(%S+)")
    d.priced, d.input_price, d.output_price = true, tonumber(input), tonumber(output)
  end
  if state == "half-open" then
    return d, "probing"
  elseif state == "open" then
    if now < d.until_ms then
      return d, "cooling", d.until_ms
    end
    return d, nil, nil, true
  end
  return d
end

-- Who may be asked at all: `members` with their `levels`, `positions` in the list and `probes` (wait for one), and the
-- `refusals` {id, reason, ready_ms} of the others. Made once a list and strategy, and again when somebody's health
--                changed.
local function panel_of(request)
  local key = request.strategy .. " " .. request.list
  local panel = panels[key]
  if panel and panel.changes == deployment.health_changes then
    return panel
  end
  local strategy = strategy_of(request.strategy)
  local members, levels, positions, probes, refusals, n = {}, {}, {}, {}, {}, 0
  for i, id in ipairs(request.candidates) do
    local ok, d, refusal, ready_ms, probe = pcall(consider, id, strategy)
    if ok and not refusal then
      n = n + 1
      members[n], positions[n], probes[n] = d, i, probe or false
      levels[n] = d.order * ORDER + (probe and d.weight > 0 and PROBE or RANKED)
    else
      refusals[#refusals + 1] = { id, ok and refusal or "garbled", ready_ms }
    end
  end
  panel = {
    members = members,
    levels = levels,
    positions = positions,
    probes = probes,
    refusals = refusals,
    strategy = strategy,
    changes = deployment.health_changes,
  }
  panels[key] = panel
  return panel
end

-- The ranks of a panel's members for this request.
local function ranks_of(panel, request, draw)
  local strategy, members, found = panel.strategy, panel.members, {}
  if strategy.reads_windows then
    room.load(members)
    for i = 1, #members do
      members[i].used = outlook.used_share(members[i])
    end
  end
  if strategy.prepare then
    strategy.prepare(members, request, now, draw)
  end
  local rank = strategy.rank
  for i = 1, #members do
    found[i] = rank(members[i], request, now, draw)
  end
  return found
end

-- Index of the best member that is not in `taken`, nil if none is left. A scan: mostly the first one has room.
local function next_of(panel, request, found, taken, draw)
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
        if draw() * ties < 1 then
          best = i
        end
      end
    end
  end
  return best
end

local choose = {
  random = random,
  load = load,
  panel = panel_of,
  ranks = ranks_of,
  next = next_of,
}
