-- What attempts hold while they run, so that nothing leaks when a worker dies.
-- Uses: numbers, image, pending, keys, deployment, subjects, in_flight, reaper, clock
-- Defines: leases
-- `lease[id]`  = "held|expired deployment worker generation kind at_ms row=amount ..." (names as in settings;
--                "subject|row=amount" of others than the deployment; "amount:start" in a calendar's period);
--                kind: call, probe (the one of half-open) or relief (panic let it in); call:500+60: in_flight.lua
--                or "charged": unknown when it was settled (Redis had forgotten it), and not to be charged again
-- `leases`     ZSET id by deadline (pool ms); `held` ZSET of `worker|id`; `expired` ZSET id by when it was reaped
-- How a dead worker's leases end: reaper.lua.

local match, find = string.match, string.find
local WORKER_DEAD_MS = 10000
local CHARGED = "charged"
local add, remove, int = pending.add, pending.remove, numbers.int
local HELD, LEASES = pending.command("ZADD", "held"), pending.command("ZADD", "leases")
local NOT_HELD, NOT_LEASES = pending.command("ZREM", "held"), pending.command("ZREM", "leases")

-- The record of a call, nil if there is none. Throws GARBLED.
-- Fields: id, state, deployment, worker, generation, kind, at_ms, rest (" row=amount ..." as reserved), counted (cards
-- of the subjects whose calls in flight it is one of, nil where all it reserved is the deployment's), tokens ({input,
-- output}, nil where not counted).
local function read(id)
  local text = image.get("lease", id)
  if not text or text == CHARGED then
    return nil
  end
  local state, target, owner, generation, kind, at_ms, rest = match(text, "^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)(.*)$")
  local lease = {
    id = id,
    state = state,
    deployment = target,
    worker = owner,
    generation = numbers.of(generation),
    kind = kind,
    at_ms = numbers.of(at_ms),
    rest = rest,
  } -- eight fields: with more the table is twice as large, and what is below is rare
  if kind ~= "call" then
    in_flight.join(lease)
  end
  if find(rest, "|", 1, true) then
    lease.counted = subjects.counted(rest)
  end
  return lease
end

-- Is it a call that shows whether its deployment is back?
local function shows(lease)
  return lease.kind == "probe" or lease.kind == "relief"
end

-- Write the record, in a state that may be new.
local function save(lease, state)
  lease.state = state
  local kind = " " .. lease.kind .. " "
  kind = lease.tokens and in_flight.marked(kind, lease.tokens) or kind
  local head = state .. " " .. lease.deployment .. " " .. lease.worker .. " " .. numbers.int(lease.generation)
  image.set("lease", lease.id, head .. kind .. numbers.int(lease.at_ms) .. lease.rest)
end

-- Grant `d` to the lease `id`, a " call ", " probe " or " relief ". `reserved` is " name=amount ..." as it was added to
-- the windows; `tokens`: {input, output} of the call, where they are counted.
local function hold(id, owner, d, kind, deadline_ms, reserved, tokens)
  add(HELD, "0", owner .. "|" .. id)
  add(LEASES, int(deadline_ms), id)
  deployment.count(d, 1)
  if tokens then
    in_flight.count(d, 1, tokens)
    kind = in_flight.marked(kind, tokens)
  end
  local generation = int(d.generation)
  image.set("lease", id, "held " .. d.id .. " " .. owner .. " " .. generation .. kind .. clock.text .. reserved)
end

-- Take it out of the indexes of running calls.
local function drop_index(lease)
  remove(NOT_HELD, lease.worker .. "|" .. lease.id)
  remove(NOT_LEASES, lease.id)
end

-- So many more calls of a lease are in flight: at `d`, and at all that count them.
local function count(lease, d, amount)
  deployment.count(d, amount)
  if lease.tokens then
    in_flight.count(d, amount, lease.tokens)
  end
  local counted = lease.counted
  for i = 1, counted and #counted or 0 do
    subjects.count(counted[i], amount)
  end
end

-- Give back the slot of a held lease and forget its record.
local function finish(lease, d)
  if lease.state == "held" then
    drop_index(lease)
    count(lease, d, -1)
  else
    pending.remove_member("expired", lease.id)
  end
  image.set("lease", lease.id, false)
end

-- A call of another epoch was charged; that is remembered as long as an expired lease, so that it is charged once.
local function was_charged(id)
  return image.get("lease", id) == CHARGED
end

local function note_charged(id)
  image.set("lease", id, CHARGED)
  pending.add_member("expired", clock.text, id)
end

-- Expire up to `most` leases that are over, by their own deadline or because their worker is silent.
-- Returns how many, and the workers that were found silent and hold nothing more.
local function reap(most)
  local over = redis.call("ZRANGEBYSCORE", keys.leases, "-inf", clock.text, "LIMIT", "0", numbers.int(most))
  local dead = numbers.int(clock.now - WORKER_DEAD_MS)
  local silent = redis.call("ZRANGEBYSCORE", keys.workers, "-inf", dead, "LIMIT", "0", "8")
  image.proven("leases")
  image.proven("workers")
  if not over[1] and not silent[1] then
    return 0, silent
  end
  return reaper.expire_all(over, silent, most)
end

local leases = {
  read = read,
  shows = shows,
  save = save,
  hold = hold,
  drop_index = drop_index,
  count = count,
  finish = finish,
  was_charged = was_charged,
  note_charged = note_charged,
  reap = reap,
}
