-- Who may serve this call, who serves it: check health and every limit, choose, reserve, hold a lease.
-- Uses: numbers, shared, image, room, queue, tickets, choose, refusal, leases, clock
-- Defines: acquire
-- Op      "acquire id valid_until lease_ms seed route list input output stream preferred remember wait_until priority
--         dry"
--         times in pool ms; route and list: numbers of shared strings, "group strategy key=value ..." and "id id ..."
-- Returns "ok deployment generation probe best ..."; "wait due place unknown" (unknown 1: room may come at any time);
--         "full earliest place id reason ready ..."; "void" (too late, nothing written); dry: "dry chosen earliest id
--         order rank reason ready ..."; "-" for unknown

local REAP_BEFORE_REFUSAL = 64
local FORM = "^acquire (%S+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%d)$"

local function parse(op)
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
    args = shared.values(route),
    ticket = shared.worker .. "|" .. id .. "|" .. input .. "|" .. output .. "|" .. until_ms,
    prepared = nil,
  }
end

-- Is there room at member `i`? If not, the reason goes to `refusals`.
local function try(request, panel, i, refusals)
  local d = panel.members[i]
  local ok, reason = pcall(room.admit, d, request)
  if ok and not reason then
    return true
  end
  refusals[#refusals + 1] = refusal.of(d, request, ok and reason or nil)
  return false
end

-- Try the members in order; returns the index of the one with room. Mostly the first has it; if not, read for all.
local function find_room(request, panel, found, refusals, draw)
  local levels = choose.levels(panel, request, draw)
  local first = choose.first(levels, found, draw)
  if not first then
    return nil
  end
  room.load({ panel.members[first] })
  if try(request, panel, first, refusals) then
    return first
  end
  room.load_full(panel.members, request)
  local others = choose.others(levels, found, draw, first)
  for j = 1, #others do
    if try(request, panel, others[j], refusals) then
      return others[j]
    end
  end
  return nil
end

local function grant(request, panel, i, found, q)
  local d, probe = panel.members[i], panel.members[i].state == "open"
  local generation = numbers.int(d.generation)
  leases.hold(request.id, shared.worker, d, probe, clock.now + request.lease_ms, room.take(d, request))
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

-- Read what all acquires of the run need, one command a column. `entries`: as of run.parse.
local function load(entries)
  local ids, lease_ids, seen = candidates_of(entries), {}, {}
  for i = 1, #entries do
    lease_ids[i] = entries[i].op.id
  end
  image.load("lease", lease_ids)
  for i = 1, #ids > 0 and #entries or 0 do
    local request = entries[i].op
    if not seen[request.strategy] then
      seen[request.strategy] = true
      choose.load(request, ids)
    end
  end
end

local function run(request)
  if clock.now > request.valid_until then
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
    if place == 0 or tickets.hold_before(q, place, panel.members, request) then
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
