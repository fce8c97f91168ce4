-- How many calls a deployment was found to take at once, where that is to be learned (aimd.lua).
-- Uses: numbers, image
-- Defines: adaptive
-- `adaptive[id]` = "limit lowered_ms": the limit, with its fraction; when it was last lowered, 0: never
-- In settings: adaptive=least,most,first,keep: the bounds of the limit, where it begins, what is kept of it when it is
-- lowered. It is in force as the row `concurrent`, where nobody wrote a lower one.

local FORM = "^(%d+),(%d+),(%d+),([%d.]+)$"

-- The bounds in a text {least, most, first, keep}; nil where there are none.
local function bounds_in(text)
  local least, most, first, keep = string.match(text or "", FORM)
  if not least then
    return nil
  end
  return { least = tonumber(least), most = tonumber(most), first = tonumber(first), keep = tonumber(keep) }
end

-- What is known: limit, lowered_ms. Garbage is learned anew.
local function read(id, bounds)
  local limit, lowered = string.match(image.get("adaptive", id) or "", "^(%S+) (%S+)$")
  limit, lowered = limit and numbers.read(limit), lowered and numbers.read(lowered)
  if not limit or not lowered then
    return bounds.first, 0
  end
  return math.max(bounds.least, math.min(bounds.most, limit)), lowered
end

local function write(id, limit, lowered_ms)
  image.set("adaptive", id, numbers.num(limit) .. " " .. numbers.int(lowered_ms))
end

-- Put the limit into rows {names, amounts}; `limit`: what it will be, nil for what is known.
local function put(id, text, names, amounts, limit)
  local bounds = bounds_in(text)
  if not bounds then
    return
  end
  limit = math.floor(limit or read(id, bounds))
  local declared = amounts.concurrent
  if not declared then
    names[#names + 1] = "concurrent"
  end
  if not declared or limit < numbers.of(string.match(declared, "^[^,]*")) then
    amounts.concurrent = numbers.int(limit) .. ",adaptive"
  end
end

local adaptive = { bounds = bounds_in, read = read, write = write, put = put }
