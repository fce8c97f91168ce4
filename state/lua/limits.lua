-- The rows of subjects: what workers declare and operators override, and both together, which are in force.
-- Uses: numbers, later, image, pending, rows, scopes, subjects, settings, register, events, keys, clock
-- Defines: limits
-- `declared[subject]` = "version requests/60=600 ..." ("-" for the version: nobody lists it any more)
-- `overrides[subject]` = "requests/60=100 ..."; `limits[subject]` = the first with the second put in
-- Op      "limits subject version rows"; Returns "ok", "kept", "ignored", "conflict" as register.lua

local limits = {}
local changed = false -- in this run

local function forget()
  changed = false
end

-- Whose rows there are, for every run to see. At the end of a run, once.
local function flush()
  local found, list = {}, {}
  for _, id in ipairs(redis.call("HKEYS", keys.limits)) do
    found[id] = id ~= "~"
  end
  for id, text in pairs(image.columns.limits) do
    found[id] = text and id ~= "~"
  end
  for id, is_there in pairs(found) do
    local scope = scopes.of(id)
    if is_there and scope and not list[scope] then
      list[scope] = true
      list[#list + 1] = scope
    end
  end
  table.sort(list)
  clock.set_scopes(#list > 0 and table.concat(list, ","))
end

-- Put the rows of a subject in force, with `given` as what is overridden, if not nil (false: nothing). Returns the
-- text.
function limits.apply(id, given)
  local declared = string.match(image.get("declared", id) or "", "^%d+ (.*)$") or ""
  local names, values = settings.pairs_in(declared)
  settings.override(names, values, (given == nil and image.get("overrides", id) or given) or "")
  local text = settings.joined(names, values)
  if not rows.read(text) then
    error("MALFORMED limits", 0)
  end
  if given ~= nil then
    image.set("overrides", id, given)
  end
  if (image.get("limits", id) or "") ~= text then
    image.set("limits", id, text ~= "" and text)
    subjects.forget()
    settings.bump()
    if not changed then
      changed = true
      later.at_end(flush)
      later.before_next(forget)
    end
  end
  return text
end

-- No live worker lists it: what operators set of it stays.
function limits.retire(id)
  local declared = image.get("declared", id)
  if declared then
    image.set("declared", id, "- " .. string.match(declared, "^%S+ (.*)$"))
    pending.add_member("retired", clock.text, id)
    limits.apply(id)
    events.add("retired", id, "no live worker lists it")
  end
end

function limits.parse(op)
  local id, version, text = string.match(op, "^limits (%S+) (%d+) (.*)$")
  if not id or not scopes.of(id) or not rows.read(text) then
    error("MALFORMED limits", 0)
  end
  return { id = id, version = tonumber(version), text = text }
end

function limits.run(op)
  local version, text = string.match(image.get("declared", op.id) or "", "^(%d+) (.*)$")
  version = version and numbers.of(version)
  local answer = register.decide(op, version, text)
  if answer == "ok" then
    image.set("declared", op.id, numbers.int(op.version) .. " " .. op.text)
    pending.remove_member("retired", op.id)
  end
  if answer ~= "ignored" then
    limits.apply(op.id)
  end
  return answer
end
