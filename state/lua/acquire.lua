-- Who may serve this call, who serves it: check health and every limit, choose, reserve, hold a lease.
-- Uses: numbers, worker, shared, image, room, queue, choose, deployment, leases, now
-- Defines: acquire
-- Op      "acquire id valid_until lease_ms seed route list input output stream preferred remember wait_until priority
--         dry"; times in pool ms; route, list: shared strings, "group strategy key=value ..." and "id id ..."
-- Returns "ok deployment generation probe best ...";
--         "wait due place unknown" (unknown 1: room may come at any time);
--         "full earliest place id reason ready ..."; "void" (too late, nothing written);
--         dry: "dry chosen earliest id order rank reason ready ..."; "-" for what is not known

local acquire = {}
local REAP_BEFORE_REFUSAL = 64
local FORM = "^acquire (%S+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%d)$"
local HOPELESS = { too_large = true, unknown = true, garbled = true, drained = true }

function acquire.parse(op)
  local id, valid_until, lease_ms, seed, route, list, input, output, stream, preferred, remember, until_ms, turn, dry =
    string.match(op, FORM)
  if not id then
    error("MALFORMED acquire", 0)
  end
  local words = shared.words(route)
  return {
    id = id,
    valid_until = tonumber(valid_until),
    lease_ms = tonumber(lease_ms),
    seed = tonumber(seed),
    input_tokens = tonumber(input),
    output_tokens = tonumber(output),
    stream = stream == "1",
    preferred = tonumber(preferred),
    remember = tonumber(remember),
    wait_until = tonumber(until_ms),
    priority = tonumber(turn),
    dry = dry == "1",
    list = list,
    candidates = shared.words(list),
    group = words[1],
    strategy = words[2],
    args = shared.args(route, 3),
    ticket = worker .. "|" .. id .. "|" .. input .. "|" .. output .. "|" .. until_ms,
  }
end

local function time_or_dash(at_ms)
  return at_ms and numbers.int(at_ms) or "-"
end

