-- Rows of limits: what their texts mean.
-- Uses: numbers, memo
-- Defines: rows
-- "requests/60=600 tokens/60=1000,max cost/day@UTC+06:00=5000000,shadow concurrent=10": what is limited, in which
-- window (seconds, or periods of a calendar), the amount, flags.
-- Resources: requests, tokens, input, output, cost (nano-dollars), concurrent (calls in flight, which has no window).
-- Flags, after the amount: max (an upper bound of the call is reserved, not the estimate), shadow (counted, never
-- refused), adaptive (it is learned: adaptive.lua).

local match = string.match
local TIMED = { requests = true, tokens = true, input = true, output = true, cost = true }
-- Seconds at most, with a change of clocks in it.
local PERIODS = { hour = 3600, day = 90000, week = 608400, month = 2682000 }
local FLAGS = { max = true, shadow = true, adaptive = true }

-- A row's name: {name, resource, counts (calls, not tokens or money), seconds (of the window, nil where there is none),
-- calendar (its name, if it is one)}; false for garbage.
local named = memo(4096, function(name)
  local resource, window = match(name, "^(%a+)/?(.*)$")
  if resource == "concurrent" and window == "" then
    return { name = name, resource = resource, counts = true }
  elseif not resource or not TIMED[resource] then
    return false
  end
  local calendar = match(window, "^(%a+)@%S+$")
  local seconds = calendar and PERIODS[calendar] or tonumber(match(window, "^%d+$"))
  if not seconds or seconds <= 0 then
    return false
  end
  return {
    name = name,
    resource = resource,
    counts = resource == "requests",
    seconds = seconds,
    calendar = calendar and window,
  }
end)

-- A row: what its name says, and {amount, max, shadow}; false for garbage.
local function row_of(name, value)
  local known, amount, flags = named(name), match(value, "^([^,]+)(.*)$")
  amount = amount and numbers.read(amount)
  if not known or not amount then
    return false
  end
  local row = { amount = amount, max = false, shadow = false }
  for key, fact in pairs(known) do
    row[key] = fact
  end
  for flag in string.gmatch(flags, "[^,]+") do
    if not FLAGS[flag] then
      return false
    end
    row[flag] = true
  end
  return row
end

-- What a call takes of the last row of a list, as far as that is known beforehand.
local function add_use(list, row)
  if row.counts and not row.calendar and (row.amount >= 1 or row.shadow) then
    list.amounts[#list] = 1
    list.said = row.seconds and list.said .. " " .. row.name .. "=1" or list.said
  else
    list.amounts[#list], list.varying[#list.varying + 1] = 0, #list
  end
end

-- The rows of a text in their order, false for garbage. Of the list itself: `priced` (there is one of money),
-- `concurrent` (one of calls in flight), `counting` (the positions of those), `calls` (the least of those), `keep_ms`
-- (the longest time that one of them remembers anything), `amounts` (what a call takes of each), `varying` (the
-- positions of those of which that, or what its lease says of it, differs from call to call), `said` (what any lease
-- says of the others); `fixed`: the amounts where nothing varies, else false; `asked...` is needs.lua's.
local function list_of(text)
  local list = {
    priced = false,
    concurrent = false,
    counting = {},
    calls = math.huge,
    keep_ms = 0,
    amounts = {},
    varying = {},
    fixed = false,
    said = "",
    asked = nil,
    asked_for = nil,
    asked_of = nil,
    asked_row = nil,
    asked_why = nil,
  }
  for word in string.gmatch(text, "%S+") do
    local name, value = match(word, "^([^=]+)=(.+)$")
    local row = name and row_of(name, value)
    if not row then
      return false
    end
    list[#list + 1] = row
    list.priced = list.priced or row.resource == "cost"
    if not row.seconds then
      list.concurrent, list.counting[#list.counting + 1] = true, #list
      list.calls = math.min(list.calls, row.amount)
    end
    list.keep_ms = math.max(list.keep_ms, math.ceil((row.seconds or 0) * 1000 * 61 / 60)) -- and a slot
    add_use(list, row)
  end
  list.fixed = #list.varying == 0 and list.amounts
  return list
end

local rows = { named = named, read = memo(4096, list_of) }
