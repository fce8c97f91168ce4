-- Who looks after which deployment: one worker of those that list the same ones probes, each deployment once an
-- interval.
-- Uses: numbers, image, keys, shared, deployment, roster, clock
-- Defines: probing, probed, probes
-- `probed[id]`           = "at_ms outcome ms" of its last probe; outcome: of a call, asked (by an operator), begun
-- `probed[lease:digest]` = "worker until_ms": who probes what this list names, as long as it says so again and again
-- Op      "probing digest lease_ms list" (number of a shared string "id=interval_ms ..."), "probed id outcome ms" (what
--         came of one), "probes list" (what is known of them)
-- Returns probing: "other until_ms", or "ok next_ms id ..." (to be probed now; when to ask again)
--         probes: "id at_ms outcome ms ..."; "-" for unknown

local probing, probed, probes = {}, {}, {}
local MOST = 8 -- probes at once
local LEASE = "lease:"
-- What no probe may find out: the upstream asked to be left alone, an operator wants it so.
local WAITED_FOR = { rate_limit = true, retry_after = true, operator = true }

local function last_of(id)
  local at_ms, outcome, ms = string.match(image.get("probed", id) or "", "^(%d+) (%S+) (%S+)$")
  return numbers.read(at_ms or "0") or 0, outcome or "-", ms or "-"
end

-- Does this worker hold the lease now? If not, until when another does.
local function take_lease(op)
  local field = LEASE .. op.digest
  local worker, until_ms = string.match(image.get("probed", field) or "", "^(%S+) (%d+)$")
  until_ms = numbers.read(until_ms or "0") or 0
  if worker ~= shared.worker and until_ms > clock.now and redis.call("ZSCORE", keys.workers, worker) then
    return until_ms
  end
  image.set("probed", field, shared.worker .. " " .. numbers.int(clock.now + op.lease_ms))
  return nil
end

-- Leases of lists that nobody has any more.
local function forget_old()
  local found = redis.call("HGETALL", keys.probed)
  for i = 1, #found, 2 do
    local until_ms = string.match(found[i + 1], "^%S+ (%d+)$")
    if string.sub(found[i], 1, #LEASE) == LEASE and (numbers.read(until_ms or "0") or 0) + 60000 < clock.now then
      image.set("probed", found[i], false)
    end
  end
end

-- When it is to be probed, nil if that is not to be.
local function due_of(d, interval_ms)
  if deployment.garbled(d) or d.learned == false or not d.settings or d.settings.drained then
    return nil
  end
  local at_ms, outcome = last_of(d.id)
  if outcome == "asked" and d.state ~= "half-open" then
    return 0
  elseif d.state == "open" then
    local due = math.max(at_ms, d.since_ms) + interval_ms
    return WAITED_FOR[d.reason] and math.max(due, d.until_ms) or due
  end
  return math.max(at_ms, d.state == "half-open" and clock.now or 0, d.sampled_ms or 0) + interval_ms
end

function probing.parse(op)
  local digest, lease_ms, list = string.match(op, "^probing (%S+) (%d+) (%d+)$")
  if not digest then
    error("MALFORMED probing", 0)
  end
  return { digest = digest, lease_ms = tonumber(lease_ms), list = list }
end

function probing.run(op)
  local other = take_lease(op)
  if other then
    return "other " .. numbers.int(other)
  end
  forget_old()
  local ids, intervals, words = {}, {}, {}
  for id, interval_ms in string.gmatch(shared.text(op.list), "(%S+)=(%d+)") do
    ids[#ids + 1], intervals[#ids + 1] = id, tonumber(interval_ms)
  end
  image.load("probed", ids)
  local next_ms = clock.now + op.lease_ms
  roster.load_once(ids, roster.ALL)
  for i, id in ipairs(ids) do
    local d = roster.card(id)
    local due = due_of(d, intervals[i])
    if due and due <= clock.now and #words < MOST then
      words[#words + 1] = d.id
      image.set("probed", d.id, clock.text .. " begun -")
    elseif due then
      next_ms = math.min(next_ms, math.max(due, clock.now))
    end
  end
  return table.concat({ "ok", numbers.int(next_ms), unpack(words) }, " ")
end

function probed.parse(op)
  local id, outcome, ms = string.match(op, "^probed (%S+) ([%l_]+) (%S+)$")
  if not id or not (ms == "-" or numbers.read(ms)) then
    error("MALFORMED probed", 0)
  end
  return { id = id, outcome = outcome, ms = ms }
end

function probed.run(op)
  if not image.get("settings", op.id) then
    return "unknown"
  end
  image.set("probed", op.id, clock.text .. " " .. op.outcome .. " " .. op.ms)
  return "ok"
end

function probes.parse(op)
  return { list = string.match(op, "^probes (%d+)$") }
end

function probes.run(op)
  local words, ids = {}, shared.words(op.list)
  image.load("probed", ids)
  for _, id in ipairs(ids) do
    local at_ms, outcome, ms = last_of(id)
    words[#words + 1] = id .. " " .. numbers.int(at_ms) .. " " .. outcome .. " " .. ms
  end
  return table.concat(words, " ")
end
