-- What is asked where many may be full, read in few commands: sums, and the slots that go out first.
-- Uses: slots, holders, needs, room, deployment, clock
-- Defines: crowd

-- Add to `found` the slots {window, oldest slot, ...} of those windows that are full for this request. Garbage is left
-- to room.lua.
local function add_full(h, limits, d, request, found)
  local wanted, now = needs(limits, request, d.settings), clock.now
  for i = 1, wanted and #limits or 0 do
    local limit = limits[i]
    if limit.seconds then
      local ok, w = true, h.windows[i]
      if not w or now >= w.until_ms then
        ok, w = pcall(holders.window, h, i)
      end
      if ok and w.sum + wanted[i] + w.hold > limit.amount then
        found[#found + 1] = w
        found[#found + 1] = w.oldest
      end
    end
  end
end

-- Load what is asked of these deployments. Of those that are busy nobody asks.
local function load(list, request)
  local free, limits, found, scopes = {}, {}, {}, clock.scopes
  for i = 1, #list do
    local d = list[i]
    local own = deployment.limits(d)
    if not room.busy(d, own) and (not scopes or pcall(holders.of, d, request)) then
      free[#free + 1], limits[#limits + 1] = d, own
    end
  end
  holders.load(free, request)
  for i = 1, #free do
    local d = free[i]
    add_full(d, limits[i], d, request, found)
    local others = scopes and holders.of(d, request)
    for j = 2, others and #others or 0 do -- the first is the deployment
      add_full(others[j], holders.limits(others[j]), d, request, found)
    end
  end
  slots.read(found)
end

local crowd = { load = load }
