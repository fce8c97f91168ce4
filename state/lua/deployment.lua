-- A deployment as this run sees it: settings in force, health, and the numbers that calls change.
-- Uses: numbers, image, now
-- Defines: deployment
-- `settings[id]` = "[drained ]weight=1 order=0 in=- out=- group=g provider=p account=a | requests/60=600 concurrent=10"
-- `health[id]`   = "state generation trips until_ms since_ms reason lease": closed, open, half-open or ramp; absent:
--                  closed. `lease` is the one probe's in half-open, else "-".

local deployment
local known, changed = {}, {}
local shapes = {} -- text of limits -> what it says: most deployments of a group are alike
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

-- Read what every settle or, with the settings, every decision needs of `ids`, one command a column.
local function load(ids, with_settings)
  local new, unsettled = {}, {}
  for i = 1, #ids do
    local id = ids[i]
    local d = known[id]
    if not d then
      new[#new + 1] = id
    end
    if with_settings and not (d and d.text ~= nil) then
      unsettled[#unsettled + 1] = id
    end
  end
  if #new > 0 then
    local health, inflight = image.read("health", new), image.read("inflight", new)
    for i = 1, #new do
      -- What most of them get later is named here: a table that grows is copied again and again.
      known[new[i]] = {
        id = new[i],
        health = health[i],
        inflight = inflight[i] or "0",
        ready = false,
        state = "closed",
        text = nil,
        order = nil,
        weight = nil,
        full_weight = nil,
        drained = nil,
        sampled_ms = nil,
        ms_per_token = nil,
        latency_ms = nil,
        limits = nil,
        windows = nil,
        changed = nil,
      }
    end
  end
  if #unsettled > 0 then
    local settings = image.read("settings", unsettled)
    for i = 1, #unsettled do
      known[unsettled[i]].text = settings[i]
    end
  end
end

local function read_health(d)
  local state, generation, trips, until_ms, since_ms, reason, probe =
    string.match(d.health, "^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$")
  d.generation, d.trips = numbers.of(generation), numbers.of(trips)
  d.until_ms, d.since_ms = numbers.of(until_ms), numbers.of(since_ms)
  d.state, d.reason, d.probe = state, reason, probe
  if state == "ramp" and now >= d.until_ms then
    d.state, d.since_ms = "closed", d.until_ms
  end
end

-- The deployment `id`: {id, inflight, state, generation, trips, until_ms, since_ms, reason, probe}. Throws GARBLED.
local function of(id)
  if not known[id] then
    load({ id })
  end
  local d = known[id]
  if not d.ready then
    d.inflight = numbers.of(d.inflight)
    if d.health then
      read_health(d)
    else
      setmetatable(d, NEVER_FAILED)
    end
    d.ready = true
  end
  return d
end

-- Read the settings in force: weight (with slow start), order, drained, text. False if the pool does not know it.
-- Throws GARBLED.
local function settings(d)
  if d.text == nil then
    load({ d.id }, true)
  end
  local text = d.text
  if text and not d.order then
    local drained, weight, order = string.match(text, "^(d?r?a?i?n?e?d? ?)weight=(%S+) order=(%S+)")
    d.drained, d.full_weight, d.order = drained ~= "", numbers.of(weight), numbers.of(order)
  end
  if text then
    d.weight = d.full_weight
    if d.state == "ramp" then
      -- Slow start (Envoy): a new or recovered deployment must not meet the whole fleet at once.
      d.weight = d.weight * math.max(RAMP_FLOOR, (now - d.since_ms) / math.max(1, d.until_ms - d.since_ms))
    end
  end
  return text
end

-- Limits as they stand in the settings: list of {name, resource, seconds (nil: no window), amount}. Throws GARBLED.
local function shape_of(text)
  local shape = {}
  for word in string.gmatch(text, "%S+") do
    local resource, seconds, amount = string.match(word, "^(%a+)/?(%d*)=(.+)$")
    shape[#shape + 1] = {
      name = string.match(word, "^[^=]*"),
      resource = resource,
      seconds = tonumber(seconds),
      amount = numbers.of(amount),
    }
  end
  return shape
end

-- The limits in force, shared by all deployments that have the same; their windows are `d.windows`, by position.
-- Throws GARBLED.
local function limits(d)
  if not d.limits then
    -- A text that was cut short must not pass for one without limits.
    local text = string.match(settings(d) or "", "|(.*)$") or error("GARBLED limits", 0)
    local shape = shapes[text]
    if not shape then
      shape = shape_of(text)
      shapes[text] = shape
    end
    d.limits, d.windows = shape, {}
  end
  return d.limits
end

-- Read a fact of many deployments. Where it is garbage, `d.garbled` says so.
local function facts(column, ids)
  local texts = image.read(column, ids)
  for i = 1, #ids do
    local d = known[ids[i]]
    if texts[i] and d[column] == nil then
      d[column] = numbers.read(texts[i])
      d.garbled = d.garbled or d[column] == nil
    end
  end
end

-- Read a number of a deployment into its field. Throws GARBLED.
local function number(d, column)
  local value = d[column]
  if value == nil then
    local text = image.get(column, d.id)
    value = text and numbers.of(text) or nil
    d[column] = value
  end
  return value
end

-- Change a number; written once at the end.
local function put(d, column, value)
  d[column] = value
  if not d.changed then
    d.changed = {}
    changed[#changed + 1] = d
  end
  d.changed[column] = true
end

local function count(d, column, amount)
  put(d, column, math.max(0, (d[column] or 0) + amount))
end

-- Change the state and the given fields; what was chosen from before must be judged anew.
local function transition(d, state, fields)
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

local function flush()
  for i = 1, #changed do
    local d = changed[i]
    for column in pairs(d.changed) do
      image.set(column, d.id, COLUMNS[column](d[column]))
    end
  end
end

deployment = {
  load = load,
  of = of,
  settings = settings,
  limits = limits,
  facts = facts,
  number = number,
  put = put,
  count = count,
  transition = transition,
  flush = flush,
  health_changes = 0,
}
