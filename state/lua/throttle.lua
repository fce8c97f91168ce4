-- Adaptive throttling: a group whose calls fail is asked less, so that it can come back.
-- Uses: numbers, halves, tally
-- Defines: throttle
-- `attempts[group|throttle]` = "start_ms requests accepts requests_before accepts_before" (halves.lua)
-- Site Reliability Engineering, chapter 21: of the calls of the last one to two minutes,
-- max(0, (requests - k * accepts) / (requests + 1)) are refused before they go upstream. Requests are counted when they
-- end, or a burst of long calls would look like failures; what the upstream took is an accept, also where the caller
-- was wrong.

local WIDTH_MS = 60000
local REQUESTS, ACCEPTS = 1, 2
-- The formula lets through one call of a window where all fail. A client counts alone there, here the fleet does: it
-- would not find out for minutes that the group is back.
local MOST = 0.98

local function counters(group)
  local ok, h = pcall(halves.open, group .. "|throttle", WIDTH_MS, 2)
  return ok and h or nil
end

-- A draw of this request alone: those that choose among candidates must not depend on who is let through.
local function draw(seed)
  return seed * 69621 % 2147483647 / 2147483647
end

-- "denied throttled share" for a call of a group that is throttled, where it is refused so, else nil.
local function denies(request)
  local h = counters(request.group)
  if not h then
    return nil
  end
  local requests = halves.sum(h, REQUESTS)
  local share = math.min((requests - request.throttle * halves.sum(h, ACCEPTS)) / (requests + 1), MOST)
  if draw(request.seed) >= share then
    return nil
  end
  halves.add(h, REQUESTS, 1)
  return "denied throttled " .. numbers.num(share)
end

-- A call of `group` ended so.
local function note(group, kind)
  local h = counters(group)
  if h then
    halves.add(h, REQUESTS, 1)
    if kind == "ok" or tally.NEUTRAL[kind] then
      halves.add(h, ACCEPTS, 1)
    end
  end
end

local throttle = { denies = denies, note = note }
