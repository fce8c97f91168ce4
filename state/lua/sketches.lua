-- Calls that are counted in the sketches of their deployments, which settles say that others look at.
-- Uses: image, sketch
-- Defines: sketches
-- ` sketch=first_ms,whole_ms` in a settle's words (outcome.lua); "-" for what was not measured

local FORM = " sketch=(%S-),(%S+)"

-- Read the sketches of the deployments of all settles of a run, if one of them is to be counted.
local function load(list, ids)
  for i = 1, #list do
    if string.find(list[i].rest, " sketch=", 1, true) then
      pcall(image.load, "sketch", ids) -- where that cannot be read, nobody is counted
      return
    end
  end
end

-- Part of a plan: the sketch of a deployment with this call, nil where there is nothing to count.
local function plan(e, id)
  local first, whole = string.match(e.rest, FORM)
  if not first then
    return nil
  end
  local ok, text = pcall(image.get, "sketch", id)
  return ok and sketch.add(text, tonumber(first), tonumber(whole)) or nil
end

-- Only after `plan`.
local function commit(text, id)
  if text then
    image.set("sketch", id, text)
  end
end

local sketches = { load = load, plan = plan, commit = commit }
