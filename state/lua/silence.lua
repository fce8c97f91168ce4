-- Calls that run and have no sign of their deployment yet: one that accepts calls and never answers is doubted before
-- any timeout says so.
-- Uses: numbers, shared, deployment, roster, doubt
-- Defines: silence
-- Op      "silence list" (list: number of a shared string "id at:before:age:stream,... id ..."): calls of this worker;
--         at: pool ms since when; ms of silence when it told of it last, and now; stream 1: until a first content
-- Returns "ok"
-- Workers tell it with their heartbeats, so it costs calls nothing. A call counts once: when it has become too long.

local silence = {}
local CALL = "(%d+):(%d+):(%d+):([01])"

function silence.parse(op)
  local list = string.match(op, "^silence (%d+)$")
  if not list then
    error("MALFORMED silence", 0)
  end
  return shared.words(list)
end

-- Throws GARBLED.
local function judge(id, calls)
  local d = deployment.of(id, roster.LEARNED_HEALTH)
  local count, latest = 0, 0
  for at, before, age, stream in string.gmatch(calls, CALL) do
    local long = doubt.bound(d, stream == "1")
    if long and numbers.of(before) < long and long <= numbers.of(age) then
      count, latest = count + 1, math.max(latest, numbers.of(at))
    end
  end
  if count > 0 then
    doubt.suspect(d, count, latest)
  end
end

function silence.run(words)
  local ids = {}
  for i = 1, #words, 2 do
    ids[#ids + 1] = words[i]
  end
  roster.load_once(ids, roster.LEARNED_HEALTH)
  for i = 1, #words, 2 do
    pcall(judge, words[i], words[i + 1] or "") -- a garbled one keeps nobody from the others
  end
  return "ok"
end
