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

-- The rows of a text in their order, false for garbage. Of the list itself: `priced` (there is one of money), `dated`
-- (one of a calendar), `concurrent` (one of calls in flight), `counting` (the positions of those), `keep_ms` (the
-- longest time that one of them remembers anything); `fixed`: what any call takes of each, 1, if it is the same for all
-- calls, else false; `asked...` and `amounts` are needs.lua's, `reserved` is reserve.lua's.
local function list_of(text)
  local list = {
    priced = false,
    dated = false,
    concurrent = false,
    counting = {},
    keep_ms = 0,
    fixed = {},
    reserved = nil,
    amounts = {},
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
    list.priced, list.dated = list.priced or row.resource == "cost", list.dated or row.calendar ~= nil
    list.fixed = list.fixed and row.counts and (row.amount >= 1 or row.shadow) and list.fixed
    if list.fixed then
      list.fixed[#list] = 1
    end
    if not row.seconds then
      list.concurrent, list.counting[#list.counting + 1] = true, #list
    end
    list.keep_ms = math.max(list.keep_ms, math.ceil((row.seconds or 0) * 1000 * 61 / 60)) -- and a slot
  end
  return list
end

local rows = { named = named, read = memo(4096, list_of) }
