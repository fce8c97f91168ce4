-- The lowest share of its tightest limit in use; among equals (all without limits) the least in flight for its weight.
-- A new or recovered deployment has used nothing: in slow start it takes part in its share of the decisions only, or
-- the whole fleet would go there.
-- Facts: inflight, state, used

local TIE = 1e-9 -- below any difference of real shares

local function prepare(candidates, request)
  local weights = {}
  for _, candidate in ipairs(candidates) do
    weights[candidate.order] = (weights[candidate.order] or 0) + math.max(candidate.weight, 0)
  end
  request.prepared = weights
end

local function rank(candidate, request, _, random)
  local weight = candidate.weight
  if weight <= 0 or candidate.state == "ramp" and random() * request.prepared[candidate.order] > weight then
    return math.huge
  end
  return candidate.used + TIE * (1 - 1 / (1 + candidate.inflight / weight))
end

return rank, prepare
