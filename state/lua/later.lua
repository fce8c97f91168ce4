-- What is still to be done because of something in this run: at its end, or before the next one begins. Definitions
-- live on from run to run where the server can do that, and most runs touch few of them.
-- Uses:
-- Defines: later

local later = {}
local ends, nexts = { count = 0 }, { count = 0 } -- the first `count` are of this run

local function add(list, act)
  local n = list.count + 1
  list[n], list.count = act, n
end

-- `act` is called once when all operations are done, before anything is written; not where the run fails.
function later.at_end(act)
  add(ends, act)
end

-- `act` is called once before the next run, also where this one fails.
function later.before_next(act)
  add(nexts, act)
end

function later.begin()
  ends.count = 0
  for i = 1, nexts.count do
    nexts[i]()
  end
  nexts.count = 0
end

function later.finish()
  for i = 1, ends.count do
    ends[i]()
  end
end
