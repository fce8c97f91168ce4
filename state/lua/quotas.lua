-- What providers said of their limits, as it is remembered.
-- Uses: numbers, image, keys, clock
-- Defines: quotas
-- `observed[id]` = "requests/60=limit,since_ms,at_ms,slot:amount,... tokens/60=..." (names as in settings): the limit
--                  as it was heard since then and last (0: none that matters), and what others use of it, as it was
--                  put into which slots of the window (observe.lua)
-- `config.observed` = pool ms at which a heartbeat looks for what is out of date; absent: nothing is remembered

local quotas = {}
local BELIEVED_MS = 1000 -- heard again so much later
local FRESH_MS = 3600000
local ROW = "^(%d+),(%d+),(%d+)(.*)$"

local function row_of(text)
  local limit, since, at, rest = string.match(text, ROW)
  local row = { limit = numbers.of(limit), since_ms = numbers.of(since), at_ms = numbers.of(at), parts = {} }
  for slot, amount in string.gmatch(rest, ",([^,:]+):([^,:]+)") do
    row.parts[#row.parts + 1] = { slot = numbers.of(slot), amount = numbers.of(amount) }
  end
  return row
end

-- The rows of a deployment: a list of names, and name -> {limit, since_ms, at_ms, parts = {{slot, amount}, ...}}.
-- Throws GARBLED.
function quotas.read(id)
  local names, rows = {}, {}
  for name, text in string.gmatch(image.get("observed", id) or "", "(%S+)=(%S+)") do
    names[#names + 1] = name
    rows[name] = row_of(text)
  end
  return names, rows
end

local function text_of(row)
  local words = { numbers.int(row.limit), numbers.int(row.since_ms), numbers.int(row.at_ms) }
  for _, part in ipairs(row.parts) do
    words[#words + 1] = numbers.int(part.slot) .. ":" .. numbers.int(part.amount)
  end
  return table.concat(words, ",")
end

-- Remember them; rows that say nothing are forgotten.
function quotas.write(id, names, rows)
  local words = {}
  for _, name in ipairs(names) do
    local row = rows[name]
    if row.limit > 0 or #row.parts > 0 then
      words[#words + 1] = name .. "=" .. text_of(row)
    end
  end
  image.set("observed", id, #words > 0 and table.concat(words, " "))
  if #words > 0 and not image.get("config", "observed") then
    image.set("config", "observed", numbers.int(clock.now + FRESH_MS))
  end
end

-- The limits that were heard of these names do not count any more; what others use of them does.
function quotas.disbelieve(id, these)
  local ok, names, rows = pcall(quotas.read, id)
  if ok then
    for _, name in ipairs(names) do
      rows[name].limit = these[name] and 0 or rows[name].limit
    end
    quotas.write(id, names, rows)
  end
end

-- The limit that a row has proven, nil where there is none: one that was heard once may be another gateway's.
function quotas.believed(row)
  local fresh = clock.now - row.at_ms < FRESH_MS
  return fresh and row.limit > 0 and row.at_ms - row.since_ms >= BELIEVED_MS and row.limit or nil
end

-- What others have in the slots first..last.
function quotas.foreign_in(row, first, last)
  local sum = 0
  for _, part in ipairs(row.parts) do
    if part.slot >= first and part.slot <= last then
      sum = sum + part.amount
    end
  end
  return sum
end

-- What others have in a window.
function quotas.foreign(row, w)
  return quotas.foreign_in(row, w.oldest, w.newest)
end

-- The deployments of which something is out of date, which is forgotten; at most one look an hour.
function quotas.sweep()
  local due = image.get("config", "observed")
  if not due or clock.now < (numbers.read(due) or 0) then
    return {}
  end
  local found, changed, left = redis.call("HGETALL", keys.observed), {}, false
  image.proven("observed")
  for i = 1, #found, 2 do
    local id = found[i]
    local ok, names, rows = pcall(quotas.read, id)
    if ok and id ~= "~" then
      local kept = {}
      for _, name in ipairs(names) do
        if clock.now - rows[name].at_ms < FRESH_MS then
          kept[#kept + 1] = name
        end
      end
      left = left or #kept > 0
      if #kept < #names then
        changed[#changed + 1] = id
        quotas.write(id, kept, rows)
      end
    end
  end
  image.set("config", "observed", left and numbers.int(clock.now + FRESH_MS))
  return changed
end
