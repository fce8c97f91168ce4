-- The call was given up before anything was sent upstream: all that was reserved comes back, and its ticket goes.
-- Uses: queue, slots, corrections, deployment, roster, leases, breaker, scopes
-- Defines: cancel
-- Op      "cancel id group ticket[ use=key,key]"; ticket "-": it never waited; use: columns of its subjects
-- Returns "ok", or "gone" if nothing was held

local cancel = {}
local NOTHING = { requests = 0, tokens = 0, input = 0, output = 0, cost = 0 }

function cancel.parse(op)
  local id, group, ticket, rest = string.match(op, "^cancel (%S+) (%S+) (%S+)(.*)$")
  if not id then
    error("MALFORMED cancel", 0)
  end
  scopes.lend_in(rest)
  return { id = id, group = group, ticket = ticket }
end

function cancel.run(c)
  local lease, d, list = leases.read(c.id), nil, nil
  if lease then
    d, list = deployment.of(lease.deployment, roster.HEALTH), corrections.of(lease, NOTHING)
    local found = {}
    if list then
      corrections.plan(lease, list, found)
    end
    slots.prepare(found)
  end
  if c.ticket ~= "-" then
    queue.give_up(queue.of(c.group), c.ticket)
  end
  if not lease then
    return "gone"
  end
  if list then
    corrections.commit(list)
  end
  leases.finish(lease, d)
  breaker.unproven(d, c.id)
  return "ok"
end
