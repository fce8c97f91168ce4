-- What this script knows of pools from its last runs, where definitions live on.
-- Uses:
-- Defines: recall
-- `clock.writes` is another number after each run that changed something, whichever script, release or worker it was
-- of, and after 10 ms at most (clock.lua). Where it stands as the last run of this script left it, what that run knew
-- is what is stored, and is not read again. An operator's hand changes no such number: it is seen after those 10 ms.

local recall = { age = 0 } -- `age`: another number whenever everything was forgotten
local MOST_POOLS = 64 -- with more, all are forgotten
local pools, count = {}, 0 -- key of the clock -> {age, writes, tables}
local pool
local ages = 0

-- A run of the pool with this clock.
function recall.begin(key)
  pool = pools[key]
  if not pool then
    if count >= MOST_POOLS then
      pools, count = {}, 0
    end
    pool = { age = 0, writes = nil, tables = {} }
    pools[key], count = pool, count + 1
  end
end

-- The pool's number is `writes`: is what is known still true? If not, or if all is to be read anew, it is forgotten.
function recall.check(writes, anew)
  if anew or not writes or writes ~= pool.writes then
    ages = ages + 1
    pool.age, pool.tables = ages, {}
  end
  pool.writes = nil -- until this run has written all that it changed
  recall.age = pool.age
end

-- The table of this name, which is forgotten with everything else.
function recall.table(name)
  local found = pool.tables[name]
  if not found then
    found = {}
    pool.tables[name] = found
  end
  return found
end

-- The run is over and has left the pool with this number.
function recall.keep(writes)
  pool.writes = writes
end
