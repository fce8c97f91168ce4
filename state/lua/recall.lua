-- What this script knows of pools from its last runs, where definitions live on.
-- Uses:
-- Defines: recall
-- `lease[~writes]` is another number after each run that changed something, whichever script, release or worker it was
-- of (clock.lua). Where it stands as the last run of this script left it, what that run knew is what is stored, and is
-- not read again. An operator's hand changes no such number: so everything is read again after 100 ms.
-- What is forgotten is read again. What its text said is kept for longer, because mostly that is still the same: cards
-- of deployments, and windows.

-- `age`: another number whenever everything was forgotten; `known`: the tables that are forgotten then; `kept`: `cards`
-- and `windows` by id, and what is made of cards
local recall = { age = 0, known = nil, kept = nil }
local FORGET_MS = 100
local MOST_POOLS = 64 -- with more, all are forgotten
local MOST = { cards = 16384, windows = 4096 } -- of a pool; with more, all go: they are too many to come again soon
local pools, count = {}, 0 -- key of the clock -> {age, writes, since_ms (all was read after that), known, kept}
local pool
local ages = 0

local function nothing()
  return {
    clock = nil,
    columns = {},
    passing = {},
    proven = {},
    totals = {},
    queues = {},
    subjects = {},
    subjects_of = {},
    open = {},
    opened = 0,
  }
end

local function empty()
  return { cards = {}, windows = {}, counts = { cards = 0, windows = 0 }, lists = {}, listed = 0 }
end

-- A run of the pool with this clock.
function recall.begin(key)
  pool = pools[key]
  if not pool then
    if count >= MOST_POOLS then
      pools, count = {}, 0
    end
    pool = { age = 0, writes = nil, since_ms = 0, known = nothing(), kept = empty() }
    pools[key], count = pool, count + 1
  end
  recall.known = pool.known
end

-- Nothing that is kept is in use.
local function forget_kept()
  local kept = pool.kept
  if kept.counts.cards > MOST.cards then
    pool.kept = empty()
  elseif kept.counts.windows > MOST.windows then
    kept.windows, kept.counts.windows = {}, 0
  end
end

-- The pool's number is `writes`, the server's time is `now`: is what is known still true? If not, or if it has been
-- known for too long, it is forgotten.
function recall.check(writes, now)
  local for_ms = now - pool.since_ms
  if not writes or writes ~= pool.writes or for_ms < 0 or for_ms >= FORGET_MS then
    ages = ages + 1
    pool.age, pool.since_ms = ages, now
    pool.known = nothing()
    forget_kept()
  end
  pool.writes = nil -- until this run has written all that it changed
  recall.age, recall.known, recall.kept = pool.age, pool.known, pool.kept
end

-- One of the `cards` or `windows` is kept from now on.
function recall.put(kind, id, thing)
  local kept = pool.kept
  kept[kind][id], kept.counts[kind] = thing, kept.counts[kind] + 1
end

-- The run is over and has left the pool with this number.
function recall.keep(writes)
  pool.writes = writes
end
