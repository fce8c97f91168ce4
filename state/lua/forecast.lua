-- How many calls of a size the deployments will have taken by when: what those that wait are told of their places.
-- Uses: slots, deployment, holders, needs, clock
-- Defines: forecast
-- Each deployment is a lane: a call fits where all of its windows have room, and room comes back as their slots leave
-- them. What is given back before, or refused for other reasons, nobody foresees.

-- Where a window stands: how much is free, and the slot that is released next.
local function cursor(d, i, amount)
  local w = holders.window(d, i)
  return { w = w, slot = w.oldest, free = d.settings.limits[i].amount - w.sum, need = amount }
end

-- When its next slot is released; nil where none is left. Throws GARBLED.
local function next_at(c)
  local w = c.w
  while c.slot <= w.newest do
    if not slots.known(w, c.slot) then
      slots.read_range(w, c.slot, math.min(c.slot + 7, w.newest))
    end
    local entry = slots.of(w, c.slot)
    if entry.amount > 0 then
      return entry.last_ms + w.span, entry.amount
    end
    c.slot = c.slot + 1
  end
  return nil
end

-- How many more calls fit.
local function capacity(lane)
  local most = lane.most
  for i = 1, #lane do
    most = math.min(most, math.floor(lane[i].free / lane[i].need))
  end
  return math.max(0, most)
end

-- A deployment: its windows, and how many calls fit now. Throws GARBLED.
local function lane_of(d, request)
  local limits, lane = deployment.limits(d), { most = math.huge, fit = 0 }
  local wanted = needs(limits, request, d.settings)
  for i = 1, wanted and #limits or 0 do
    if not limits[i].seconds and not limits[i].shadow then
      lane.most = math.min(lane.most, limits[i].amount - d.inflight)
    elseif wanted[i] > 0 and not limits[i].shadow then
      lane[#lane + 1] = cursor(d, i, wanted[i])
      lane[#lane].at_ms, lane[#lane].amount = next_at(lane[#lane])
    end
  end
  lane.fit = wanted and capacity(lane) or 0
  return lane
end

-- A forecast for calls like `request`. `steps`: {calls, at_ms} in order.
local function of(members, request)
  local f = { lanes = {}, calls = 0, steps = {} }
  for _, d in ipairs(members) do
    local ok, lane = pcall(lane_of, d, request)
    if ok then
      f.lanes[#f.lanes + 1] = lane
      f.calls = f.calls + lane.fit
    end
  end
  f.steps[1] = { f.calls, clock.now }
  return f
end

-- The next release of all; false where none is left. Throws GARBLED.
local function advance(f)
  local lane_next, next_one
  for _, lane in ipairs(f.lanes) do
    for i = 1, #lane do
      local c = lane[i]
      if c.at_ms and (not next_one or c.at_ms < next_one.at_ms) then
        lane_next, next_one = lane, c
      end
    end
  end
  if not next_one then
    return false
  end
  local at_ms, before = next_one.at_ms, lane_next.fit
  next_one.free, next_one.slot = next_one.free + next_one.amount, next_one.slot + 1
  next_one.at_ms, next_one.amount = next_at(next_one)
  lane_next.fit = capacity(lane_next)
  if lane_next.fit > before then
    f.calls = f.calls + lane_next.fit - before
    f.steps[#f.steps + 1] = { f.calls, at_ms }
  end
  return true
end

-- Pool time by which so many calls will have been taken; nil if nobody can know. Throws GARBLED.
local function reached(f, calls)
  while f.calls < calls and advance(f) do -- on demand: mostly the first steps are enough
  end
  for _, step in ipairs(f.steps) do
    if step[1] >= calls then
      return step[2]
    end
  end
  return nil
end

local forecast = { of = of, reached = reached }
