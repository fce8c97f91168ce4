-- The pool's clock and its birth.
-- Uses: numbers, shared, image, pending, recall, keys
-- Defines: clock
-- `clock`  HASH last_ms, offset_ms (pool time = TIME + offset), epoch, scopes (subjects.lua). A run finds its time in
--          `clock.now`, as text in `clock.text`, `clock.offset`, the pool's `clock.epoch`, and `clock.scopes`, false
--          where all limits are deployments' own; `clock.ticks`: this run writes the time, which is what runs are taken
--          for that look after something now and then.
-- `lease[~writes]`: recall.lua. It stands in that column because each run of calls reads and writes it anyway.

local WRITES = "~writes"
local clock = { WRITES = WRITES } -- and what a run finds there
local CLOCK, LEASE = pending.command("HSET", "clock"), pending.command("HSET", "lease")
local FIELDS = { "last_ms", "offset_ms", "epoch", "scopes" }
local TICK_MS = 10 -- no run's time is later than the one stored by more than this
local SORTED = { leases = true, expired = true, workers = true, retired = true, held = true }
-- Longer than 64 bytes: a hash of short texts is kept as a list of up to 512 fields, and each read of a field walks
-- through it.
local LONG = string.rep("~", 65)

local stored -- {last, offset, epoch, scopes}, as this run leaves it

-- A new pool, or one that Redis forgot. Every key gets a sentinel so that it exists: while a slot migrates a missing
-- key would answer TRYAGAIN.
local function give_birth()
  clock.epoch = shared.new_epoch .. "." .. clock.text -- the same worker may make the pool twice
  stored.epoch = clock.epoch
  image.set("clock", "epoch", clock.epoch)
  for name, key in pairs(keys) do
    if SORTED[name] then
      pending.add_member(name, name == "held" and "0" or "+inf", "~")
    elseif name == "events" then
      local detail = clock.epoch
      pending.write("XADD", key, "*", "kind", "pool-created", "deployment", "", "detail", detail, "at_ms", clock.text)
    else
      image.set(name, "~", LONG)
    end
  end
end

local function read()
  local texts = image.fetch("clock", FIELDS)
  return {
    last = numbers.of(texts[1] or "0"),
    offset = numbers.of(texts[2] or "0"),
    epoch = texts[3],
    scopes = texts[4],
  }
end

-- `fields`: of the column `lease`, which are read: WRITES, then leases.
function clock.begin(fields)
  local texts, time = image.fetch("lease", fields), redis.call("TIME")
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  image.recall(texts[1], now)
  image.learn("lease", fields, texts)
  local known = recall.known
  local c = known.clock or read()
  known.clock, stored = c, c
  now = now + c.offset
  -- A server clock that steps back must not stop ours, and no time comes twice: the offset grows, and time goes on at
  -- its pace from the latest that any run was told.
  if now < c.last then
    c.offset, now = c.offset + c.last + TICK_MS - now, c.last + TICK_MS
    image.set("clock", "offset_ms", numbers.int(c.offset))
  end
  clock.now, clock.text, clock.offset, clock.epoch, clock.scopes = now, numbers.int(now), c.offset, c.epoch, c.scopes
  clock.writes = texts[1]
  clock.ticks = now - c.last >= TICK_MS
  if clock.ticks then
    c.last = now
    pending.add(CLOCK, "last_ms", clock.text)
  end
  if not clock.epoch then
    give_birth()
  end
end

-- At the end of a run that changes something, or ticks: others see that they have to read. In a pool that begins, or
-- began again, the number is one that was never there.
function clock.count_writes()
  if clock.ticks or pending.is_any() then
    local before = clock.writes and numbers.read(clock.writes) or clock.now * 1000
    clock.writes = numbers.int(before + 1)
    pending.add(LEASE, WRITES, clock.writes)
  end
end

-- From now on there are limits of these scopes; false: of none.
function clock.set_scopes(text)
  clock.scopes, stored.scopes = text, text
  image.set("clock", "scopes", text)
end
