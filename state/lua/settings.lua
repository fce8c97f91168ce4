-- The settings in force: what is declared, what the provider says of its limits, and what operators override.
-- Uses: numbers, image, quotas, adaptive
-- Defines: settings
-- `declared[id]`  = "version weight=1 order=0 in=- out=- group=g provider=p account=a | requests/60=600 ..."
-- `overrides[id]` = "weight=2 drained=1 requests/60=100 ..."; `settings[id]` = the first with the second put in
-- A provider's limit counts where it is lower than the declared one; with `discover=1` in what is declared, always.
-- Of `adaptive=...` tells adaptive.lua.

local settings = {}

-- The number of changes so far, as of config.version. Throws GARBLED.
local function version()
  return numbers.of(image.get("config", "version") or "0")
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

-- Put what an operator says into rows {names, amounts}. Flags that he does not name stay.
function settings.override(names, amounts, text)
  local over, given = pairs_in(text)
  for _, name in ipairs(over) do
    local before = amounts[name]
    if not before then
      names[#names + 1] = name
    end
    local flags = before and not string.find(given[name], ",", 1, true) and string.match(before, "^[^,]*(.*)$")
    amounts[name] = given[name] .. (flags or "")
  end
end

-- Put in what the provider says of its limits.
local function observe(names, rows, limit_names, amounts, discovers)
  for _, name in ipairs(names) do
    local limit, given = quotas.believed(rows[name]), amounts[name]
    if limit and (discovers or (given and limit < numbers.of(string.match(given, "^[^,]*")))) then
      if not given then
        limit_names[#limit_names + 1] = name
      end
      amounts[name] = numbers.int(limit) .. (given and string.match(given, "^[^,]*(.*)$") or "")
    end
  end
end

-- The settings in force as a text, with the given rows of `observed`, and calls at once as they are learned, or as
-- given. Then `put` cannot fail. Throws GARBLED.
function settings.compose(id, observed_names, rows, concurrency)
  version()
  local declared = image.get("declared", id) or ""
  local head, limits = string.match(declared, "^%S+ (.-) |(.*)$")
  if not head then
    error("GARBLED declared", 0)
  end
  local names, values = pairs_in(head)
  local limit_names, amounts = pairs_in(limits)
  observe(observed_names, rows, limit_names, amounts, values.discover == "1")
  adaptive.put(id, values.adaptive, limit_names, amounts, concurrency)
  local over, given = pairs_in(image.get("overrides", id) or "")
  local drained, rows_given = false, {}
  for _, key in ipairs(over) do
    if key == "drained" then
      drained = true
    elseif values[key] then
      values[key] = given[key]
    else
      rows_given[#rows_given + 1] = key .. "=" .. given[key]
    end
  end
  settings.override(limit_names, amounts, table.concat(rows_given, " "))
  return (drained and "drained " or "") .. joined(names, values) .. " | " .. joined(limit_names, amounts)
end

-- Workers shall see that something changed. Throws GARBLED.
function settings.bump()
  image.set("config", "version", numbers.int(version() + 1))
end

-- Make a text the settings in force, if it is not.
function settings.put(id, text)
  if image.get("settings", id) ~= text then
    image.set("settings", id, text)
    settings.bump()
  end
end

-- The settings in force as a text; `concurrency`: as of `compose`. What is garbled of `observed` says nothing. Throws
-- GARBLED.
function settings.with_concurrency(id, concurrency)
  local ok, names, rows = pcall(quotas.read, id)
  return settings.compose(id, ok and names or {}, ok and rows or {}, concurrency)
end

-- Put the settings in force. Returns the text.
function settings.apply(id)
  local text = settings.with_concurrency(id, nil)
  settings.put(id, text)
  return text
end
