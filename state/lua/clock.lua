-- The pool's clock and its birth.
-- Uses: numbers, shared, image, pending, keys
-- Defines: clock
-- `clock`  HASH last_ms, offset_ms (pool time = TIME + offset), epoch, scopes (subjects.lua), writes (recall.lua). A
--          run finds its time in `clock.now`, as text in `clock.text`, `clock.offset`, the pool's `clock.epoch`, and
--          `clock.scopes`, false where all limits are deployments' own; `clock.ticks`: this run writes the time, which
--          is what runs are taken for that look after something now and then.

local clock = { now = nil, text = nil, offset = nil, epoch = nil, scopes = nil, ticks = nil, writes = nil }
local CLOCK = pending.command("HSET", "clock")
local FIELDS = { "last_ms", "offset_ms", "epoch", "scopes", "writes" }
local TICK_MS = 10 -- no run's time is later than the one stored by more than this
local SORTED = { leases = true, expired = true, workers = true, retired = true, held = true }
-- Longer than 64 bytes: a hash of short texts is kept as a list of up to 512 fields, and each read of a field walks
-- through it.
local LONG = string.rep("~", 65)

-- A new pool, or one that Redis forgot. Every key gets a sentinel so that it exists: while a slot migrates a missing
-- key would answer TRYAGAIN.
local function give_birth()
  clock.epoch = shared.new_epoch .. "." .. clock.text -- the same worker may make the pool twice
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

function clock.begin()
  local stored = image.fetch("clock", FIELDS)
  local last, offset = numbers.of(stored[1] or "0"), numbers.of(stored[2] or "0")
  local time = redis.call("TIME")
  local now = time[1] * 1000 + math.floor(time[2] / 1000) + offset
  image.recall(stored[5], now)
  -- A server clock that steps back must not stop ours, and no time comes twice: the offset grows, and time goes on at
  -- its pace from the latest that any run was told.
  if now < last then
    offset = offset + last + TICK_MS - now
    now = last + TICK_MS
    image.set("clock", "offset_ms", numbers.int(offset))
  end
  clock.now, clock.text, clock.offset, clock.epoch, clock.scopes = now, numbers.int(now), offset, stored[3], stored[4]
  clock.writes = stored[5]
  clock.ticks = now - last >= TICK_MS
  if clock.ticks then
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
    pending.add(CLOCK, "writes", clock.writes)
  end
end

-- From now on there are limits of these scopes; false: of none.
function clock.set_scopes(text)
  clock.scopes = text
  image.set("clock", "scopes", text)
end
