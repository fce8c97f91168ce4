-- What ranks that foresee how long a call takes have in common. Goes before the files that use it (strategy.py).
-- Defines: work, aged, levels_of, steps_back

local INPUT, CALL = 0.03, 400 -- in tokens of output

-- The work of calls, in the time that a token of output takes. Input is read many tokens at a time, so each is a small
-- part of one; and a call that runs slows the others down whatever its tokens.
local function work(calls, input, output)
  return calls * CALL + input * INPUT + output
end

-- What is remembered of an idle one counts less with the time since its last sample: so it is asked again. With a call
-- in flight it does not: one at a time finds out.
local function aged(ms, candidate, age_ms, decay_ms)
  return candidate.inflight <= 0 and ms * math.exp(-math.max(age_ms, 0) / decay_ms) or ms
end

-- By `order`: the sum of weights, and the average of what ms_of(candidate, request, now) knows, which stands for those
-- without a sample.
local function levels_of(candidates, ms_of, request, now)
  local levels = {}
  for _, candidate in ipairs(candidates) do
    local level = levels[candidate.order] or { weight = 0, count = 0, sum = 0, prior = 1 }
    levels[candidate.order] = level
    level.weight = level.weight + math.max(candidate.weight, 0)
    local ms = ms_of(candidate, request, now)
    if ms then
      level.count, level.sum = level.count + 1, level.sum + ms
      level.prior = level.sum / level.count
    end
  end
  return levels
end

-- Is it not its turn? One of weight 0 serves only where nobody else can; in slow start one takes part in its share of
-- the decisions only, however good it looks.
local function steps_back(candidate, level, random)
  local weight = candidate.weight
  return weight <= 0 or (candidate.state == "ramp" and random() * level.weight > weight)
end
