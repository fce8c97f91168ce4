-- One operation after the other, each as a whole or not at all: an operation that throws has changed nothing, because
-- it plans (reads, validates) before it commits.
-- Uses: image, window, deployment, shared, now_text, epoch
-- Defines: run
-- ARGV     the operations, after the shared strings
-- Returns  one string (a reply of many costs the client's parser more than all the rest): its parts, by the separator
--         \30,
--          are "now epoch known" (known 0: this worker has to say hello again), then one an operation in their order;
--          a failed one: "error CODE text"

local operations, replies = {}, {}

-- What pcall caught, as a reply; servers from 7.0 on throw tables.
local function failed(thrown)
  return "error " .. (type(thrown) == "table" and thrown.err or thrown)
end

-- Parse all operations: `run.operations` = list of {position, verb, op} in the order of ARGV.
local function parse(verbs)
  for i = shared.first_operation, #ARGV do
    local position, verb = i - shared.first_operation + 2, shared.verbs[i]
    local ok, op = false, "UNKNOWN operation"
    if verbs[verb] then
      ok, op = pcall(verbs[verb].parse, ARGV[i])
    end
    if ok then
      operations[#operations + 1] = { position = position, verb = verb, op = op }
    else
      replies[position] = failed(op)
    end
  end
end

-- Do one operation.
local function attempt(entry, act)
  local ok, reply = pcall(act, entry.op)
  replies[entry.position] = ok and reply or failed(reply)
end

-- Write everything and answer.
local function finish(known)
  window.flush()
  deployment.flush()
  image.flush()
  replies[1] = now_text .. " " .. epoch .. (known and " 1" or " 0")
  return { table.concat(replies, "\30") }
end

local run = { operations = operations, parse = parse, attempt = attempt, finish = finish }
