-- Counters of the last while, in two halves: this one, and the whole one before.
-- Uses: numbers, later, image, clock
-- Defines: halves
-- `attempts[name]` = "start_ms count ... before ...": what was counted since start_ms, and in as long a time before
-- What is counted stays for one to two widths, and no sum of less is ever too low. Garbage is counted anew: these are
-- statistics, and no call's business.

local opened, changed -- of this run

local function forget()
  opened, changed = nil, nil
end

local function flush()
  for i = 1, #changed do
    local h = changed[i]
    local words = { numbers.int(h.start) }
    for j = 1, 2 * h.count do
      words[1 + j] = numbers.int(h[j])
    end
    image.set("attempts", h.name, table.concat(words, " "))
  end
end

-- The numbers of a text, nil where it is not so many.
local function numbers_in(text, many)
  local list = {}
  for word in string.gmatch(text, "%S+") do
    list[#list + 1] = numbers.read(word)
  end
  return #list == many and list or nil
end

-- The counters `name`, as many as `count`, in halves of `width_ms`; `seconds`: how long they cover. Throws where the
-- column cannot be read.
local function open(name, width_ms, count)
  if not opened then
    opened, changed = {}, {}
    later.at_end(flush)
    later.before_next(forget)
  end
  local h = opened[name]
  if h then
    return h
  end
  h = { name = name, count = count, start = math.floor(clock.now / width_ms) * width_ms, changed = false }
  h.seconds = (clock.now - h.start + width_ms) / 1000
  local stored = numbers_in(image.get("attempts", name) or "", 2 * count + 1)
  local halves_ago = stored and (h.start - stored[1]) / width_ms
  for i = 1, count do
    h[i] = halves_ago == 0 and stored[1 + i] or 0
    h[count + i] = (halves_ago == 0 and stored[1 + count + i]) or (halves_ago == 1 and stored[1 + i]) or 0
  end
  opened[name] = h
  return h
end

local function sum(h, i)
  return h[i] + h[h.count + i]
end

local function add(h, i, amount)
  h[i] = h[i] + amount
  if not h.changed then
    h.changed = true
    changed[#changed + 1] = h
  end
end

local halves = { open = open, sum = sum, add = add }
