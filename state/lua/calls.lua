-- The script of calls: settles, cancels, renewals and what answers said first (room first), then acquires in the order
-- of their places.
-- Uses: shared, keys, clock, leases, totals, queue, tickets, run, acquire, settle, renew, cancel, pause,
--       observe, probe
-- Defines: calls
-- KEYS     the columns in keyring.lua's order, then one waiting key for each group of the header
-- ARGV     header, number of shared strings, those, then one string an operation (see acquire.lua, settle.lua ...)
-- Returns  as run.lua says

local verbs = {
  settle = settle,
  renew = renew,
  cancel = cancel,
  pause = pause,
  observe = observe,
  probe = probe,
  acquire = acquire,
}
local REAPED = 8 -- leases that are over and that a run takes along

-- Does anybody wait in the groups of these calls?
local function is_waited(acquires)
  local last
  for i = 1, #acquires do
    local group = acquires[i].group
    if group ~= last and not queue.is_idle(group) then
      local ok, q = pcall(queue.of, group) -- a broken queue is the error of its own group's calls
      if ok and not q.empty then
        return true
      end
    end
    last = group
  end
  return false
end

-- Who holds an earlier ticket is decided earlier, whatever its place in the run.
local function sort(acquires)
  for _, op in ipairs(acquires) do
    local ok, q = pcall(queue.of, op.group)
    op.place, op.decided = 0, math.huge
    if ok and not q.empty then
      op.place, op.decided = tickets.expect(q, op)
    end
  end
  table.sort(acquires, function(a, b)
    if a.place ~= b.place then
      return a.place < b.place
    elseif a.decided ~= b.decided then
      return a.decided < b.decided
    end
    return a.position < b.position
  end)
end

-- Returns whether the pool takes this worker for alive, as far as this run looked: now and then, and where others wait.
local function admit(acquires)
  local is_known = true
  if clock.ticks then
    leases.reap(REAPED)
  end
  local waited = is_waited(acquires)
  if waited then
    sort(acquires)
  end
  if waited or clock.ticks then
    is_known = redis.call("ZSCORE", keys.workers, shared.worker)
  end
  acquire.load(acquires)
  for i = 1, #acquires do
    run.attempt(acquires[i], acquire.run)
  end
  return is_known
end

-- Begin a run. Returns the settles, the acquires, and all else, each in their order. The leases of all that name one
-- are known.
local function begin(given_keys, args)
  local operations, named = run.begin(given_keys, args, verbs)
  local ends, acquires, others, leased = { nil }, { nil }, nil, { clock.WRITES, nil, nil }
  for i = 1, #operations do
    local op, verb = operations[i], named[i]
    if verb == "settle" then
      ends[#ends + 1] = op
    elseif verb == "acquire" then
      acquires[#acquires + 1] = op
    else
      others = others or {}
      others[#others + 1], op.run = op, verbs[verb].run
    end
    leased[#leased + 1] = op.id
  end
  clock.begin(leased)
  return ends, acquires, others
end

local function calls(given_keys, args)
  local ends, acquires, others = begin(given_keys, args)
  if #ends > 0 then
    settle.load(ends)
    for i = 1, #ends do
      run.attempt(ends[i], settle.run)
    end
    totals.flush()
  end
  for i = 1, others and #others or 0 do
    run.attempt(others[i], others[i].run)
  end
  local is_known = #acquires == 0 or admit(acquires)
  return run.finish(is_known)
end
