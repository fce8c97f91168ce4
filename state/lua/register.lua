-- What workers declare of their deployments.
-- Uses: numbers, image, pending, settings, outliers, events, clock
-- Defines: register
-- `declared[id]`: settings.lua
-- Op      "register id version text" ; Returns "ok", "kept" (in force already), "ignored" (an older version),
--         "conflict"

local register = {}
local RAMP_MS = 10000 -- of a slow start, where the declaration does not say

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
  local group, ramp_ms = string.match(text, " group=(%S+)"), tonumber(string.match(text, " ramp=(%d+)")) or RAMP_MS
  local born = image.get("config", "group:" .. group)
  if not born then
    image.set("config", "group:" .. group, numbers.int(clock.now))
  end
  if not image.get("health", id) and born and ramp_ms > 0 and clock.now - numbers.of(born) > RAMP_MS then
    local times = numbers.int(clock.now + ramp_ms) .. " " .. numbers.int(clock.now)
    image.set("health", id, "ramp 0 0 " .. times .. " new -")
  end
  events.add("registered", id, group)
end

-- Does a declaration {id, version, text} take the place of what is declared (no version: nothing is)? Returns "ok" if
-- so; why not is reported once.
function register.decide(op, version, text)
  if not version or op.version > version then
    return "ok"
  elseif op.version < version then
    once(op.id, "ignored", "older-version-ignored", numbers.int(op.version))
    return "ignored"
  elseif text ~= op.text then
    once(op.id, "conflict", "declarations-differ", "version=" .. numbers.int(version))
    return "conflict"
  end
  return "kept"
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
    pending.remove_member("retired", op.id)
    if not before or op.version >= version then
      version, text = nil, nil
    end
  end
  local answer = register.decide(op, version, text)
  if answer == "ok" then
    outliers.note(op.text)
    image.set("declared", op.id, numbers.int(op.version) .. " " .. op.text)
  end
  if answer ~= "ignored" then
    settings.apply(op.id)
  end
  return answer
end
