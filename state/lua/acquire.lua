-- Who may serve this call, who serves it: check health and every limit, choose, reserve, hold a lease.
-- Uses: numbers, shared, room, reserve, concerned, queue, tickets, panels, choose,
--       levels, claims, shadow, own, refusal, leases, breaker, panic, clock, question, budget, throttle, doubt
-- Defines: acquire
-- Op      as question.lua says
-- Returns "ok deployment generation probe best ..."; "pinned deployment" (not in a list that is sampled);
--         "again" (the scopes are others: name the subjects in them);
--         "wait due place unknown turn" (unknown 1: room may come at any time; turn "-": as it was told before;
--         turn "user:alice": whose limit keeps it, without a place in the queue); "denied kind" (the budget of such
--         extra calls is used up; of throttled ones with their share); "full earliest place waiting id reason ready
--         ..."; "void" (too late, nothing written); dry:
--         "dry chosen earliest place waiting id order rank reason ready ..."; "-" for unknown

local REAP_BEFORE_REFUSAL = 64
local CALL, PROBE, RELIEF = " call ", " probe ", " relief " -- what a lease is held for

-- Is there room at member `i`? If not: false, the reason, and whether that will never be otherwise.
local function try(request, panel, i)
  local ok, reason, never = pcall(room.admit, panel.members[i], request)
  if ok then
    return not reason, reason, never
  end
  return false, room.GARBLED
end

-- Index of the first of the others with room, if any, in their order, and the refusals of the rest. `first`: the index
-- of the one that was tried. Why the rest has none is of interest only where nobody serves, or who asks will not be
-- served.
local function find_other(request, panel, turns, found, draw, first, why, forever)
  local members, chosen, refusals = panel.members, nil, {}
  local reasons, nevers = room.check_all(members, request)
  reasons[first], nevers[first] = why, forever
  local others = choose.others(turns, found, draw, reasons)
  for j = 1, #others do
    local i = others[j]
    local ok, reason, never = try(request, panel, i)
    if ok then
      chosen = i
      break
    end
    reasons[i], nevers[i] = reason, never
  end
  for i = 1, (not chosen or request.dry) and #members or 0 do
    if reasons[i] then
      refusals[#refusals + 1] = refusal.of(members[i], request, reasons[i], nevers[i])
    end
  end
  return chosen, refusals
end

-- Index of the member with room, nil if none has it, and the refusals of others, nil for none. Mostly the first has it;
-- if not, all are looked at.
local function find_room(request, panel, found, draw)
  local turns, alike = levels.of(panel, request, draw)
  local first = choose.first(turns, found, draw, alike)
  if not first then
    return nil
  end
  local ok, reason, never = try(request, panel, first)
  if ok then
    return first
  end
  return find_other(request, panel, turns, found, draw, first, reason, never)
end

local function grant(request, panel, i, found, q)
  local d, kind = panel.members[i], panel.members[i].state == "open" and PROBE or CALL
  if panel.relieved and panel.relieved[i] then
    kind = RELIEF
  end
  local generation, claim = numbers.int(d.generation), request.pin and claims.plan(request, d)
  if kind == RELIEF then
    panic.note(request.group, panel)
  end
  local tokens = panel.strategy.reads_tokens and { input = request.input_tokens, output = request.output_tokens }
  leases.hold(request.id, shared.worker, d, kind, clock.now + request.lease_ms, reserve.take(d, request), tokens)
  if kind == PROBE then
    breaker.probe(d, request.id, clock.now < d.until_ms)
  elseif d.closing then
    breaker.close(d)
  elseif d.doubt > 0 and doubt.is_due(d) then
    doubt.ask(d)
  end
  if not q.empty then
    queue.serve(q, request)
    own.let_go(q, request, d)
  end
  if request.extra then
    budget.spend(request)
  end
  if claim then
    claims.write(request, claim)
  end
  local best = request.remember and refusal.best(panel, found, request.remember) or ""
  return "ok " .. d.id .. " " .. generation .. (kind == CALL and " 0" or " 1") .. best
end

-- Read what all acquires of the run need, one command a column. `entries`: as of run.parse.
local function load(entries)
  choose.load(entries)
  if clock.scopes then
    concerned.load(entries)
  end
end

-- The deployment that the request's session is pinned to becomes the first one. Returns its id where it serves still,
-- but is not in a list that is sampled.
local function pinned_elsewhere(request)
  local id = claims.of(request)
  request.pinned = id
  if not id or not request.sampled or request.dry then
    return nil
  end
  for i = 1, #request.candidates do
    if request.candidates[i] == id then
      return nil
    end
  end
  return not claims.lost(id) and id or nil
end

-- Whom the shadow strategy would have chosen. Read only; before the real ranks, whose table may be the same.
local function shadow_choice(request)
  local asked, draw = request.shadow, choose.random(request.seed)
  local panel = panels.of(asked)
  local i = find_room(asked, panel, choose.ranks(panel, asked, draw), draw)
  return i and panel.members[i].id
end

-- "denied kind" of a call that throttling or the budget of extra calls refuses, else nil.
local function denial_of(request)
  if request.dry then
    return nil
  end
  return request.throttle and throttle.denies(request) or budget.denies(request)
end

local function run(request)
  if clock.now > request.valid_until then
    return "void"
  end
  if request.scopes and request.scopes ~= (clock.scopes or "-") then
    return "again"
  end
  local held = leases.read(request.id)
  if held then
    local shows = leases.shows(held) and " 1" or " 0"
    return "ok " .. held.deployment .. " " .. numbers.int(held.generation) .. shows
  end
  local q = queue.of(request.group)
  local denied = (request.throttle or request.firsts or request.extra) and denial_of(request)
  if denied then
    queue.leave(q, request)
    return denied
  end
  local elsewhere = request.pin and pinned_elsewhere(request)
  if elsewhere then
    queue.leave(q, request)
    return "pinned " .. elsewhere
  end
  local place = q.empty and 0 or tickets.place(q, request)
  for attempt = 1, 2 do
    local panel = panels.of(request)
    local is_its_turn = place == 0 or tickets.hold_before(q, place, panel.members, request)
    local ok, other = true, nil
    if request.shadow and is_its_turn then
      ok, other = pcall(shadow_choice, request)
    end
    local draw = choose.random(request.seed)
    local found = choose.ranks(panel, request, draw)
    local chosen, refusals
    if is_its_turn then
      chosen, refusals = find_room(request, panel, found, draw)
    else
      refusals = refusal.all_behind(request, panel)
    end
    if chosen and not request.dry then
      local reply = grant(request, panel, chosen, found, q)
      if request.shadow and ok then
        shadow.note(request, panel.members[chosen].id, other)
      end
      return reply
    end
    refusals = refusals or {}
    for _, refused in ipairs(panel.refusals) do
      refusals[#refusals + 1] = refused
    end
    if request.dry then
      return refusal.explain(request, q, place, panel, chosen, found, refusals)
    elseif attempt == 2 or leases.reap(REAP_BEFORE_REFUSAL) == 0 then
      local reply = refusal.answer(request, q, place, panel, refusals)
      if request.shadow and string.find(reply, "^full") then
        shadow.note(request)
      end
      return reply
    end
  end
end

local acquire = { parse = question.parse, load = load, run = run }
