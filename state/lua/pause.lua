-- A provider asks for a pause (Retry-After) that concerns more than the deployment that was answered: those that it
-- meters together with it.
-- Uses: shared, deployment, roster, breaker
-- Defines: pause
-- Op      "pause retry_ms cap_ms list" (number of a shared string of ids)
-- Returns "ok"

local pause = {}

function pause.parse(op)
  local retry_ms, cap_ms, list = string.match(op, "^pause (%d+) (%d+) (%d+)$")
  if not retry_ms then
    error("MALFORMED pause", 0)
  end
  return { ms = math.min(tonumber(retry_ms), tonumber(cap_ms)), list = list }
end

function pause.run(op)
  local found = {}
  for _, id in ipairs(shared.words(op.list)) do
    local ok, d = pcall(deployment.of, id, roster.BASE)
    if ok and d.settings then -- a garbled one keeps nobody else from it
      found[#found + 1] = d
    end
  end
  for _, d in ipairs(found) do
    breaker.pause(d, op.ms)
  end
  return "ok"
end
