-- Limits of whom a call names: where they are full, no room of a deployment is of use to it, and it keeps none.
-- Uses: window, holders, needs, subjects, outlook, queue, queued
-- Defines: own

local NEVER = math.huge

-- Pool time from which a request fits the rows of a holder at such prices: nil where it fits now, NEVER where nobody
-- knows. Throws GARBLED.
local function due_at(h, request, settings)
  local wanted, latest = needs(h.limits, request, settings), nil
  for i = 1, wanted and #h.limits or 0 do
    local row = h.limits[i]
    local w = row.seconds and not row.shadow and holders.window(h, i)
    if w and not window.fits(w, wanted[i], row.amount) then
      latest = math.max(latest or 0, outlook.due_in(w, wanted[i], row.amount) or NEVER)
    elseif not row.seconds and not row.shadow and h.inflight + 1 > row.amount then
      latest = NEVER
    end
  end
  return latest
end

-- The same at all of these deployments: prices differ.
local function due(h, request, members)
  local soonest
  for i = 1, h.limits.priced and #members or math.min(1, #members) do
    local ok, at_ms = pcall(due_at, h, request, members[i].settings)
    if not ok or not at_ms then
      return nil
    end
    soonest = math.min(soonest or NEVER, at_ms)
  end
  return soonest
end

-- Who among those that the request names stands in its way, whoever would serve; and pool time until which, nil where
-- nobody knows. Nil for nobody.
local function blocking(request, members)
  local ok, list = pcall(subjects.of_request, request)
  for _, h in ipairs(ok and list or {}) do
    local at_ms = due(h, request, members)
    if at_ms then
      return h.id, at_ms < NEVER and at_ms or nil
    end
  end
  return nil
end

-- Tickets of calls that name this subject, and that its rows keep from being served now.
local function drop_kept(q, h, request, members)
  if h.limits.fixed and not due(h, request, members) then
    return -- it is the same for all calls
  end
  for i = #q.tickets, 1, -1 do
    local ticket = q.tickets[i]
    if not ticket.acting and queued.names(ticket.member, h.id) and due(h, ticket.request, members) then
      queue.give_up(q, ticket.member)
    end
  end
end

-- A call was served: tickets of others that cannot be served now for the same limits keep no room any more.
local function let_go(q, request, d)
  local ok, list = pcall(subjects.of_request, request)
  for i = 1, ok and #list or 0 do
    drop_kept(q, list[i], request, { d })
  end
end

local own = { blocking = blocking, let_go = let_go }
