-- Who could not connect to a deployment.
-- Uses: numbers, image, keys, clock
-- Defines: evidence
-- `evidence[id]` = "worker at_ms worker at_ms": the last worker that could not connect, and the last other one.
--                  Garbage says nothing.
-- A worker that cannot connect may have a broken network of its own: several live ones need two of them that say so
-- within a minute (Polly issue 287; Envoy keeps errors of local origin apart likewise).

local FRESH_MS = 60000
local WORKER_DEAD_MS = 10000
local FORM = "^(%S+) (%d+) (%S+) (%d+)$"

local function read(id)
  local last, last_ms, other, other_ms = string.match(image.get("evidence", id) or "", FORM)
  return {
    last = last or "-",
    last_ms = numbers.read(last_ms or "0") or 0,
    other = other or "-",
    other_ms = numbers.read(other_ms or "0") or 0,
  }
end

local function write(id, known)
  local last, other = known.last .. " " .. numbers.int(known.last_ms), known.other .. " " .. numbers.int(known.other_ms)
  image.set("evidence", id, last .. " " .. other)
end

local function forget(id)
  image.set("evidence", id, false)
end

-- Has another worker said within a minute that it cannot connect?
local function seconded(known, worker)
  local at_ms = known.last ~= worker and known.last_ms or known.other_ms
  return clock.now - at_ms <= FRESH_MS
end

-- Is this worker alone in not reaching the deployment, while others live? Reads only.
local function is_alone(id, worker)
  if seconded(read(id), worker) then
    return false
  end
  return redis.call("ZCOUNT", keys.workers, numbers.int(clock.now - WORKER_DEAD_MS), "(+inf") > 1
end

-- A worker could not connect.
local function report(id, worker)
  local known = read(id)
  if known.last ~= worker then
    known.other, known.other_ms = known.last, known.last_ms
  end
  known.last, known.last_ms = worker, clock.now
  write(id, known)
end

local evidence = { is_alone = is_alone, report = report, forget = forget }
