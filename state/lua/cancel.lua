-- The call was given up before anything was sent upstream: all that was reserved comes back, and its ticket goes.
-- Uses: queue, window, deployment, roster, leases, breaker
-- Defines: cancel
-- Op      "cancel id group ticket"; ticket "-": it never waited
-- Returns "ok", or "gone" if nothing was held

local cancel = {}
local NOTHING = { requests = 0, tokens = 0, input = 0, output = 0 }

function cancel.parse(op)
  local id, group, ticket = string.match(op, "^cancel (%S+) (%S+) (%S+)$")
  if not id then
    error("MALFORMED cancel", 0)
  end
  return { id = id, group = group, ticket = ticket }
end

function cancel.run(c)
  local lease, d, corrections = leases.read(c.id), nil, nil
  if lease then
    local slots = {}
    d, corrections = deployment.of(lease.deployment, roster.HEALTH), leases.corrections(lease, NOTHING)
    leases.plan(lease, corrections, slots)
    window.prepare(slots)
  end
  if c.ticket ~= "-" then
    queue.give_up(queue.of(c.group), c.ticket)
  end
  if not lease then
    return "gone"
  end
  leases.correct(lease, corrections)
  leases.finish(lease, d)
  breaker.unproven(d, c.id)
  return "ok"
end
