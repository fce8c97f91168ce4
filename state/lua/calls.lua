-- The script of calls: settles, cancels and renewals first (room first), then acquires in the order of their places.
-- Uses: worker, keys, shared, leases, queue, tickets, run, acquire, settle, renew, cancel
-- Defines:
-- KEYS     the columns in image.lua's order, then one waiting key for each group of the header
-- ARGV     header, number of shared strings, those, then one string an operation (see settle.lua, acquire.lua)
-- Returns  as run.lua says

local known = true
if shared.has.acquire then
  leases.reap(8)
  known = redis.call("ZSCORE", keys.workers, worker)
end
run.parse({ settle = settle, renew = renew, cancel = cancel, acquire = acquire })

local acquires, ends, others = {}, {}, {}
for _, entry in ipairs(run.operations) do
  local list = entry.verb == "acquire" and acquires or (entry.verb == "settle" and ends or others)
  list[#list + 1] = entry
end

if #ends > 0 then
  settle.load(ends)
  for _, entry in ipairs(ends) do
    run.attempt(entry, settle.run)
  end
end
for _, entry in ipairs(others) do
  run.attempt(entry, entry.verb == "cancel" and cancel.run or renew.run)
end

-- Who holds an earlier ticket is decided earlier, whatever its place in the run.
local waiting = false
for _, entry in ipairs(acquires) do
  local op = entry.op
  local ok, q = pcall(queue.of, op.group)
  entry.place = 0
  if ok and not q.empty then
    entry.place = tickets.place(q, op.ticket, op.priority)
    tickets.acts(q, op.ticket)
    waiting = true
  end
end
if waiting then
  table.sort(acquires, function(a, b)
    if a.place ~= b.place then
      return a.place < b.place
    end
    return a.position < b.position
  end)
end

if #acquires > 0 then
  acquire.load(acquires)
  for _, entry in ipairs(acquires) do
    run.attempt(entry, acquire.run)
  end
end

return run.finish(known)
