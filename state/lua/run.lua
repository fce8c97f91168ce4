-- One operation after the other, each as a whole or not at all: an operation that throws has changed nothing, because
-- it plans (reads, validates) before it commits.
-- Uses: later, keyring, image, pending, flush, recall, window, deployment, holders, shared, events, clock
-- Defines: run
-- ARGV     the operations, after the shared strings
-- Returns  one string (a reply of many costs the client's parser more than all the rest): its parts, by the separator
--          \30, are "now epoch known[ scopes]" (known 0: this worker has to say hello again; scopes: subjects.lua),
--          then one an operation in their order; a failed one: "error CODE text"; then, if there is any, what is to
--          be logged, one line each: kind, deployment, detail, by tab

local run = {}
local replies

-- What pcall caught, as a reply; servers from 7.0 on throw tables.
local function failed(thrown)
  return "error " .. (type(thrown) == "table" and thrown.err or thrown)
end

-- All operations, a list of them in their order, each with the `position` of its reply; and a list of their verbs.
local function parse(args, verbs)
  local operations, named = { nil, nil }, { nil, nil }
  for i = shared.first_operation, #args do
    local position, verb = i - shared.first_operation + 2, string.match(args[i], "^%a+")
    local ok, op = false, "UNKNOWN operation"
    if verb and verbs[verb] then
      ok, op = pcall(verbs[verb].parse, args[i])
    end
    if ok then
      local n = #operations + 1
      op.position, operations[n], named[n] = position, op, verb
    else
      replies[position] = failed(op)
    end
  end
  return operations, named
end

-- The operations of a run, as `parse` says. Next, `clock.begin` says when it is. Definitions live on from run to run
-- where the server can do that: whatever belongs to one run is made here.
function run.begin(keys, args, verbs)
  replies = { nil, nil, nil, nil } -- room for a few: a table that grows is made anew each time
  later.begin()
  shared.begin(args)
  recall.begin(keys[1])
  pending.begin(keyring.begin(keys))
  window.begin()
  deployment.begin()
  holders.begin()
  return parse(args, verbs)
end

-- Do one operation.
function run.attempt(op, act)
  local ok, reply = pcall(act, op)
  replies[op.position] = ok and reply or failed(reply)
end

-- Write everything and answer.
function run.finish(is_known)
  window.flush()
  deployment.flush()
  later.finish()
  clock.count_writes()
  flush()
  if not image.spoils then
    recall.keep(clock.writes)
  end
  local scopes = clock.scopes and " " .. clock.scopes or ""
  replies[1] = clock.text .. " " .. clock.epoch .. (is_known and " 1" or " 0") .. scopes
  if events.told then
    replies[#replies + 1] = events.told
  end
  return { table.concat(replies, "\30") }
end
