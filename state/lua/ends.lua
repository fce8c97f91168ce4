-- What the settles of a run need, read for all of them at once.
-- Uses: image, recall, window, corrections, tally, totals, lessons, sketches, deployment, roster, leases
-- Defines: ends

-- Find the lease of a settle, which windows it touches, and whether it is `news`: its result may move the breaker. Its
-- deployment is to be found then. Throws GARBLED.
local function look_up(e)
  local lease = leases.read(e.id)
  if lease then
    e.deployment = lease.deployment
    e.corrections = corrections.of(lease, e.used)
    e.news = lease.kind ~= "call" or (e.verdict ~= "ok" and not tally.NEUTRAL[e.verdict])
    e.counted, e.judged = tally.of(e, lease)
  end
  e.lease, e.card = lease, nil
end

local INFLIGHT, LEARNED, LEARNED_HEALTH = roster.INFLIGHT, roster.LEARNED, roster.LEARNED_HEALTH
local fields, seen -- of windows and totals in the common column that nobody knows, each once

local function add(field)
  if not (window.is_known(field) or recall.known.totals[field]) then
    fields, seen = fields or {}, seen or {}
    fields[#fields + 1], seen[field] = not seen[field] and field or nil, true
  end
end

-- Add those of a settle; those of columns of their own are loaded.
local function add_windows(e)
  if e.corrections then
    corrections.load(e.corrections, add)
  end
  if e.counted then
    add(e.counted)
  end
  if e.of_kind then
    add(e.of_kind)
  end
  local judged = e.judged
  for i = 1, judged and #judged or 0 do
    add(judged[i])
  end
end

-- The columns of a deployment that a settle needs.
local function columns_of(e)
  return e.news and LEARNED_HEALTH or e.samples and LEARNED or INFLIGHT
end

-- The card of a settle's deployment, nil where something is to be read that the settle needs: mostly an earlier run has
-- read it.
local function known_card(e)
  local d = roster.card(e.deployment)
  return roster.has(d, columns_of(e)) and not deployment.garbled(d) and d or nil
end

-- Read what all settles need of their deployments.
local function load_deployments(list)
  local ids, named, wanted = {}, {}, INFLIGHT
  for i = 1, #list do
    local e = list[i]
    local id, columns = e.deployment, columns_of(e)
    ids[#ids + 1], named[id] = not named[id] and id or nil, true
    wanted = (columns == LEARNED_HEALTH or wanted == INFLIGHT) and columns or wanted
  end
  roster.load_once(ids, wanted)
  lessons.load(list, ids)
  sketches.load(list, ids)
end

-- Read what all settles of the run need, one command a column.
local function load(list)
  local known = true
  fields, seen = nil, nil
  for i = 1, #list do
    local e = list[i]
    if pcall(look_up, e) and e.lease then
      add_windows(e)
    end
    totals.load(e.deployment, e.used, add)
    e.card = known_card(e)
    known = known and e.card and not lessons.any(e)
  end
  if not known then
    load_deployments(list)
  end
  if fields then
    image.load("used", fields)
  end
end

local ends = { look_up = look_up, columns = columns_of, load = load }
