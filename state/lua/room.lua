-- Is there room for a request at a deployment, in every limit at once: its own, and those of whom it and the request
-- belong to?
-- Uses: window, slots, holders, needs, contexts, deployment, clock
-- Defines: room
-- `hold` (of a holder, of a window) is room kept for waiting calls within this run: seen by every check, never stored.

local GARBLED = "garbled"
local exceeded -- of the last `admit`: {holder, position, ...} of those rows

local function note(h, i)
  exceeded = exceeded or {}
  exceeded[#exceeded + 1] = h
  exceeded[#exceeded + 1] = i
end

-- Has it as many calls in flight as it may? Returns the position of that limit. Throws GARBLED.
local function busy(h, limits)
  local counting = limits.counting
  for j = 1, #counting do
    local i = counting[j]
    if h.inflight + (h.hold or 0) + 1 > limits[i].amount then
      if not limits[i].shadow then
        return i
      end
      note(h, i)
    end
  end
  return nil
end

-- Add to `found` the slots {window, oldest slot, ...} of those windows that are full for this request. Garbage is left
-- to `check`.
local function add_full(h, d, request, found)
  local limits = holders.limits(h)
  local wanted = needs(limits, request, d.settings)
  for i = 1, wanted and #limits or 0 do
    local ok, w = limits[i].seconds ~= nil, h.windows[i]
    if ok and not (w and w.at_ms == clock.now) then
      ok, w = pcall(holders.window, h, i)
    end
    if ok and w.sum + wanted[i] + w.hold > limits[i].amount then
      found[#found + 1] = w
      found[#found + 1] = w.oldest
    end
  end
end

-- Load what is asked where many may be full, in few commands. Of those that are busy nobody asks.
local function load_full(list, request)
  local free, found = {}, {}
  for i = 1, #list do
    local d = list[i]
    if not busy(d, deployment.limits(d)) and (not clock.scopes or pcall(holders.of, d, request)) then
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

-- Is there room? Nil and whether all slots to add to are known; else the reason: "too_large", "unpriced" or the limit
-- that is full, and true if that will never be otherwise. Throws GARBLED.
local function check(d, request)
  exceeded = nil
  if request.input_tokens >= contexts.LEAST and contexts.too_long(d, request) then
    return "too_large", true
  elseif not clock.scopes then
    local ok, prepared, hopeless = fits(d, deployment.limits(d), request, d)
    if ok then
      return nil, prepared
    end
    return prepared, hopeless
  end
  local list, all_prepared = holders.of(d, request), true
  for i = #list, 1, -1 do -- what the call brings along stands in its way everywhere, so that is said first
    local ok, prepared, hopeless = fits(list[i], holders.limits(list[i]), request, d)
    if not ok then
      return prepared, hopeless
    end
    all_prepared = all_prepared and prepared
  end
  return nil, all_prepared
end

-- Part of the plan of a grant: as `check`, and where there is room reserve.take cannot fail any more.
local function admit(d, request)
  local reason, prepared = check(d, request)
  if not reason and not prepared then
    plan(holders.of(d, request))
  end
  return reason, prepared
end

-- `check` of many: two lists, the reasons, false where there is room, and whether that will never be otherwise.
local function check_all(list, request)
  local reasons, nevers = {}, {}
  load_full(list, request)
  for i = 1, #list do
    local ok, reason, hopeless = pcall(check, list[i], request)
    reasons[i], nevers[i] = not ok and GARBLED or reason or false, ok and hopeless
  end
  return reasons, nevers
end

-- The rows {holder, position, ...} that are only counted and would have refused what `admit` admitted, nil for none.
local function exceeded_rows()
  return exceeded
end

local room = {
  GARBLED = GARBLED,
  load_full = load_full,
  check_all = check_all,
  admit = admit,
  exceeded = exceeded_rows,
}
