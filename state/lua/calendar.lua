-- Which period of a calendar runs: when it began and when it ends.
-- Uses: numbers, memo, image, clock
-- Defines: calendar
-- `calendar[name]` = "start end end ..." in ms of TIME (without the pool's offset), as workers write it, who know
--                    zones;
-- name: "day@UTC", "month@Europe/Berlin+06:00". Beyond the last end the last period goes on.

local times_in = memo(256, function(text)
  local times = {}
  for word in string.gmatch(text, "%S+") do
    local at_ms = numbers.read(word)
    if not at_ms or (times[1] and at_ms <= times[#times]) then
      return false
    end
    times[#times + 1] = at_ms
  end
  return #times > 0 and times
end)

-- The beginnings of a calendar's periods, none where nobody wrote them. Throws GARBLED.
local function times_of(name)
  local text = image.get("calendar", name)
  local times = text and times_in(text)
  if times == false then
    error("GARBLED calendar " .. name, 0)
  end
  return times or {}
end

-- The period that runs: when it began, in ms of TIME, and pool time of its end, as far as that is known. Not one before
-- `latest`, which has been counted in already: where a server's clock steps back no period begins anew. Throws GARBLED.
local function period(name, latest)
  local times, now = times_of(name), math.max(clock.now - clock.offset, latest)
  local start, finish = 0, nil
  for i = #times, 1, -1 do
    if times[i] <= now then
      start, finish = times[i], times[i + 1]
      break
    end
  end
  return math.max(start, latest), finish and finish + clock.offset
end

-- How many periods after this one are written down.
local function ahead(text)
  local count = 0
  for _, at_ms in ipairs(times_in(text) or {}) do
    count = count + (at_ms > clock.now - clock.offset and 1 or 0)
  end
  return count
end

local calendar = { period = period, ahead = ahead, times = times_in }
