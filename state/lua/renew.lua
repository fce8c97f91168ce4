-- A call goes on longer than its lease.
-- Uses: numbers, pending, leases, reaper, events
-- Defines: renew
-- Op      "renew id deadline_ms" (pool time)
-- Returns "ok", or "gone" if there is no record

local renew = {}

function renew.parse(op)
  local id, deadline = string.match(op, "^renew (%S+) (%d+)$")
  if not id then
    error("MALFORMED renew", 0)
  end
  return { id = id, deadline_ms = tonumber(deadline) }
end

function renew.run(r)
  local lease = leases.read(r.id)
  if not lease then
    return "gone"
  elseif lease.state == "expired" then
    reaper.revive(lease, r.deadline_ms)
    events.add("lease-revived", lease.deployment, lease.worker)
  else
    pending.add_member("leases", numbers.int(r.deadline_ms), r.id)
  end
  return "ok"
end
