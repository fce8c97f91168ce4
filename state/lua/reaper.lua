-- Leases whose worker or deadline is gone.
-- Uses: numbers, image, pending, keys, deployment, roster, breaker, leases, clock
-- Defines: reaper
-- Reaping releases in-flight once and keeps the record: a late settle still charges what was used.

local KEEP_EXPIRED_MS = 3600000

-- Release in-flight once, keep the record. Throws GARBLED.
local function expire(id)
  local lease = leases.read(id)
  if not lease then
    pending.remove_member("leases", id)
    return
  elseif lease.state ~= "held" then
    return
  end
  local d = deployment.of(lease.deployment, roster.HEALTH)
  leases.drop_index(lease)
  pending.add_member("expired", clock.text, id)
  leases.save(lease, "expired")
  leases.count(lease, d, -1)
  breaker.unproven(d, id)
end

-- Hold an expired lease again: its call goes on. No room is asked for: the excess ends with the call.
local function revive(lease, deadline_ms)
  local d = deployment.of(lease.deployment)
  pending.remove_member("expired", lease.id)
  pending.add_member("held", "0", lease.worker .. "|" .. lease.id)
  pending.add_member("leases", numbers.int(deadline_ms), lease.id)
  leases.save(lease, "held")
  leases.count(lease, d, 1)
end

-- Up to `most` ids that a worker holds.
local function ids_of(owner, most)
  local range = { "[" .. owner .. "|", "(" .. owner .. "}" }
  local members = redis.call("ZRANGEBYLEX", keys.held, range[1], range[2], "LIMIT", "0", numbers.int(most))
  for i, member in ipairs(members) do
    members[i] = string.sub(member, #owner + 2)
  end
  return members
end

-- Expire the leases `over`, and up to `most` of each of the `silent` workers. Returns as leases.reap.
local function expire_all(over, silent, most)
  local gone = {}
  for _, owner in ipairs(silent) do
    local held = ids_of(owner, most)
    for _, id in ipairs(held) do
      over[#over + 1] = id
    end
    if #held < most then
      gone[#gone + 1] = owner
    end
  end
  if #over > 0 then
    image.load("lease", over)
    for _, id in ipairs(over) do
      pcall(expire, id) -- a garbled one stays; it must not stop the others
    end
  end
  return #over, gone
end

-- Forget expired records that no settle came for within an hour.
local function purge()
  local old =
    redis.call("ZRANGEBYSCORE", keys.expired, "-inf", numbers.int(clock.now - KEEP_EXPIRED_MS), "LIMIT", "0", "1000")
  for _, id in ipairs(old) do
    image.set("lease", id, false)
    pending.remove_member("expired", id)
  end
end

local reaper = { expire = expire, revive = revive, ids_of = ids_of, expire_all = expire_all, purge = purge }
