-- Is there room for a request at a deployment, in every limit at once: its own, and those of whom it and the request
-- belong to?
-- Uses: window, slots, holders, needs, contexts, deployment, clock
-- Defines: room
-- `hold` (of a holder, of a window) is room kept for waiting calls within this run: seen by every check, never stored.

local exceeded -- of the last `admit`: {holder, position, ...} of those rows

local function note(h, i)
  exceeded = exceeded or {}
  exceeded[#exceeded + 1] = h
  exceeded[#exceeded + 1] = i
end

-- Has it as many calls in flight as it may? Returns the position of that limit. Throws GARBLED.
local function busy(h, limits)
  for i = 1, #limits do
    local limit = limits[i]
    if not limit.seconds and h.inflight + (h.hold or 0) + 1 > limit.amount then
      if not limit.shadow then
        return i
      end
      note(h, i)
    end
  end
  return nil
end

-- The slots {window, oldest slot, ...} of those windows that are full for this request. Garbage is left to `admit`.
local function slots_of_full(list, request)
  local found = {}
  for i = 1, #list do
    local d = list[i]
    for _, h in ipairs(holders.of(d, request)) do
      local limits = holders.limits(h)
      local wanted = needs(limits, request, d.settings)
      for j = 1, wanted and #limits or 0 do
        local ok, w = limits[j].seconds ~= nil, h.windows[j]
        if ok and not (w and w.at_ms == clock.now) then
          ok, w = pcall(holders.window, h, j)
        end
        if ok then
          if w.sum + wanted[j] + w.hold > limits[j].amount then
            found[#found + 1] = w
            found[#found + 1] = w.oldest
          end
        end
      end
    end
  end
  return found
end

-- Load what is asked where many may be full, in few commands. Of those that are busy nobody asks.
local function load_full(list, request)
  local free = {}
  for i = 1, #list do
    if not busy(list[i], holders.limits(list[i])) and pcall(holders.of, list[i], request) then
      free[#free + 1] = list[i]
    end
  end
  holders.load(free, request)
  slots.read(slots_of_full(free, request))
end

-- Read the slots that reserve.take adds to, one command a column. Throws GARBLED.
local function plan(list)
  local found = {}
  for i = 1, #list do
    local h = list[i]
    local limits = holders.limits(h)
    for j = 1, #limits do
      if limits[j].seconds then
        local w = h.windows[j]
        found[#found + 1] = w
        found[#found + 1] = w.newest
      end
    end
  end
  slots.prepare(found)
end

-- Why a request never fits into row `i`.
local function never(h, i, why)
  local row = holders.limits(h)[i]
  if h.limits or row.counts or row.resource == "cost" then
    return why or holders.label(h, i)
  end
  return "too_large"
end

-- As `admit`, of one holder, but for the slots: true, or nil and why not.
local function fits(h, limits, request, d)
  local prepared = true
  local wanted, row, why = needs(limits, request, d.settings)
  if not wanted then
    return nil, never(h, row, why), true
  end
  local full = limits.concurrent and busy(h, limits)
  if full then
    return nil, holders.label(h, full)
  end
  for i = 1, #limits do
    local limit = limits[i]
    if limit.seconds then
      local w = holders.window(h, i)
      if not window.fits(w, wanted[i], limit.amount) then
        if not limit.shadow then
          return nil, holders.label(h, i)
        end
        note(h, i)
      end
      prepared = prepared and w.entry
    end
  end
  return true, prepared
end

-- Part of the plan of a grant: nil if there is room, and then reserve.take cannot fail; else the reason: "too_large",
-- "unpriced" or the limit that is full, and true if that will never be otherwise. Throws GARBLED.
local function admit(d, request)
  exceeded = nil
  if request.input_tokens >= contexts.LEAST and contexts.too_long(d, request) then
    return "too_large", true
  elseif not clock.scopes then
    local ok, prepared, hopeless = fits(d, deployment.limits(d), request, d)
    if not ok then
      return prepared, hopeless
    elseif not prepared then
      plan({ d })
    end
    return nil
  end
  local list, all_prepared = holders.of(d, request), true
  for i = #list, 1, -1 do -- what the call brings along stands in its way everywhere, so that is said first
    local ok, prepared, hopeless = fits(list[i], holders.limits(list[i]), request, d)
    if not ok then
      return prepared, hopeless
    end
    all_prepared = all_prepared and prepared
  end
  if not all_prepared then
    plan(list)
  end
  return nil
end

-- The rows {holder, position, ...} that are only counted and would have refused what `admit` admitted, nil for none.
local function exceeded_rows()
  return exceeded
end

local room = { load_full = load_full, admit = admit, exceeded = exceeded_rows }
