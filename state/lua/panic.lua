-- When most of a group is out, its health gives way: all calls on the few that are left would break those too (Envoy's
-- panic threshold).
-- Uses: numbers, image, breaker, events, clock
-- Defines: panic
-- Limits, pauses that the upstream asked for, bad keys, operators' orders and drains never give way. How much of the
-- calls those get that are let in: levels.lua
-- `config[panic:<group>]` = pool ms at which the diary was told of it last

local LEAST = 4 -- of a smaller group nobody can say that most are out
local THRESHOLD = 0.5
local AGAIN_MS = 60000

-- Is it out for what gives way?
local function is_out(d)
  return (d.state == "open" or d.state == "half-open")
    and breaker.GIVES_WAY[d.reason]
    and (not d.refusal or d.refusal == "probing")
end

-- Those whom health alone refuses become members of the panel, `panel.relieved` = index -> true.
local function let_in(panel, cards)
  local relieved, ids, refusals = {}, {}, {}
  for i = 1, #cards do
    local d = cards[i]
    if not panel.at[i] and is_out(d) and not (panel.strategy.reads_learned and d.learned == false) then
      local n = #panel.members + 1
      panel.members[n], panel.levels[n], panel.at[i] = d, d.level, n
      relieved[n], ids[d.id] = true, true
    end
  end
  for _, refused in ipairs(panel.refusals) do
    if not ids[refused[1]] then
      refusals[#refusals + 1] = refused
    end
  end
  panel.refusals, panel.relieved = refusals, relieved
end

-- A panel that refuses somebody: do so many refuse for their health that it gives way?
local function relieve(panel, cards)
  if #cards < LEAST then
    return
  end
  local out, threshold = 0, nil
  for i = 1, #cards do
    local d = cards[i]
    threshold = threshold or (type(d.settings) == "table" and (d.settings.panic or THRESHOLD))
    out = out + (is_out(d) and 1 or 0)
  end
  if threshold and threshold > 0 and out > threshold * #cards then
    panel.out = numbers.int(out) .. " of " .. numbers.int(#cards)
    let_in(panel, cards)
  end
end

-- A call of the group was let in.
local function note(group, panel)
  local field = "panic:" .. group
  local last = numbers.read(image.get("config", field) or "-")
  if not last or clock.now - last >= AGAIN_MS then
    image.set("config", field, clock.text)
    events.tell("panic", "", group .. " " .. panel.out .. " out")
  end
end

local panic = { relieve = relieve, note = note }
