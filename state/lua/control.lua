-- What an operator does to a deployment; counts for the next decision of the whole fleet.
-- Uses: numbers, image, settings, quotas, deployment, roster, breaker, window, events, clock
-- Defines: control
-- Op      "control action id key=value ...": weight weight=2 | limits requests/60=100 ... | drain | resume |
--         cool ms=60000 | reset (health, windows, what the provider said) | clear (all overrides, or those named key=-)
-- Returns "ok settings in force"

local control = {}
local actions = {}

function control.parse(op)
  local action, id, rest = string.match(op, "^control (%S+) (%S+)(.*)$")
  if not actions[action] then
    error("UNKNOWN action", 0)
  end
  return { action = action, id = id, rest = rest }
end

local function override(id, changes)
  local order, values = settings.pairs_in(image.get("overrides", id) or "")
  for _, change in ipairs(changes) do
    local key, value = change[1], change[2]
    if values[key] == nil then
      order[#order + 1] = key
    end
    values[key] = value
  end
  local kept = {}
  for _, key in ipairs(order) do
    if values[key] ~= "-" then
      kept[#kept + 1] = key
    end
  end
  local text = settings.joined(kept, values)
  image.set("overrides", id, text ~= "" and text)
end

local function given(op)
  for word in string.gmatch(op.rest, "%S+") do
    if not string.match(word, "^[^=]+=[^=]+$") then
      error("MALFORMED " .. word, 0)
    end
  end
  local order, values = settings.pairs_in(op.rest)
  local changes = {}
  for _, key in ipairs(order) do
    if values[key] ~= "-" and numbers.of(values[key]) < 0 then
      error("NEGATIVE " .. key, 0)
    end
    changes[#changes + 1] = { key, values[key] }
  end
  if #changes == 0 then
    error("MALFORMED values", 0)
  end
  return changes, values
end

function actions.weight(op)
  local _, values = given(op)
  override(op.id, { { "weight", values.weight } })
end

function actions.limits(op)
  local changes, values = given(op)
  override(op.id, changes)
  quotas.disbelieve(op.id, values)
end

function actions.drain(op)
  override(op.id, { { "drained", "1" } })
end

function actions.resume(op)
  override(op.id, { { "drained", "-" } })
end

function actions.clear(op)
  if string.match(op.rest, "%S") then
    override(op.id, (given(op)))
  else
    image.set("overrides", op.id, false)
  end
end

function actions.cool(op)
  local _, values = given(op)
  local ms = numbers.of(values.ms)
  local d = deployment.of(op.id, roster.HEALTH)
  breaker.trip(d, "operator", { base = ms, cap = ms }, ms)
end

function actions.reset(op)
  local d = deployment.of(op.id, roster.HEALTH)
  local counters = { { op.id .. "/ok/60", 60 }, { op.id .. "/failed/60", 60 } }
  for _, limit in ipairs(deployment.limits(d)) do
    if limit.seconds then
      counters[#counters + 1] = { op.id .. "/" .. limit.name, limit.seconds }
    end
  end
  for i, counter in ipairs(counters) do
    counters[i] = window.open(counter[1], counter[2])
  end
  for _, w in ipairs(counters) do
    window.clear(w)
  end
  image.set("observed", op.id, false)
  deployment.transition(d, "closed", {
    trips = 0,
    until_ms = 0,
    since_ms = clock.now,
    reason = "-",
    generation = d.generation + 1,
  })
end

function control.run(op)
  if not image.get("declared", op.id) then
    error("UNKNOWN deployment", 0)
  end
  actions[op.action](op)
  events.add("control", op.id, op.action .. op.rest)
  if image.get("settings", op.id) then
    return "ok " .. settings.apply(op.id)
  end
  return "ok retired"
end
