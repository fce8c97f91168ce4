-- What the settles of a run need, read for all of them at once.
-- Uses: image, recall, corrections, tally, lessons, sketches, roster, leases
-- Defines: ends

-- Find the lease of a settle and which windows it touches. Throws GARBLED.
local function look_up(e)
  local lease = leases.read(e.id)
  if lease then
    e.corrections = corrections.of(lease, e.used)
    e.counted, e.judged = tally.of(e, lease)
  end
  e.lease = lease
end

-- The windows of settles that nobody knows and whose sums stand in the common column, each once; those of others are
-- loaded.
local function windows_of(found)
  local ids, seen, opened = {}, {}, recall.known.windows
  local function add(id)
    if not opened[id] and not seen[id] then
      seen[id] = true
      ids[#ids + 1] = id
    end
  end
  for i = 1, #found do
    local e = found[i]
    corrections.load(e.corrections, add)
    for j = 1, #e.counted do
      add(e.counted[j])
    end
    for j = 1, e.judged and #e.judged or 0 do
      add(e.judged[j])
    end
  end
  return ids
end

-- May the result move the breaker?
local function is_news(e)
  return e.lease and (e.lease.probe or e.lease.relief or not (e.verdict == "ok" or tally.NEUTRAL[e.verdict]))
end

-- The columns of a deployment that a settle needs.
local function columns_of(judges, teaches)
  if judges then
    return roster.LEARNED_HEALTH
  end
  return teaches and roster.LEARNED or roster.INFLIGHT
end

-- Whose numbers the settles of a run change, each id once, and which columns of them: column -> true.
local function targets_of(list)
  local ids, seen = {}, {}
  local columns = { inflight = true, health = false, learned = false, tokens = false, spend_nano = false }
  for i = 1, #list do
    local e = list[i].op
    local target = e.lease and e.lease.deployment or e.deployment
    if not seen[target] then
      seen[target] = true
      ids[#ids + 1] = target
    end
    columns.health = columns.health or is_news(e)
    columns.learned = columns.learned or e.samples
    columns.tokens = columns.tokens or e.tokens > 0
    columns.spend_nano = columns.spend_nano or e.cost > 0
  end
  return ids, columns
end

-- Read what all settles of the run need, one command a column. `list`: as of run.parse.
local function load(list)
  local lease_ids, found = {}, {}
  for i = 1, #list do
    lease_ids[i] = list[i].op.id
  end
  image.load("lease", lease_ids)
  for i = 1, #list do
    local e = list[i].op
    if pcall(look_up, e) and e.lease then
      found[#found + 1] = e
    end
  end
  local ids, columns = targets_of(list)
  roster.load_once(ids, columns_of(columns.health, columns.learned))
  if columns.tokens then
    image.load("tokens", ids)
  end
  if columns.spend_nano then
    image.load("spend_nano", ids)
  end
  lessons.load(found, ids)
  sketches.load(found, ids)
  local windows = windows_of(found)
  if #windows > 0 then
    image.load("used", windows)
  end
end

local ends = { look_up = look_up, is_news = is_news, columns = columns_of, load = load }
