-- Is there room for a request at a deployment, in every limit at once: its own, and those of whom it and the request
-- belong to?
-- Uses: window, slots, holders, subjects, needs, crowd, contexts, deployment, clock
-- Defines: room
-- `hold` (of a holder, of a window) is room kept for waiting calls within this run: seen by every check, never stored.

local GARBLED = "garbled"
local exceeded -- of the last `admit`: {holder, position, ...} of those rows
local loaded_at, loaded_for -- whose sums were read last, for which request

local function note(h, i)
  exceeded = exceeded or {}
  exceeded[#exceeded + 1] = h
  exceeded[#exceeded + 1] = i
end

-- Has it as many calls in flight as it may? Returns the position of that limit. Throws GARBLED.
local function busy(h, limits)
  local calls, counting = h.inflight + (h.hold or 0), limits.counting
  for j = 1, calls >= limits.calls and #counting or 0 do
    local i = counting[j]
    if calls >= limits[i].amount then
      if not limits[i].shadow then
        return i
      end
      note(h, i)
    end
  end
  return nil
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

-- Why the request that was asked about never fits into these rows.
local function never(h, limits)
  local row = limits[limits.asked_row]
  if h.limits or row.counts or row.resource == "cost" then
    return limits.asked_why or holders.label(h, limits.asked_row)
  end
  return "too_large"
end

-- Open the window of row `i`. With the first that nobody opened yet all sums are read that the request meets there.
-- Throws GARBLED.
local function open(h, i, d, request)
  if loaded_at ~= d or loaded_for ~= request then
    loaded_at, loaded_for = d, request
    holders.load_one(d, request)
  end
  return holders.window(h, i)
end

-- As `check`, of one holder.
local function fits(h, limits, d, request)
  local wanted = limits.fixed or needs(limits, request, d.settings)
  if not wanted then
    return never(h, limits), true
  end
  local full = limits.concurrent and busy(h, limits)
  if full then
    return holders.label(h, full)
  end
  local windows, now, prepared = h.windows, clock.now, true
  for i = 1, #limits do
    local limit, w = limits[i], windows[i]
    if not w then
      w = limit.seconds and open(h, i, d, request)
    elseif now >= w.until_ms then
      window.renew(w)
    end
    if w then
      if w.sum + wanted[i] + w.hold > limit.amount and not window.fits(w, wanted[i], limit.amount) then
        if not limit.shadow then
          return holders.label(h, i)
        end
        note(h, i)
      end
      prepared = prepared and w.entry
    end
  end
  return nil, prepared
end

-- As `check`, of subjects: what the call brings along stands in its way everywhere, so that is said first.
local function all_fit(list, d, request)
  local prepared = true
  for i = #list, 1, -1 do
    local s = list[i]
    local reason, also = fits(s, s.limits, d, request)
    if reason then
      return reason, also
    end
    prepared = prepared and also
  end
  return nil, prepared
end

-- As `check`, of whom it and the request belong to.
local function subjects_fit(d, request)
  local reason, named = all_fit(subjects.of_request(request), d, request)
  if reason then
    return reason, named
  end
  local closed
  reason, closed = all_fit(subjects.of_deployment(d), d, request)
  if reason then
    return reason, closed
  end
  return nil, named and closed
end

-- Is there room? Nil and whether all slots to add to are known; else the reason: "too_large", "unpriced" or the limit
-- that is full, and true if that will never be otherwise. Throws GARBLED.
local function check(d, request)
  exceeded = nil
  if request.input_tokens >= contexts.LEAST and contexts.too_long(d, request) then
    return "too_large", true
  end
  local limits = deployment.limits(d)
  if not clock.scopes then
    return fits(d, limits, d, request)
  end
  local reason, others = subjects_fit(d, request)
  if reason then
    return reason, others
  end
  local own
  reason, own = fits(d, limits, d, request)
  if reason then
    return reason, own
  end
  return nil, own and others
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
  crowd.load(list, request)
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
  busy = busy,
  check_all = check_all,
  admit = admit,
  exceeded = exceeded_rows,
}
