-- The pool's clock and its birth.
-- Uses: numbers, image, keys
-- Defines: worker, now, now_text, epoch
-- ARGV[1]  worker, epoch to take if the pool is new, then the groups of this run in the order of their waiting keys

local worker, new_epoch = string.match(ARGV[1], "^(%S+) (%S+)")
local stored = image.load("clock", { "last_ms", "offset_ms", "epoch" })
local last, offset = numbers.of(stored.last_ms, 0), numbers.of(stored.offset_ms, 0)
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000) + offset

-- A server clock that steps back must not stop ours: the offset grows by the difference, and time goes on at its pace.
if now < last then
  image.set("clock", "offset_ms", numbers.int(offset + last - now))
  now = last
end
local now_text = numbers.int(now)
if now > last then
  image.set("clock", "last_ms", now_text)
end

local SORTED = { leases = true, expired = true, workers = true, retired = true, held = true }

-- A new pool, or one that Redis forgot. Every key gets a sentinel so that it exists: while a slot migrates a missing
-- key would answer TRYAGAIN.
local function begin()
  local born = new_epoch .. "." .. now_text -- the same worker may have to make it anew
  image.set("clock", "epoch", born)
  for name, key in pairs(keys) do
    if SORTED[name] then
      image.add_member(key, name == "held" and "0" or "+inf", "~")
    elseif name == "events" then
      image.write("XADD", key, "*", "kind", "pool-created", "deployment", "", "detail", born, "at_ms", now_text)
    else
      image.set(name, "~", "~")
    end
  end
  return born
end

local epoch = stored.epoch or begin()
