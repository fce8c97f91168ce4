-- When the periods of calendars begin: workers know zones, and write it down ahead.
-- Uses: numbers, image, keys, rows, calendar, clock
-- Defines: calendars
-- Op      "calendars name ..." ; "calendars" alone asks for all that are known
--         "calendars name=start,end,end,... ..." (ms of TIME): writes those that reach further than what is known
-- Returns "ok time name ...": ms of TIME, and those that have to be written

local calendars = {}
local ENOUGH = 20 -- periods written ahead

-- The names that have to be written.
local function wanting(names)
  local found, seen = {}, {}
  for _, name in ipairs(names) do
    if not seen[name] and calendar.ahead(image.get("calendar", name) or "") < ENOUGH then
      found[#found + 1] = name
    end
    seen[name] = true
  end
  return found
end

-- All known calendars that have to be written anew. For a heartbeat.
function calendars.due()
  local names = {}
  for _, name in ipairs(redis.call("HKEYS", keys.calendar)) do
    if name ~= "~" then
      names[#names + 1] = name
    end
  end
  return wanting(names)
end

function calendars.parse(op)
  local names, texts = {}, {}
  for name, times in string.gmatch(string.sub(op, #"calendars" + 1), " ([^%s=]+)=?(%S*)") do
    local row = rows.named("cost/" .. name)
    times = string.gsub(times, ",", " ")
    if not row or not row.calendar or (times ~= "" and not calendar.times(times)) then
      error("MALFORMED calendar", 0)
    end
    names[#names + 1], texts[name] = name, times ~= "" and times or nil
  end
  return { names = names, texts = texts }
end

local function last_of(text)
  local times = text and calendar.times(text)
  return times and times[#times] or 0
end

function calendars.run(op)
  for _, name in ipairs(op.names) do
    local text = op.texts[name]
    if text and last_of(text) > last_of(image.get("calendar", name)) then
      image.set("calendar", name, text)
    end
  end
  local words = { "ok", numbers.int(clock.now - clock.offset) }
  for _, name in ipairs(#op.names > 0 and wanting(op.names) or calendars.due()) do
    words[#words + 1] = name
  end
  return table.concat(words, " ")
end
