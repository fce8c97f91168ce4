-- What an operator does to a deployment, or to the limits of a subject; counts for the next decision of the whole
-- fleet.
-- Uses: numbers, image, rows, settings, limits, raised, subjects, scopes, holders, quotas, deployment, roster, breaker,
--       window, events, clock
-- Defines: control
-- Op      "control action id key=value ...": weight weight=2 | limits requests/60=100 ... |
--         raise requests/60=100 cost/3600=20% ... (by so much) | drain | resume | cool ms=60000 |
--         reset (health, windows, what the provider said) | clear (all overrides, or those named key=-); for a subject
--         limits, raise, reset and clear, and behind them " use=key" for its column
-- Returns "ok settings in force"

local control = {}
local actions = {}
local OF_SUBJECTS = { limits = true, raise = true, reset = true, clear = true }

function control.parse(op)
  local action, id, rest = string.match(op, "^control (%S+) (%S+)(.*)$")
  if not actions[action] then
    error("UNKNOWN action", 0)
  end
  local subject = scopes.of(id) and true or false
  if subject and not OF_SUBJECTS[action] then
    error("UNKNOWN action of a subject", 0)
  end
  scopes.lend_in(rest)
  return { action = action, id = id, subject = subject, rest = string.gsub(rest, " use=[%d,]+", "") }
end

-- Set what is overridden; a subject's rows are in force at once.
local function store(op, text)
  if op.subject then
    limits.apply(op.id, text)
  else
    image.set("overrides", op.id, text)
  end
end

local function override(op, changes)
  local id = op.id
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
  store(op, text ~= "" and text)
end

local function words_of(op)
  for word in string.gmatch(op.rest, "%S+") do
    if not string.match(word, "^[^=]+=[^=]+$") then
      error("MALFORMED " .. word, 0)
    end
  end
  local order, values = settings.pairs_in(op.rest)
  local changes = {}
  for i, key in ipairs(order) do
    changes[i] = { key, values[key] }
  end
  if #changes == 0 then
    error("MALFORMED values", 0)
  end
  return changes, values
end

local function given(op)
  local changes, values = words_of(op)
  for _, change in ipairs(changes) do
    if change[2] ~= "-" and numbers.of(string.match(change[2], "^[^,]*")) < 0 then
      error("NEGATIVE " .. change[1], 0)
    end
  end
  return changes, values
end

function actions.weight(op)
  local _, values = given(op)
  override(op, { { "weight", values.weight } })
end

local function set_rows(op, changes, values)
  for _, change in ipairs(changes) do
    if not rows.read(change[1] .. "=" .. (change[2] == "-" and "0" or change[2])) then
      error("MALFORMED limit " .. change[1], 0)
    end
  end
  override(op, changes)
  quotas.disbelieve(op.id, values)
end

function actions.limits(op)
  set_rows(op, given(op))
end

function actions.raise(op)
  local changes, values = words_of(op)
  set_rows(op, raised(op, changes), values)
end

function actions.drain(op)
  override(op, { { "drained", "1" } })
end

function actions.resume(op)
  override(op, { { "drained", "-" } })
end

function actions.clear(op)
  if string.match(op.rest, "%S") then
    override(op, (given(op)))
  else
    store(op, false)
  end
end

function actions.cool(op)
  local _, values = given(op)
  local ms = numbers.of(values.ms)
  local d = deployment.of(op.id, roster.HEALTH)
  breaker.trip(d, "operator", { base = ms, cap = ms }, ms)
end

local function reset_subject(id)
  local s, windows = subjects.holder(id), {}
  for i, row in ipairs(s and s.limits or {}) do
    windows[#windows + 1] = row.seconds and holders.window(s, i) or nil
  end
  for _, w in ipairs(windows) do
    window.clear(w)
  end
end

function actions.reset(op)
  if op.subject then
    return reset_subject(op.id)
  end
  local d = deployment.of(op.id, roster.LEARNED_HEALTH)
  local counters = {}
  for i, name in ipairs(breaker.COUNTERS) do
    counters[i] = { op.id .. "/" .. name .. "/60", window.MINUTE }
  end
  for _, limit in ipairs(deployment.limits(d)) do
    if limit.seconds then
      counters[#counters + 1] = { op.id .. "/" .. limit.name, limit }
    end
  end
  for i, counter in ipairs(counters) do
    counters[i] = window.open(counter[1], counter[2])
  end
  for _, w in ipairs(counters) do
    window.clear(w)
  end
  image.set("observed", op.id, false)
  image.set("adaptive", op.id, false)
  image.set("evidence", op.id, false)
  if d.doubted_ms then
    d.row, d.doubted_ms = 0, nil
    deployment.teach(d)
  end
  deployment.transition(d, "closed", {
    trips = 0,
    until_ms = 0,
    since_ms = clock.now,
    reason = "-",
    generation = d.generation + 1,
  })
end

function control.run(op)
  if not op.subject and not image.get("declared", op.id) then
    error("UNKNOWN deployment", 0)
  end
  actions[op.action](op)
  events.add("control", op.id, op.action .. op.rest)
  if op.subject then
    return "ok " .. (image.get("limits", op.id) or "")
  end
  if image.get("settings", op.id) then
    return "ok " .. settings.apply(op.id)
  end
  return "ok retired"
end
