-- Workers: who lives, what they hold, which deployments they list.
-- Uses: numbers, image, pending, keys, scopes, limits, calendars, settings, quotas, events, leases, reaper, clock,
--       shared, retired, outliers, stale
-- Defines: heartbeat, reconcile, join, leave
-- `workers` ZSET worker by pool ms of its last heartbeat; `listing[worker]` = digest of its deployments;
--                `lists[digest]` = ids of deployments, and subjects;
-- Op      "heartbeat", "join digest list", "leave", "reconcile lease_ms list" (list: number of a shared string of ids)
-- Returns heartbeat: "ok held dead version calendar ...": leases this worker holds here, 1 if it had been given up,
--         version of the settings, calendars to be written anew

local heartbeat, reconcile, join, leave = {}, {}, {}, {}
local REAP = 1000
local LEAVING = 5000
local SETTLED_MS = 5000 -- a lease younger than this may be on its way to its worker

local function words_of(text)
  local words = {}
  for word in string.gmatch(text or "", "%S+") do
    words[#words + 1] = word
  end
  return words
end

-- A worker lists `digest` no more: what nobody else lists is retired. After the change of `listing`.
local function unlist(digest)
  local live, kept = { [image.get("listing", shared.worker) or "~"] = true }, {}
  local listings = redis.call("HGETALL", keys.listing)
  for i = 1, #listings, 2 do
    live[image.get("listing", listings[i]) or "~"] = true
  end
  if live[digest] then
    return
  end
  for other in pairs(live) do
    for _, id in ipairs(words_of(image.get("lists", other))) do
      kept[id] = true
    end
  end
  for _, id in ipairs(words_of(image.get("lists", digest))) do
    if not kept[id] and scopes.of(id) then
      limits.retire(id)
    elseif not kept[id] and image.get("settings", id) then
      retired.note(id)
    end
  end
  image.set("lists", digest, false)
end

-- A worker is gone: what only it listed leaves with it.
local function forget(name)
  pending.remove_member("workers", name)
  local digest = image.get("listing", name)
  if digest then
    image.set("listing", name, false)
    unlist(digest)
  end
end

-- What providers said of their limits long ago is in force no longer.
local function forget_observed()
  image.load("config", { "version", "observed", "outliers" })
  for _, id in ipairs(quotas.sweep()) do
    if image.get("settings", id) then
      pcall(settings.apply, id)
    end
  end
end

function heartbeat.parse()
  return {}
end

function heartbeat.run()
  local dead = not redis.call("ZSCORE", keys.workers, shared.worker)
  pending.add_member("workers", clock.text, shared.worker)
  local _, gone = leases.reap(REAP)
  for _, other in ipairs(gone) do
    if other ~= shared.worker then
      forget(other)
      events.add("worker-gone", "", other)
    end
  end
  reaper.purge()
  retired.forget()
  stale.forget()
  local held = redis.call("ZLEXCOUNT", keys.held, "[" .. shared.worker .. "|", "(" .. shared.worker .. "}")
  forget_observed()
  pcall(outliers.sweep)
  local version = image.get("config", "version") or "0"
  local words = { "ok", numbers.int(held), dead and "1" or "0", version, unpack(calendars.due()) }
  return table.concat(words, " ")
end

function join.parse(op)
  local digest, list = string.match(op, "^join (%S+) (%d+)$")
  return { digest = digest, list = list }
end

function join.run(op)
  local before = image.get("listing", shared.worker)
  pending.add_member("workers", clock.text, shared.worker)
  image.set("listing", shared.worker, op.digest)
  image.set("lists", op.digest, shared.text(op.list))
  if before and before ~= op.digest then
    unlist(before)
  end
  return "ok"
end

function leave.parse()
  return {}
end

-- Its calls end with it: their slots come back, what they reserved stays charged.
function leave.run()
  local held = reaper.ids_of(shared.worker, LEAVING)
  if #held > 0 then
    image.load("lease", held)
  end
  for _, id in ipairs(held) do
    pcall(reaper.expire, id) -- a garbled one stays; it must not keep the others
  end
  forget(shared.worker)
  return "ok"
end

function reconcile.parse(op)
  local lease_ms, list = string.match(op, "^reconcile (%d+) (%d+)$")
  return { lease_ms = tonumber(lease_ms), list = list }
end

-- The worker lists the calls it really runs: what else it holds is released, what was reaped of them is held again.
function reconcile.run(op)
  local known = {}
  for _, id in ipairs(words_of(shared.text(op.list))) do
    known[id] = true
    local lease = leases.read(id)
    if lease and lease.state == "expired" then
      reaper.revive(lease, clock.now + op.lease_ms)
      events.add("lease-revived", lease.deployment, lease.worker)
    end
  end
  for _, id in ipairs(reaper.ids_of(shared.worker, REAP)) do
    local lease = not known[id] and leases.read(id)
    if lease and clock.now - lease.at_ms > SETTLED_MS then
      reaper.expire(id)
    end
  end
  return "ok"
end
