-- Whose turn it is among waiting calls: by priority, and within one of them fair between callers.
-- Uses: numbers, pending
-- Defines: fair
-- Start-time fair queueing (Goyal, Vin and Cheng, 1996): a call's tag is S = max(V, F of its caller), and with it that
-- caller's F becomes S + 1; V is the tag of the ticket that was served last. A call costs 1, whatever its tokens: a
-- place in a queue is a turn, and what a caller may take of tokens is said by limits. A turn is priority x 2^40 + tag;
-- of equal turns the one that has to be served sooner is first. All are whole numbers below 2^53: exact.
-- V and F are kept behind the tickets of the same set, as "=priority" and "=priority|caller" by 2^52 + priority x 2^40
-- + value; an F that is not above V says nothing and goes, and with the last ticket all go: an idle queue owes nothing.

local WIDTH, NOTES = 2 ^ 40, 2 ^ 52
local WORST = 4000 -- priorities from here on are one
local FORGET = 100 -- outdated notes that a run takes along
local START, BEHIND = numbers.int(NOTES), "(+inf" -- the notes; the sentinel is at +inf

local function name_of_v(priority)
  return "=" .. numbers.int(priority)
end

local function name_of_f(priority, caller)
  return "=" .. numbers.int(priority) .. "|" .. caller
end

local function parts_of(turn)
  return math.floor(turn / WIDTH), turn % WIDTH
end

-- What is noted in the queue under a name, 0 where nothing is.
local function noted(q, name)
  local value = q.notes[name]
  if not value then
    local score = not q.fresh and redis.call("ZSCORE", q.key, name)
    value = score and tonumber(score) % WIDTH or 0
    q.notes[name] = value
  end
  return value
end

local function note(q, name, priority, value)
  q.notes[name], q.noted[name] = value, priority
end

-- Whose turn a call takes; what follows "=" is for tickets (queued.lua).
local function caller_of(request)
  return string.match(request.caller, "^[^=]*")
end

-- The turn of a call that comes now, fixed for this run: several of one caller stand behind each other.
local function turn(q, request)
  if not request.turn then
    local priority = math.min(request.priority or 0, WORST)
    local name = name_of_f(priority, caller_of(request))
    local tag = math.max(noted(q, name_of_v(priority)), noted(q, name), q.planned[name] or 0)
    tag = math.min(tag, WIDTH - 2)
    if not request.dry then
      q.planned[name] = tag + 1
    end
    request.turn = priority * WIDTH + tag
  end
  return request.turn
end

-- A call took a place.
local function enter(q, its_turn, caller)
  local priority, tag = parts_of(its_turn)
  local name = name_of_f(priority, caller)
  note(q, name, priority, math.max(noted(q, name), tag + 1))
end

-- A ticket left without being served: its caller has one less to wait for.
local function give_back(q, its_turn, caller)
  local priority = parts_of(its_turn)
  local name = name_of_f(priority, caller)
  note(q, name, priority, math.max(noted(q, name) - 1, 0))
end

-- A call is served; `its_ticket`: the turn it had waited for, nil for one that passes those who find no room. Passing
-- costs one turn however often: nobody waits for it.
local function serve(q, its_ticket, request)
  local priority, tag = parts_of(its_ticket or turn(q, request))
  local name = name_of_v(priority)
  local v = noted(q, name)
  if not its_ticket then
    local of_caller = name_of_f(priority, caller_of(request))
    note(q, of_caller, priority, math.max(noted(q, of_caller), v + 1))
  elseif tag > v then
    note(q, name, priority, tag)
  end
end

-- Nobody waits: what was noted is void.
local function clear(q)
  for _, name in ipairs(redis.call("ZRANGEBYSCORE", q.key, START, BEHIND)) do
    pending.remove_member(q.key, name)
  end
  q.fresh, q.notes, q.noted = true, {}, {}
end

-- V went on: what is not above it says nothing any more.
local function forget(q, priority, v)
  local base = NOTES + priority * WIDTH
  local from, to = numbers.int(base), numbers.int(base + v)
  for _, name in ipairs(redis.call("ZRANGEBYSCORE", q.key, from, to, "LIMIT", "0", numbers.int(FORGET))) do
    if not q.noted[name] then
      pending.remove_member(q.key, name)
    end
  end
end

-- Write what was noted.
local function flush(q)
  for name, priority in pairs(q.noted) do
    local value, of_v = q.notes[name], name_of_v(priority)
    if name == of_v or value > noted(q, of_v) then
      pending.add_member(q.key, numbers.int(NOTES + priority * WIDTH + value), name)
    else
      pending.remove_member(q.key, name)
    end
    if name == of_v and not q.fresh then
      forget(q, priority, value)
    end
  end
end

local fair = {
  NOTES = NOTES,
  START = START,
  turn = turn,
  enter = enter,
  give_back = give_back,
  serve = serve,
  clear = clear,
  flush = flush,
}
