-- What attempts hold while they run, so that nothing leaks when a worker dies.
-- Uses: numbers, image, keys, window, deployment, breaker, now, now_text
-- Defines: leases
-- `lease[id]`  = "held|expired deployment worker generation probe|call at_ms limit=amount ..." (names as in
--              settings), or
--                "charged"
-- `leases`     ZSET id by deadline (pool ms); `held` ZSET of `worker|id`; `expired` ZSET id by when it was reaped
-- Reaping releases in-flight once and keeps the record: a late settle still charges what was used.

local leases = {}
local KEEP_EXPIRED_MS = 3600000
local WORKER_DEAD_MS = 10000
local CHARGED = "charged"

-- The record of `id`, nil if there is none. Throws GARBLED.
-- Fields: id, state, deployment, worker, generation, probe, at_ms, reserved = {{name, seconds, amount}, ...}.
function leases.read(id)
  local text = image.get("lease", id)
  if not text or text == CHARGED then
    return nil
  end
  local state, target, owner, generation, kind, at_ms, rest =
    string.match(text, "^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)(.*)$")
  local lease = {
    id = id,
    state = state,
    deployment = target,
    worker = owner,
    generation = numbers.of(generation),
    probe = kind == "probe",
    at_ms = numbers.of(at_ms),
    rest = rest,
    reserved = {},
  }
  for resource, seconds, amount in string.gmatch(rest, "(%a+)/(%d+)=(%S+)") do
    lease.reserved[#lease.reserved + 1] = {
      id = target .. "/" .. resource .. "/" .. seconds,
      resource = resource,
      seconds = tonumber(seconds),
      amount = numbers.of(amount),
    }
  end
  return lease
end

local function save(id, state, target, owner, generation, probe, at, rest)
  local kind = probe and " probe " or " call "
  image.set("lease", id, state .. " " .. target .. " " .. owner .. " " .. numbers.int(generation) .. kind .. at .. rest)
end

-- Grant `d` to the lease `id`. `reserved` is " name=amount ..." as it was added to the windows.
function leases.hold(id, owner, d, probe, deadline_ms, reserved)
  image.add_member(keys.held, "0", owner .. "|" .. id)
  image.add_member(keys.leases, numbers.int(deadline_ms), id)
  save(id, "held", d.id, owner, d.generation, probe, now_text, reserved)
  deployment.count(d, "inflight", 1)
  if probe then
    deployment.transition(d, "half-open", { probe = id, since_ms = now })
  end
end

local function drop_index(lease)
  image.remove_member(keys.held, lease.worker .. "|" .. lease.id)
  image.remove_member(keys.leases, lease.id)
end

local function save_as(lease, state)
  lease.state = state
  local at = numbers.int(lease.at_ms)
  save(lease.id, state, lease.deployment, lease.worker, lease.generation, lease.probe, at, lease.rest)
end

-- Hold an expired lease again: its call goes on. No room is asked for: the excess ends with the call.
function leases.revive(lease, deadline_ms)
  image.remove_member(keys.expired, lease.id)
  image.add_member(keys.held, "0", lease.worker .. "|" .. lease.id)
  image.add_member(keys.leases, numbers.int(deadline_ms), lease.id)
  save_as(lease, "held")
  deployment.count(deployment.of(lease.deployment), "inflight", 1)
end

-- Give back the slot of a held lease and forget its record.
function leases.finish(lease, d)
  if lease.state == "held" then
    drop_index(lease)
    deployment.count(d, "inflight", -1)
  else
    image.remove_member(keys.expired, lease.id)
  end
  image.set("lease", lease.id, false)
end

-- Part of every plan that ends a lease: the windows that `charge` will touch are readable. Throws GARBLED.
function leases.check(lease)
  for _, row in ipairs(lease.reserved) do
    row.window = window.open(row.id, row.seconds)
    window.check(row.window, window.slot(row.window, lease.at_ms))
  end
end

-- Charge what was really used into the windows of the reservation. `used`: {requests, tokens, input, output}; a nil
-- keeps what was reserved. Only after `check`.
function leases.charge(lease, used)
  for _, row in ipairs(lease.reserved) do
    if used[row.resource] then
      window.adjust(row.window, lease.at_ms, used[row.resource] - row.amount)
    end
  end
end

-- A call of another epoch was charged; that is remembered as long as an expired lease, so that it is charged once.
function leases.was_charged(id)
  return image.get("lease", id) == CHARGED
end

function leases.note_charged(id)
  image.set("lease", id, CHARGED)
  image.add_member(keys.expired, now_text, id)
end

-- Its worker or its deadline is gone: release in-flight once, keep the record.
function leases.expire(id)
  local lease = leases.read(id)
  if not lease then
    image.remove_member(keys.leases, id)
    return
  elseif lease.state ~= "held" then
    return
  end
  local d = deployment.of(lease.deployment)
  drop_index(lease)
  image.add_member(keys.expired, now_text, id)
  save_as(lease, "expired")
  deployment.count(d, "inflight", -1)
  breaker.unproven(d, id)
end

-- Up to `most` ids that a worker holds.
function leases.ids_of(owner, most)
  local range = { "[" .. owner .. "|", "(" .. owner .. "}" }
  local members = redis.call("ZRANGEBYLEX", keys.held, range[1], range[2], "LIMIT", "0", numbers.int(most))
  for i, member in ipairs(members) do
    members[i] = string.sub(member, #owner + 2)
  end
  return members
end

-- Expire up to `most` leases that are over, by their own deadline or because their worker is silent.
-- Returns how many, and the workers that were found silent and hold nothing more.
function leases.reap(most)
  local over = redis.call("ZRANGEBYSCORE", keys.leases, "-inf", now_text, "LIMIT", "0", numbers.int(most))
  local silent = redis.call("ZRANGEBYSCORE", keys.workers, "-inf", numbers.int(now - WORKER_DEAD_MS), "LIMIT", "0", "8")
  image.proven(keys.leases)
  image.proven(keys.workers)
  local gone = {}
  for _, owner in ipairs(silent) do
    local held = leases.ids_of(owner, most)
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
      pcall(leases.expire, id) -- a garbled one stays; it must not stop the others
    end
  end
  return #over, gone
end

-- Forget expired records that no settle came for within an hour.
function leases.purge()
  local old =
    redis.call("ZRANGEBYSCORE", keys.expired, "-inf", numbers.int(now - KEEP_EXPIRED_MS), "LIMIT", "0", "1000")
  for _, id in ipairs(old) do
    image.set("lease", id, false)
    image.remove_member(keys.expired, id)
  end
end
