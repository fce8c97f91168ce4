-- What a provider's answer says of its limits: how much of them is left, whoever used it.
-- Uses: numbers, image, deployment, roster, settings, quotas, others, events, clock
-- Defines: observe
-- Op      "observe deployment at_ms refused name=limit:remaining ..."
--         at_ms: pool time of the call's reservation; refused: 1 for a 429; name: of a limit, as in settings
-- Returns "ok", or "unknown" where the pool does not know the deployment

local observe = {}
local FORM = "^observe (%S+) (%d+) ([01])(.*)$"
local REMIND_MS = 60000 -- how often it is noted that a limit was heard again

function observe.parse(op)
  local id, at_ms, refused, rest = string.match(op, FORM)
  if not id then
    error("MALFORMED observe", 0)
  end
  local heard = {}
  for name, limit, remaining in string.gmatch(rest, "(%S+)=(%d+):(%d+)") do
    heard[#heard + 1] = { name = name, limit = numbers.of(limit), remaining = numbers.of(remaining) }
  end
  return { deployment = id, at_ms = numbers.of(at_ms), refused = refused == "1", heard = heard }
end

-- The limit that was heard. Returns whether that must be noted.
local function hear(row, limit)
  if row.limit ~= limit then
    row.limit, row.since_ms, row.at_ms = limit, clock.now, clock.now
    return true
  end
  if quotas.believed(row) and clock.now - row.at_ms < REMIND_MS then
    return false
  end
  row.at_ms = clock.now
  return true
end

-- The limits of a deployment by name.
local function limits_of(d)
  local limits = {}
  for _, limit in ipairs(deployment.limits(d)) do
    limits[limit.name] = limit
  end
  return limits
end

-- All that an answer changes: {names, rows, noted, changes}. Throws GARBLED.
local function plan(d, e)
  local limits, discovers = limits_of(d), d.settings.discovers
  local names, rows = quotas.read(d.id)
  local found = { names = names, rows = rows, noted = false, changes = {} }
  for _, quota in ipairs(e.heard) do
    local limit, row = limits[quota.name], rows[quota.name]
    if (limit and limit.seconds and not limit.calendar) or discovers then
      if not row then
        row = { limit = 0, since_ms = clock.now, at_ms = clock.now, parts = {} }
        names[#names + 1], rows[quota.name] = quota.name, row
      end
      local matters = discovers or row.limit > 0 or quota.limit < limit.amount
      found.noted = (matters and hear(row, quota.limit)) or found.noted
      if limit then
        local amount = math.min(quotas.believed(row) or limit.amount, limit.amount)
        found.changes[#found.changes + 1] = others.plan(d.id, row, e, quota, amount, limit)
      end
    end
  end
  return found
end

-- The limits of a text of settings that another has not.
local function new_in(text, before)
  local words = {}
  for word in string.gmatch(string.match(text, "|(.*)$"), "%S+") do
    if not string.find(before .. " ", " " .. word .. " ", 1, true) then
      words[#words + 1] = word
    end
  end
  return table.concat(words, " ")
end

function observe.run(e)
  local d = deployment.of(e.deployment, roster.SETTINGS)
  if not d.settings then
    return "unknown"
  end
  local found = plan(d, e)
  local text = found.noted and settings.compose(d.id, found.names, found.rows)
  local in_force = d.settings.text
  image.get("config", "observed")
  for _, change in ipairs(found.changes) do
    others.commit(change)
  end
  if found.noted or #found.changes > 0 then
    quotas.write(d.id, found.names, found.rows)
  end
  if text and text ~= in_force then
    settings.put(d.id, text)
    events.add("limit-observed", d.id, new_in(text, in_force))
  end
  return "ok"
end