-- Try the members in order; returns the index of the one with room. Adds to `refusals` why the others had none.
local function find_room(request, panel, found, refusals, random)
  local taken, tried = {}, 0
  while true do
    local i = choose.next(panel, request, found, taken, random)
    if not i then
      return nil
    end
    taken[i], tried = true, tried + 1
    local d = panel.members[i]
    if tried <= 2 then
      room.load(tried == 1 and { d } or panel.members) -- mostly the first has room; if not, read for all at once
    end
    local ok, reason = pcall(room.check, d, request)
    if ok and not reason then
      return i
    end
    local ready_ms = ok and reason ~= "too_large" and room.due(d, request) or nil
    if ready_ms == now then -- full only by what is kept for earlier tickets
      reason, ready_ms = "behind_tickets", nil
    end
    refusals[#refusals + 1] = { d.id, ok and reason or "garbled", ready_ms }
  end
end

local function all_behind(request, panel, refusals)
  for _, d in ipairs(panel.members) do
    local ok, ready_ms = pcall(room.due, d, request)
    refusals[#refusals + 1] = { d.id, "behind_tickets", ok and ready_ms or nil }
  end
end

local function earliest_of(refusals)
  local earliest
  for _, refusal in ipairs(refusals) do
    if refusal[3] and (not earliest or refusal[3] < earliest) then
      earliest = refusal[3]
    end
  end
  return earliest
end

-- May any of them come back, and may one do so at a time nobody knows (a call in flight ends, a probe succeeds)?
local function hopes(refusals)
  local any, unknown = false, false
  for _, refusal in ipairs(refusals) do
    if not HOPELESS[refusal[2]] then
      any, unknown = true, unknown or (not refusal[3] and refusal[2] ~= "behind_tickets")
    end
  end
  return any, unknown
end

local function grant(request, panel, i, found, q)
  local d, probe = panel.members[i], choose.is_probe(panel, i)
  local generation = numbers.int(d.generation)
  leases.hold(request.id, worker, d, probe, now + request.lease_ms, room.take(d, request))
  if request.wait_until > 0 then
    queue.leave(q, request.ticket)
  end
  local best = request.remember > 0 and choose.best(panel, found, request.remember) or ""
  return "ok " .. d.id .. " " .. generation .. (probe and " 1" or " 0") .. best
end

local function refuse(request, q, place, panel, refusals)
  local earliest
  if place == 0 then
    earliest = earliest_of(refusals)
  else
    earliest = queue.due(q, place, panel, request)
  end
  local any, unknown = hopes(refusals)
  unknown = unknown or not earliest or earliest <= now
  if any and request.wait_until > now and (unknown or earliest <= request.wait_until) then
    queue.enter(q, request)
    return "wait " .. time_or_dash(earliest) .. " " .. numbers.int(place) .. (unknown and " 1" or " 0")
  end
  if request.wait_until > 0 then -- it may stand beyond the tickets that were read
    queue.leave(q, request.ticket)
  end
  local reply = { "full", time_or_dash(earliest), numbers.int(place) }
  for _, refusal in ipairs(refusals) do
    reply[#reply + 1] = refusal[1] .. " " .. refusal[2] .. " " .. time_or_dash(refusal[3])
  end
  return table.concat(reply, " ")
end

local function explain(panel, chosen, found, refusals)
  local earliest = not chosen and earliest_of(refusals) or nil
  local reply = { "dry", chosen and panel.members[chosen].id or "-", time_or_dash(earliest) }
  local refused = {}
  for _, refusal in ipairs(refusals) do
    refused[refusal[1]] = refusal[2] .. " " .. time_or_dash(refusal[3])
  end
  for i, d in ipairs(panel.members) do
    reply[#reply + 1] = d.id .. " " .. choose.described(panel, i, found) .. " " .. (refused[d.id] or "- -")
  end
  for _, refusal in ipairs(panel.refusals) do
    reply[#reply + 1] = refusal[1] .. " 0 - " .. refused[refusal[1]]
  end
  return table.concat(reply, " ")
end

-- Read what all acquires of the run need, one command a column. `entries`: as run.operations.
function acquire.load(entries)
  local ids, seen, lease_ids = {}, {}, {}
  for _, entry in ipairs(entries) do
    local request = entry.op
    lease_ids[#lease_ids + 1] = request.id
    if not seen[request.candidates] then
      seen[request.candidates] = true
      for _, id in ipairs(request.candidates) do
        if not seen[id] then
          seen[id] = true
          ids[#ids + 1] = id
        end
      end
    end
  end
  image.load("lease", lease_ids)
  if #ids == 0 then
    return
  end
  deployment.load(ids, true)
  for _, entry in ipairs(entries) do
    if not seen[entry.op.strategy] then
      seen[entry.op.strategy] = true
      pcall(choose.load, entry.op.strategy, ids) -- an unknown strategy is the error of its own operation
    end
  end
end

function acquire.run(request)
  if now > request.valid_until then
    return "void"
  end
  local held = leases.read(request.id)
  if held then
    return "ok " .. held.deployment .. " " .. numbers.int(held.generation) .. (held.probe and " 1" or " 0")
  end
  local q = queue.of(request.group)
  local place = queue.place(q, request.ticket, request.priority)
  for attempt = 1, 2 do
    local random = choose.random(request.seed)
    local panel = choose.panel(request)
    local found, refusals, chosen = choose.ranks(panel, request, random), {}, nil
    if queue.hold_before(q, place, panel.members) then
      chosen = find_room(request, panel, found, refusals, random)
    else
      all_behind(request, panel, refusals)
    end
    if chosen and not request.dry then
      return grant(request, panel, chosen, found, q)
    end
    for _, refusal in ipairs(panel.refusals) do
      refusals[#refusals + 1] = refusal
    end
    if request.dry then
      return explain(panel, chosen, found, refusals)
    elseif attempt == 2 or leases.reap(REAP_BEFORE_REFUSAL) == 0 then
      return refuse(request, q, place, panel, refusals)
    end
  end
end
