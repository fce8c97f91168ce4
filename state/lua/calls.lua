-- The script of calls: settles, cancels, renewals and what answers said first (room first), then acquires in the order
-- of their places.
-- Uses: shared, keys, clock, leases, outlook, queue, tickets, claims, shadow, halves, run, acquire, settle, renew,
--       cancel, pause, observe, probe
-- Defines: calls
-- KEYS     the columns in image.lua's order, then one waiting key for each group of the header
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

-- Who holds an earlier ticket is decided earlier, whatever its place in the run. Does anybody hold one?
local function by_place(acquires)
  local waiting = false
  for _, entry in ipairs(acquires) do
    local op = entry.op
    local ok, q = pcall(queue.of, op.group) -- a broken queue is the error of its own group's calls
    entry.place, entry.turn = 0, math.huge
    if ok and not q.empty then
      entry.place, entry.turn = tickets.expect(q, op)
      waiting = true
    end
  end
  if waiting then
    table.sort(acquires, function(a, b)
      if a.place ~= b.place then
        return a.place < b.place
      elseif a.turn ~= b.turn then
        return a.turn < b.turn
      end
      return a.position < b.position
    end)
  end
  return waiting
end

-- Returns whether the pool takes this worker for alive, as far as this run looked: now and then, and where others wait.
local function admit(acquires)
  local is_known = true
  if clock.ticks then
    leases.reap(REAPED)
  end
  if by_place(acquires) or clock.ticks then
    is_known = redis.call("ZSCORE", keys.workers, shared.worker)
  end
  acquire.load(acquires)
  for i = 1, #acquires do
    run.attempt(acquires[i], acquire.run)
  end
  shadow.flush()
  return is_known
end

local function calls(given_keys, args)
  run.begin(given_keys, args)
  outlook.begin()
  queue.begin()
  claims.begin()
  shadow.begin()
  halves.begin()
  local acquires, ends, others = {}, {}, {}
  for _, entry in ipairs(run.parse(args, verbs)) do
    local list = entry.verb == "acquire" and acquires or (entry.verb == "settle" and ends or others)
    list[#list + 1] = entry
  end
  if #ends > 0 then
    settle.load(ends)
    for i = 1, #ends do
      run.attempt(ends[i], settle.run)
    end
  end
  for _, entry in ipairs(others) do
    run.attempt(entry, verbs[entry.verb].run)
  end
  local is_known = #acquires == 0 or admit(acquires)
  queue.flush()
  halves.flush()
  return run.finish(is_known)
end
