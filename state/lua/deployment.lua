-- A deployment as this run sees it: settings in force, health, and the numbers that calls change.
-- Uses: numbers, image, now
-- Defines: deployment
-- `settings[id]` = "[drained ]weight=1 order=0 in=- out=- group=g provider=p account=a | requests/60=600 concurrent=10"
-- `health[id]`   = "state generation trips until_ms since_ms reason lease": closed, open, half-open or ramp; absent =
--                closed.
--                  `lease` is the one probe's in half-open, else "-".

local deployment = { health_changes = 0 }
local known = {}
local touched = {}
local RAMP_FLOOR = 0.1
local NEVER_FAILED = {
  __index = { state = "closed", generation = 0, trips = 0, until_ms = 0, since_ms = 0, reason = "-", probe = "-" },
}
-- Columns of a deployment's numbers, and how each is written.
local COLUMNS = {
  inflight = numbers.int,
  latency_ms = numbers.num,
  ttft_ms = numbers.num,
  ms_per_token = numbers.num,
  sampled_ms = numbers.int,
  tokens = numbers.int,
  spend_nano = numbers.int,
}

local function garbled(what, text)
  error("GARBLED " .. what .. ": " .. string.sub(text or "", 1, 40), 0)
end

local function read_health(d, text)
  local state, generation, trips, until_ms, since_ms, reason, probe =
    string.match(text, "^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$")
  d.generation, d.trips = numbers.of(generation), numbers.of(trips)
  d.until_ms, d.since_ms = numbers.of(until_ms), numbers.of(since_ms)
  d.state, d.reason, d.probe = state, reason, probe
  if state == "ramp" and now >= d.until_ms then
    d.state, d.since_ms = "closed", d.until_ms
  end
end

-- Load the columns that every decision or every settle needs, one command a column.
function deployment.load(ids, with_settings)
  if with_settings then
    image.load("settings", ids)
  end
  image.load("health", ids)
  image.load("inflight", ids)
end

-- The deployment `id`: {id, inflight, state, generation, trips, until_ms, since_ms, reason, probe}. Throws GARBLED.
function deployment.of(id)
  local d = known[id]
  if d then
    return d
  end
  d = { id = id, inflight = numbers.of(image.get("inflight", id), 0) }
  local health = image.get("health", id)
  if health then
    read_health(d, health)
  else
    setmetatable(d, NEVER_FAILED)
  end
  known[id] = d
  return d
end

-- Read the settings in force: weight (with slow start), order, drained, text. False if the pool does not know it.
-- Throws GARBLED.
function deployment.settings(d)
  if d.text ~= nil then
    return d.text
  end
  local text = image.get("settings", d.id)
  if text then
    local drained, weight, order = string.match(text, "^(d?r?a?i?n?e?d? ?)weight=(%S+) order=(%S+)")
    d.drained, d.weight, d.order = drained ~= "", numbers.of(weight), numbers.of(order)
    if d.state == "ramp" then
      -- Slow start (Envoy): a new or recovered deployment must not meet the whole fleet at once.
      d.weight = d.weight * math.max(RAMP_FLOOR, (now - d.since_ms) / math.max(1, d.until_ms - d.since_ms))
    end
  end
  d.text = text
  return text
end

-- May a call go there? "yes", "probe", or the reason why not, with the time at which it may change (or nil).
function deployment.gate(d)
  if d.drained then
    return "drained"
  elseif d.state == "open" then
    if now >= d.until_ms then
      return "probe"
    end
    return "cooling", d.until_ms
  elseif d.state == "half-open" then
    return "probing"
  end
  return "yes"
end

-- The limits in force: list of {name, resource, seconds (nil: no window), amount, id}. Throws GARBLED.
function deployment.limits(d)
  if d.limits then
    return d.limits
  end
  local limits = {}
  -- A text that was cut short must not pass for one without limits.
  local listed = string.match(deployment.settings(d) or "", "|(.*)$") or garbled("limits", d.text)
  for word in string.gmatch(listed, "%S+") do
    local name, amount = string.match(word, "^([^=]+)=(%S+)$")
    local resource, seconds = string.match(name or "", "^(%a+)/?(%d*)$")
    limits[#limits + 1] = {
      name = name,
      resource = resource,
      seconds = tonumber(seconds),
      amount = numbers.of(resource and amount),
      id = d.id .. "/" .. name,
    }
  end
  d.limits = limits
  return limits
end

-- Read a number of a deployment into its field. Throws GARBLED.
function deployment.number(d, column)
  local value = d[column]
  if value == nil then
    value = numbers.of(image.get(column, d.id), nil)
    d[column] = value
  end
  return value
end

-- Change a number; written once at the end.
function deployment.put(d, column, value)
  d[column] = value
  local changed = d.changed
  if not changed then
    changed = {}
    d.changed = changed
    touched[#touched + 1] = d
  end
  changed[column] = true
end

function deployment.count(d, column, amount)
  deployment.put(d, column, math.max(0, (d[column] or 0) + amount))
end

-- Change the state; what was chosen from before must be judged anew.
function deployment.transition(d, state, fields)
  d.state, d.probe = state, "-"
  for name, value in pairs(fields) do
    d[name] = value
  end
  deployment.health_changes = deployment.health_changes + 1
  image.set(
    "health",
    d.id,
    table.concat({
      d.state,
      numbers.int(d.generation),
      numbers.int(d.trips),
      numbers.int(d.until_ms),
      numbers.int(d.since_ms),
      d.reason,
      d.probe,
    }, " ")
  )
end

function deployment.flush()
  for _, d in ipairs(touched) do
    for column in pairs(d.changed) do
      image.set(column, d.id, COLUMNS[column](d[column]))
    end
  end
end
