-- What is asked where many may be full, read in few commands: sums, and the slots that go out first.
-- Uses: slots, holders, needs, room, deployment, clock
-- Defines: crowd

-- Add to `found` the slots {window, oldest slot, ...} of those windows that are full for this request. Garbage is left
-- to room.lua.
local function add_full(h, d, request, found)
  local limits = holders.limits(h)
  local wanted = needs(limits, request, d.settings)
  for i = 1, wanted and #limits or 0 do
    local ok, w = limits[i].seconds ~= nil, h.windows[i]
    if ok and not (w and clock.now < w.until_ms) then
      ok, w = pcall(holders.window, h, i)
    end
    if ok and w.sum + wanted[i] + w.hold > limits[i].amount then
      found[#found + 1] = w
      found[#found + 1] = w.oldest
    end
  end
end

-- Load what is asked of these deployments. Of those that are busy nobody asks.
local function load(list, request)
  local free, found = {}, {}
  for i = 1, #list do
    local d = list[i]
    if not room.busy(d, deployment.limits(d)) and (not clock.scopes or pcall(holders.of, d, request)) then
      free[#free + 1] = d
    end
  end
  holders.load(free, request)
  for i = 1, #free do
    local whole = clock.scopes and holders.of(free[i], request)
    for j = 1, whole and #whole or 1 do
      add_full(whole and whole[j] or free[i], free[i], request, found)
    end
  end
  slots.read(found)
end

local crowd = { load = load }
