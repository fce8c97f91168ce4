-- Who may serve this call, who serves it: check health and every limit, choose, reserve, hold a lease.
-- Uses: numbers, worker, shared, image, room, queue, tickets, choose, refusal, deployment, leases, now
-- Defines: acquire
-- Op      "acquire id valid_until lease_ms seed route list input output stream preferred remember wait_until priority
--         dry"
--         times in pool ms; route and list: numbers of shared strings, "group strategy key=value ..." and "id id ..."
-- Returns "ok deployment generation probe best ..."; "wait due place unknown" (unknown 1: room may come at any time);
--         "full earliest place id reason ready ..."; "void" (too late, nothing written); dry: "dry chosen earliest id
--         order rank reason ready ..."; "-" for unknown

local REAP_BEFORE_REFUSAL = 64
local FORM = "^acquire (%S+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%d)$"

-- What a request waits for: "stream" (the first token), "answer" (all of its output), "whole" (no output: embeddings).
local function kind_of(stream, output_tokens)
  if stream then
    return "stream"
  end
  return output_tokens > 0 and "answer" or "whole"
end

local function parse(op)
  local id, valid_until, lease_ms, seed, route, list, input, output, stream, preferred, remember, until_ms, turn, dry =
    string.match(op, FORM)
  if not id then
    error("MALFORMED acquire", 0)
  end
  local words, streams, output_tokens = shared.words(route), stream == "1", numbers.of(output)
  return {
    id = id,
    valid_until = numbers.of(valid_until),
    lease_ms = numbers.of(lease_ms),
    seed = numbers.of(seed),
    input_tokens = numbers.of(input),
    output_tokens = output_tokens,
    stream = streams,
    kind = kind_of(streams, output_tokens),
    preferred = numbers.of(preferred),
    remember = numbers.of(remember),
    wait_until = numbers.of(until_ms),
    priority = numbers.of(turn),
    dry = dry == "1",
    list = list,
    candidates = shared.words(list),
    group = words[1],
    strategy = words[2],
    args = shared.args(route, 3),
    ticket = worker .. "|" .. id .. "|" .. input .. "|" .. output .. "|" .. until_ms,
    prepared = nil,
  }
end

-- Try the members in order; returns the index of the one with room. Adds to `refusals` why the others had none.
local function find_room(request, panel, found, refusals, draw)
  local taken, tried = {}, 0
  while true do
    local i = choose.next(panel, request, found, taken, draw)
    if not i then
      return nil
    end
    taken[i], tried = true, tried + 1
    local d = panel.members[i]
    if tried == 1 then
      room.load({ d }) -- mostly the first has room; if not, read for all at once
    elseif tried == 2 then
      room.load(panel.members, true)
    end
    local ok, reason = pcall(room.check, d, request)
    if ok and not reason then
      return i
    end
    refusals[#refusals + 1] = refusal.of(d, request, ok and reason or nil)
  end
end

local function grant(request, panel, i, found, q)
  local d, probe = panel.members[i], panel.probes[i]
  local generation = numbers.int(d.generation)
  leases.hold(request.id, worker, d, probe, now + request.lease_ms, room.take(d, request))
  if request.wait_until > 0 and not q.empty then -- its ticket may stand behind those that were read
    image.remove_member(q.key, request.ticket)
  end
  local best = request.remember > 0 and refusal.best(panel, found, request.remember) or ""
  return "ok " .. d.id .. " " .. generation .. (probe and " 1" or " 0") .. best
end

-- All candidates of the run, each once. Mostly all calls have the same.
local function candidates_of(entries)
  local first, same = entries[1].op.candidates, true
  for i = 2, #entries do
    same = same and entries[i].op.candidates == first
  end
  if same then
    return first
  end
  local ids, seen = {}, {}
  for i = 1, #entries do
    local candidates = entries[i].op.candidates
    for j = 1, seen[candidates] and 0 or #candidates do
      local id = candidates[j]
      if not seen[id] then
        seen[id] = true
        ids[#ids + 1] = id
      end
    end
    seen[candidates] = true
  end
  return ids
end

-- Read what all acquires of the run need, one command a column. `entries`: as run.operations.
local function load(entries)
  local ids, lease_ids = candidates_of(entries), {}
  for i = 1, #entries do
    lease_ids[i] = entries[i].op.id
  end
  image.load("lease", lease_ids)
  if #ids == 0 then
    return
  end
  deployment.load(ids, true)
  for i = 1, #entries do
    pcall(choose.load, entries[i].op, ids) -- an unknown strategy is the error of its own operation
  end
end

local function run(request)
  if now > request.valid_until then
    return "void"
  end
  local held = leases.read(request.id)
  if held then
    return "ok " .. held.deployment .. " " .. numbers.int(held.generation) .. (held.probe and " 1" or " 0")
  end
  local q = queue.of(request.group)
  local place = q.empty and 0 or tickets.place(q, request.ticket, request.priority)
  for attempt = 1, 2 do
    local draw = choose.random(request.seed)
    local panel = choose.panel(request)
    local found, refusals, chosen = choose.ranks(panel, request, draw), {}, nil
    if place == 0 or tickets.hold_before(q, place, panel.members) then
      chosen = find_room(request, panel, found, refusals, draw)
    else
      refusal.all_behind(request, panel, refusals)
    end
    if chosen and not request.dry then
      return grant(request, panel, chosen, found, q)
    end
    for _, refused in ipairs(panel.refusals) do
      refusals[#refusals + 1] = refused
    end
    if request.dry then
      return refusal.explain(panel, chosen, found, refusals)
    elseif attempt == 2 or leases.reap(REAP_BEFORE_REFUSAL) == 0 then
      return refusal.answer(request, q, place, panel, refusals)
    end
  end
end

local acquire = { parse = parse, load = load, run = run }
