-- The fewest calls in flight for its weight; idle ones in a weighted random order.
-- In-flight / weight, not (in-flight + 1) / weight: that would send all calls of a quiet hour to the heaviest one, even
-- if it weighs 1.01 and the next 1. Idle ones would then tie whatever they weigh, also one in slow start; so they are
-- shuffled by weight, before all busy ones. With equal weights the counts are never more than one apart.
-- Facts: inflight

local function rank(candidate, _, _, random)
  if candidate.weight <= 0 then
    return math.huge
  elseif candidate.inflight <= 0 then
    return -1 / (1 - math.log(random()) / candidate.weight)
  end
  return candidate.inflight / candidate.weight
end

return rank
