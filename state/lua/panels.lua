-- Who of a list may be asked at all.
-- Uses: deployment, roster, ranks, panic, comeback, clock
-- Defines: panels
-- A panel: `members` with their `levels` (`alike`: all of them the same), and the `refusals` {id, reason, ready_ms} of
-- the others. `at`: position in the list -> index of the member. `relieved`: those of them that only panic lets in.
-- `timed`: only for this run. `doubted`: somebody failed last, or waits for its probe.

local ORDER = 4096 -- level = order * 4096 + turn; a turn is one of levels.lua, PROBE or RANKED
local PROBE, RANKED = 1000, 1001

local IDENTITY, NONE = {}, {} -- positions of a list of which all may be asked; nobody

local function strategy_of(name)
  return ranks[name] or error("UNKNOWN strategy " .. name, 0)
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
    if settings.input_price ~= d.input_price or settings.output_price ~= d.output_price then
      d.input_price, d.output_price = settings.input_price, settings.output_price
    end
  end
end

-- What time has to say of one that is cooling or in slow start: why no call may go there, and when that changes.
local function judge(d, cards)
  d.weight = deployment.weight(d)
  if d.state == "open" then
    if clock.now < d.until_ms and not comeback.may_ask(d, cards) then
      return "cooling", d.until_ms
    end
    d.level = d.order * ORDER + (d.weight > 0 and PROBE or RANKED)
  end
  return nil
end

-- The panel of a list of which all may be asked, whatever the time; nil where that is not so.
local function whole_panel(strategy, cards)
  local levels, alike = {}, true
  for i = 1, #cards do
    local d = cards[i]
    if d.stale then
      conclude(d)
    end
    if d.refusal or d.timed or d.doubt > 0 or (strategy.reads_learned and d.learned == false) then
      return nil
    end
    levels[i] = d.level
    alike = alike and d.level == levels[1]
  end
  for i = #IDENTITY + 1, #cards do
    IDENTITY[i] = i
  end
  return {
    members = cards,
    levels = levels,
    alike = alike,
    at = IDENTITY,
    refusals = NONE,
    strategy = strategy,
    timed = false,
  }
end

-- The panel of any list.
local function panel_for(strategy, cards)
  local panel = { members = {}, levels = {}, at = {}, refusals = {}, strategy = strategy, timed = false }
  panel.doubted, panel.alike = false, true
  for i = 1, #cards do
    local d = cards[i]
    if d.stale then
      conclude(d)
    end
    local refusal, ready_ms = d.refusal, nil
    if d.timed and not refusal then
      panel.timed = true
      refusal, ready_ms = judge(d, cards)
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
  for i = 2, #panel.levels do
    panel.alike = panel.alike and panel.levels[i] == panel.levels[1]
  end
  if panel.refusals[1] then
    panic.relieve(panel, cards)
  end
  return panel
end

-- The panel of a request: it lasts until something about somebody changes.
local function of(request)
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

local panels = { ORDER = ORDER, RANKED = RANKED, of = of }
