-- A call that is made to see whether a deployment serves: it goes there also while it cools, as its one probe.
-- Uses: numbers, shared, deployment, roster, room, reserve, leases, breaker, clock
-- Defines: probe
-- Op      "probe id valid_until lease_ms deployment input output"
-- Returns "ok deployment generation probe" (probe 1: it decides whether it is back), "full reason" (a limit, drained,
--         probing, unknown), "void" (too late, nothing written)

local probe = {}
local FORM = "^probe (%S+) (%d+) (%d+) (%S+) (%d+) (%d+)$"

function probe.parse(op)
  local id, valid_until, lease_ms, target, input, output = string.match(op, FORM)
  if not id then
    error("MALFORMED probe", 0)
  end
  return {
    id = id,
    valid_until = tonumber(valid_until),
    lease_ms = tonumber(lease_ms),
    deployment = target,
    input_tokens = tonumber(input),
    output_tokens = tonumber(output),
  }
end

-- Why it may not go there, nil if it may. After this reserve.take cannot fail. Throws GARBLED.
local function refusal_of(d, request)
  if not d.settings then
    return "unknown"
  elseif d.settings.drained then
    return "drained"
  elseif d.state == "half-open" then
    return "probing"
  end
  return (room.admit(d, request))
end

function probe.run(request)
  local held = leases.read(request.id)
  if held then
    return "ok " .. held.deployment .. " " .. numbers.int(held.generation) .. (held.kind == "probe" and " 1" or " 0")
  elseif clock.now > request.valid_until then
    return "void"
  end
  local d = deployment.of(request.deployment, roster.BASE)
  local reason = refusal_of(d, request)
  if reason then
    return "full " .. reason
  end
  local decides, generation = d.state == "open", numbers.int(d.generation)
  local kind, deadline_ms = decides and " probe " or " call ", clock.now + request.lease_ms
  leases.hold(request.id, shared.worker, d, kind, deadline_ms, reserve.take(d, request))
  if decides then
    breaker.probe(d, request.id)
  end
  return "ok " .. d.id .. " " .. generation .. (decides and " 1" or " 0")
end
