-- A deployment as this run sees it: settings in force, health, and the numbers that calls change.
-- Uses: numbers, image, pending, recall, roster, clock
-- Defines: deployment
-- The columns: roster.lua

local deployment = {}
local INFLIGHT, LEARNED = pending.command("HSET", "inflight"), pending.command("HSET", "learned")
local changed = {}
local int, num, add = numbers.int, numbers.num, pending.add

function deployment.begin()
  for i = #changed, 1, -1 do -- of a run that failed
    local d = changed[i]
    d.counted, d.taught, changed[i] = false, false, nil
  end
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

-- So many calls more are in flight, which will be written at the end.
function deployment.count(d, calls)
  local value = d.inflight + calls
  d.inflight, d.inflight_text = value > 0 and value or 0, nil
  if not (d.counted or d.taught) then
    changed[#changed + 1] = d
  end
  d.counted = true
end

-- What it taught has changed, and will be written at the end.
function deployment.teach(d)
  d.learned_text = nil
  if not (d.counted or d.taught) then
    changed[#changed + 1] = d
  end
  d.taught = true
end

-- Change the state and the given fields; what was chosen from before must be judged anew.
function deployment.transition(d, state, fields)
  d.state, d.probe, d.closing, d.doubt, d.ask_ms = state, "-", nil, 0, 0
  for name, value in pairs(fields) do
    d[name] = value
  end
  roster.spoil(d)
  local times = int(d.until_ms) .. " " .. int(d.since_ms)
  local counts = int(d.generation) .. " " .. int(d.trips)
  local row = d.doubt > 0 and " " .. int(d.doubt) .. "@" .. int(d.ask_ms) or ""
  d.health_text = d.state .. " " .. counts .. " " .. times .. " " .. d.reason .. " " .. d.probe .. row
  image.set("health", d.id, d.health_text)
end

local function time(value)
  return value == clock.now and clock.text or value and int(value) or "-"
end

local function learned_text(d)
  local latency, ttft, per_token = d.latency_ms, d.ttft_ms, d.ms_per_token
  local measures = (latency and num(latency) or "-") .. " " .. (ttft and num(ttft) or "-") .. " "
  local row = d.doubted_ms and " " .. int(d.row) .. " " .. int(d.doubted_ms) or ""
  per_token = per_token and num(per_token) or "-"
  return measures .. per_token .. " " .. time(d.sampled_ms) .. " " .. time(d.streamed_ms) .. row
end

function deployment.flush()
  for i = #changed, 1, -1 do
    local d = changed[i]
    if d.counted then
      d.inflight_text = int(d.inflight)
      add(INFLIGHT, d.id, d.inflight_text)
    end
    if d.taught then
      add(LEARNED, d.id, learned_text(d)) -- in nine digits, and read as such
    end
    d.counted, d.taught, changed[i] = false, false, nil
  end
end
