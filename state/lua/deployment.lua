-- A deployment as this run sees it: settings in force, health, and the numbers that calls change.
-- Uses: numbers, image, pending, recall, roster, clock
-- Defines: deployment
-- `tokens[id]`, `spend_nano[id]` = a number; absent: 0. The other columns: roster.lua

local deployment = {}
local COLUMNS = { "inflight", "learned", "tokens", "spend_nano" } -- that calls change
local COMMANDS = {}
for i = 1, #COLUMNS do
  COMMANDS[i] = pending.command("HSET", COLUMNS[i])
end
local changed = {}

function deployment.begin()
  for i = #changed, 1, -1 do -- of a run that failed
    changed[i].changed, changed[i].touched, changed[i] = false, {}, nil
  end
  roster.begin()
end

-- What of that which this run has read of it is garbage, nil where all is well.
function deployment.garbled(d)
  local has = d.read.has
  if has.inflight and d.inflight == false then
    return "inflight"
  elseif has.health and d.health == false then
    return "health"
  end
  return has.settings and d.settings == "garbled" and "settings" or nil
end

-- The deployment `id` with its calls in flight, or the columns of another set. Throws GARBLED.
function deployment.of(id, wanted)
  local d = roster.card(id)
  if not roster.has(d, wanted or roster.INFLIGHT) then
    roster.load_once({ id }, wanted or roster.INFLIGHT)
  end
  local what = deployment.garbled(d)
  if what then
    error("GARBLED " .. what .. " of " .. string.sub(id, 1, 40), 0)
  end
  return d
end

-- The limits in force, which all deployments of the same settings share; their windows are `d.windows`, by position.
-- Throws GARBLED, also for a deployment that the pool does not know.
function deployment.limits(d)
  if not d.windows or d.age ~= recall.age then
    if not roster.has(d, roster.SETTINGS) or d.settings == "garbled" then
      deployment.of(d.id, roster.SETTINGS)
    end
    if not d.settings then
      error("GARBLED limits", 0)
    end
    d.windows = {}
  end
  return d.settings.limits
end

-- Weight with slow start (Envoy): a new or recovered deployment must not meet the whole fleet at once.
function deployment.weight(d)
  local weight = d.settings.weight
  if d.state == "ramp" then
    return weight * math.max(0.1, (clock.now - d.since_ms) / math.max(1, d.until_ms - d.since_ms))
  end
  return weight
end

-- Read tokens or spend_nano into its field. Throws GARBLED.
function deployment.number(d, column)
  if d[column] == nil then
    d[column] = numbers.of(image.get(column, d.id) or "0")
  end
end

-- A column of it (inflight, learned, tokens, spend_nano) will be written at the end, and read anew by the next run.
function deployment.touch(d, column)
  if column == "inflight" then
    d.inflight_text = nil
  elseif column == "learned" then
    d.learned_text = nil
  end
  if not d.changed then
    d.changed = true
    changed[#changed + 1] = d
  end
  d.touched[column] = true
end

function deployment.count(d, column, amount)
  local value = d[column] + amount
  d[column] = value > 0 and value or 0
  deployment.touch(d, column)
end

-- Change the state and the given fields; what was chosen from before must be judged anew.
function deployment.transition(d, state, fields)
  d.state, d.probe, d.health_text, d.closing, d.doubt, d.ask_ms = state, "-", nil, nil, 0, 0
  for name, value in pairs(fields) do
    d[name] = value
  end
  roster.spoil(d)
  local times = numbers.int(d.until_ms) .. " " .. numbers.int(d.since_ms)
  local counts = numbers.int(d.generation) .. " " .. numbers.int(d.trips)
  local row = d.doubt > 0 and " " .. numbers.int(d.doubt) .. "@" .. numbers.int(d.ask_ms) or ""
  image.set("health", d.id, d.state .. " " .. counts .. " " .. times .. " " .. d.reason .. " " .. d.probe .. row)
end

local function measure(value)
  return value and numbers.num(value) or "-"
end

local function time(value)
  return value and numbers.int(value) or "-"
end

local function learned_text(d)
  local measures = measure(d.latency_ms) .. " " .. measure(d.ttft_ms) .. " " .. measure(d.ms_per_token)
  local row = d.doubted_ms and " " .. numbers.int(d.row) .. " " .. numbers.int(d.doubted_ms) or ""
  return measures .. " " .. time(d.sampled_ms) .. " " .. time(d.streamed_ms) .. row
end

function deployment.flush()
  for i = #changed, 1, -1 do
    local d = changed[i]
    local touched = d.touched
    for j = 1, #COLUMNS do
      local column = COLUMNS[j]
      if touched[column] then
        touched[column] = false
        pending.add(COMMANDS[j], d.id, column == "learned" and learned_text(d) or numbers.int(d[column]))
      end
    end
    d.changed, changed[i] = false, nil
  end
end
