-- What workers declare and operators override; both together are the settings in force.
-- Uses: numbers, image, keys, events, clock
-- Defines: settings, register
-- `declared[id]` = "version weight=1 order=0 in=- out=- group=g provider=p account=a | requests/60=600 ..."
-- `overrides[id]` = "weight=2 drained=1 requests/60=100 ..."; `settings[id]` = the first with the second put in
-- Op      "register id version text" ; Returns "ok", "kept" (in force already), "ignored" (an older version),
--         "conflict"

local settings, register = {}, {}
local RAMP_MS = 10000

local function bump()
  image.set("config", "version", numbers.int(numbers.of(image.get("config", "version") or "0") + 1))
end

local function pairs_in(text)
  local order, values = {}, {}
  for key, value in string.gmatch(text, "(%S+)=(%S+)") do
    if values[key] == nil then
      order[#order + 1] = key
    end
    values[key] = value
  end
  return order, values
end
settings.pairs_in = pairs_in

local function joined(order, values)
  local words = {}
  for _, key in ipairs(order) do
    words[#words + 1] = key .. "=" .. values[key]
  end
  return table.concat(words, " ")
end
settings.joined = joined

-- Put the settings in force from what is declared and overridden. Returns the text.
function settings.apply(id)
  local declared = image.get("declared", id)
  local head, limits = string.match(declared, "^%S+ (.-) |(.*)$")
  local names, values = pairs_in(head)
  local limit_names, amounts = pairs_in(limits)
  local over, given = pairs_in(image.get("overrides", id) or "")
  local drained = false
  for _, key in ipairs(over) do
    if key == "drained" then
      drained = true
    elseif values[key] then
      values[key] = given[key]
    else
      if not amounts[key] then
        limit_names[#limit_names + 1] = key
      end
      amounts[key] = given[key]
    end
  end
  local text = (drained and "drained " or "") .. joined(names, values) .. " | " .. joined(limit_names, amounts)
  if image.get("settings", id) ~= text then
    image.set("settings", id, text)
    bump()
  end
  return text
end

function register.parse(op)
  local id, version, text = string.match(op, "^register (%S+) (%d+) (weight=.* |.*)$")
  if not id then
    error("MALFORMED register", 0)
  end
  return { id = id, version = tonumber(version), text = text }
end

local function once(id, what, event, detail)
  if image.get("config", what .. ":" .. id) ~= detail then
    image.set("config", what .. ":" .. id, detail)
    events.add(event, id, detail)
  end
end

-- A deployment that is new in a group that serves already starts slowly; a whole new group starts as it is.
local function greet(id, text)
  local group = string.match(text, " group=(%S+)")
  local born = image.get("config", "group:" .. group)
  if not born then
    image.set("config", "group:" .. group, numbers.int(clock.now))
  end
  if not image.get("health", id) and born and clock.now - numbers.of(born) > RAMP_MS then
    image.set(
      "health",
      id,
      "ramp 0 0 " .. numbers.int(clock.now + RAMP_MS) .. " " .. numbers.int(clock.now) .. " new -"
    )
  end
  events.add("registered", id, group)
end

function register.run(op)
  local before = image.get("declared", op.id)
  local version, text
  if before then
    version, text = string.match(before, "^(%S+) (.*)$")
    version = numbers.of(version)
  end
  if not image.get("settings", op.id) then
    greet(op.id, op.text)
    image.remove_member(keys.retired, op.id)
    if not before or op.version >= version then
      version, text = nil, nil
    end
  end
  local answer = "kept"
  if not version or op.version > version then
    image.set("declared", op.id, numbers.int(op.version) .. " " .. op.text)
    answer = "ok"
  elseif op.version < version then
    once(op.id, "ignored", "older-version-ignored", numbers.int(op.version))
    return "ignored"
  elseif text ~= op.text then
    once(op.id, "conflict", "declarations-differ", "version=" .. numbers.int(version))
    answer = "conflict"
  end
  settings.apply(op.id)
  return answer
end
