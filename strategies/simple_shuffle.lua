-- Weighted shuffle: the lowest -ln(u) / weight wins, so each one with probability weight / sum of weights.
-- Drawn anew for each decision, hence exact among those that have room, whoever had to be skipped before.
-- Source: Efraimidis and Spirakis 2006, "Weighted random sampling with a reservoir".
-- Facts:

local function rank(candidate, _, _, random)
  if candidate.weight <= 0 then
    return math.huge
  end
  return -math.log(random()) / candidate.weight
end

return rank
