-- The pool's clock and its birth.
-- Uses: numbers, image, keys
-- Defines: worker, now, now_text, epoch
-- ARGV[1]  worker, a random text for the epoch if the pool is new, then the groups of this run in the order of their
--         waiting keys

local worker, new_epoch = string.match(ARGV[1], "^(%S+) (%S+)")
local stored = image.read("clock", { "last_ms", "offset_ms", "epoch" })
local last, offset, epoch = numbers.of(stored[1] or "0"), numbers.of(stored[2] or "0"), stored[3]
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

-- A new pool, or one that Redis forgot. Every key gets a sentinel so that it exists: while a slot migrates a missing
-- key would answer TRYAGAIN. In a hash it is longer than 64 bytes: a hash of short texts is kept as a list of up to 512
-- fields, and each read of a field walks through it.
if not epoch then
  local LONG = string.rep("~", 65)
  local SORTED = { leases = true, expired = true, workers = true, retired = true, held = true }
  epoch = new_epoch .. "." .. now_text -- the same worker may make the pool twice
  image.set("clock", "epoch", epoch)
  for name, key in pairs(keys) do
    if SORTED[name] then
      image.add_member(key, name == "held" and "0" or "+inf", "~")
    elseif name == "events" then
      image.write("XADD", key, "*", "kind", "pool-created", "deployment", "", "detail", epoch, "at_ms", now_text)
    else
      image.set(name, "~", LONG)
    end
  end
end
