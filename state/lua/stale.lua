-- Counters of groups that nobody calls any more are forgotten.
-- Uses: numbers, image, keys, clock
-- Defines: stale
-- `config[attempts]` = when a heartbeat looks again

local KEEP_MS = 600000

local stale = {}

function stale.forget()
  local due = image.get("config", "attempts")
  if due and clock.now < (numbers.read(due) or 0) then
    return
  end
  image.set("config", "attempts", numbers.int(clock.now + KEEP_MS))
  local found = redis.pcall("HGETALL", keys.attempts)
  if found.err then
    return
  end
  image.proven("attempts")
  for i = 1, #found, 2 do
    local start = numbers.read(string.match(found[i + 1], "^%S+") or "-")
    if found[i] ~= "~" and (start or 0) + KEEP_MS < clock.now then
      image.set("attempts", found[i], false)
    end
  end
end
