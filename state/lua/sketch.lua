-- How long calls take: counts in log buckets, so that any quantile is known within 5 %; bounded, and the old goes.
-- Uses: numbers, clock
-- Defines: sketch
-- `sketch[id]` = "turned_ms | 412:3 449:9 | 412:7 | 1890:2 | 1730:5": ms to the first content of streams, since
--                turned_ms and in the five minutes before it; then ms of whole calls, likewise. 412:3 is three calls of
--                about 412 ms.
-- DDSketch (Masson, Rim and Lee 2019): bucket i holds what is above 1.09^(i-1) and up to 1.09^i ms, and is named by the
-- number in it that is nearest to all of them, 4.3 % from its ends, in three digits. From 1 ms to an hour they are 177.
-- Sketches are merged by adding counts. Text that is none counts anew: an estimate must cost no call its end.

local HALF_MS = 300000
local GROWTH, HOUR = math.log(1.09), 3600000
local FORM = "^(%d+) |([%d:. ]-) |([%d:. ]-) |([%d:. ]-) |([%d:. ]*)$"
local names = {} -- of buckets, by their numbers

-- The name of the bucket that a time in ms is counted in.
local function bucket(ms)
  local i = math.ceil(math.log(math.max(1, math.min(ms, HOUR))) / GROWTH)
  local name = names[i]
  if not name then
    local middle = 2 * math.exp(i * GROWTH) / 2.09
    local scale = middle < 10 and 100 or (middle < 100 and 10 or 1)
    name = numbers.num(math.floor(middle * scale + 0.5) / scale)
    names[i] = name
  end
  return name
end

-- What a text holds now: when it was turned, first contents, those before, whole calls, those before.
local function open(text)
  local turned, first, first_before, whole, whole_before = string.match(text or "", FORM)
  turned = numbers.read(turned)
  local age = turned and clock.now - turned
  if not age or age < 0 or age >= 2 * HALF_MS then
    return clock.now, "", "", "", ""
  elseif age >= HALF_MS then
    return turned + HALF_MS, "", first, "", whole
  end
  return turned, first, first_before, whole, whole_before
end

-- One more call of so many ms among the counts.
local function count(counts, ms)
  local name = " " .. bucket(ms) .. ":"
  local _, last = string.find(counts, name, 1, true)
  if not last then
    return counts .. name .. "1"
  end
  local number = string.match(counts, "^%d*", last + 1)
  local more = numbers.int((numbers.read(number) or 0) + 1)
  return string.sub(counts, 1, last) .. more .. string.sub(counts, last + #number + 1)
end

-- The text with a call more: ms to its first content, ms of all of it; nil for what is not known.
local function add(text, first_ms, whole_ms)
  local turned, first, first_before, whole, whole_before = open(text)
  first = first_ms and count(first, first_ms) or first
  whole = whole_ms and count(whole, whole_ms) or whole
  return numbers.int(turned) .. " |" .. first .. " |" .. first_before .. " |" .. whole .. " |" .. whole_before
end

-- All counts of a text: of first contents, of whole calls.
local function counts(text)
  local _, first, first_before, whole, whole_before = open(text)
  return first .. first_before, whole .. whole_before
end

-- Counts (several are merged by joining them) in order: {ms, ...}, {how many, ...}, how many in all.
local function sorted(text)
  local times, amounts, total = {}, {}, 0
  for name, number in string.gmatch(text, " ([%d.]+):(%d+)") do
    local ms, more = numbers.read(name), numbers.read(number)
    if ms and more then
      if not amounts[ms] then
        times[#times + 1] = ms
      end
      amounts[ms] = (amounts[ms] or 0) + more
      total = total + more
    end
  end
  table.sort(times)
  return times, amounts, total
end

-- How many were counted, and the time that so many percent of them took at most (ascending percents), nil for nothing.
local function quantiles(text, percents)
  local times, amounts, total = sorted(text)
  local found, i, seen = {}, 0, 0
  for j, percent in ipairs(percents) do
    local rank = math.ceil(total * percent / 100)
    while i < #times and seen < rank do
      i = i + 1
      seen = seen + amounts[times[i]]
    end
    found[j] = times[i]
  end
  return total, found
end

local sketch = { add = add, counts = counts, quantiles = quantiles }
