-- The cards of deployments: what this run and those before it have read of settings, health and numbers.
-- Uses: cards, image, keys
-- Defines: roster
-- A card outlives the run, where definitions do: what stands there is read anew only if its text has changed. What a
-- run changes of it forgets the text.

local roster = { changes = 0 } -- `changes` counts what may change who can be asked
local run, marked = 0, {} -- `marked`: cards on which something of this run stands
local pools, count = {}, 0 -- key of the settings -> {cards (by id), lists (list of ids -> list of cards), listed}
local pool
local MOST_CARDS, MOST_LISTS = 20000, 256 -- with more, all are forgotten

-- What choose.lua concluded from a card has to be concluded anew.
function roster.spoil(d)
  d.stale = true
  roster.changes = roster.changes + 1
end

-- A set of columns that are read together.
local function columns(names)
  local has = {}
  for i = 1, #names do
    has[names[i]] = true
  end
  return { names = names, has = has }
end

roster.INFLIGHT = columns({ "inflight" })
roster.HEALTH = columns({ "inflight", "health" })
roster.SETTINGS = columns({ "inflight", "settings" })
roster.LEARNED = columns({ "inflight", "learned" })
roster.LEARNED_HEALTH = columns({ "inflight", "learned", "health" })
roster.BASE = columns({ "inflight", "health", "settings" })
roster.ALL = columns({ "inflight", "health", "settings", "learned" })

function roster.begin()
  for i = 1, #marked do
    local d = marked[i]
    d.windows, d.changed, d.hold, d.tokens, d.spend_nano = nil, nil, nil, nil, nil
  end
  marked, run = {}, run + 1
  if count > MOST_CARDS then
    pools, count = {}, 0
  end
  pool = pools[keys.settings]
  if not pool then
    pool = { cards = {}, lists = {}, listed = 0 }
    pools[keys.settings] = pool
  end
end

-- The card of a deployment.
function roster.card(id)
  local d = pool.cards[id]
  if not d then
    d = cards.new(id)
    pool.cards[id], count = d, count + 1
  end
  return d
end

-- The cards of a list of ids (which nobody changes), with the panels that choose.lua makes of them.
function roster.list(ids)
  local list = pool.lists[ids]
  if not list then
    if pool.listed >= MOST_LISTS then
      pool.lists, pool.listed = {}, 0
    end
    list = { panels = {} }
    for i = 1, #ids do
      list[i] = roster.card(ids[i])
    end
    pool.lists[ids], pool.listed = list, pool.listed + 1
  end
  return list
end

-- Were the columns of this card read?
function roster.has(d, wanted)
  if d.run ~= run or d.read == wanted then
    return d.run == run
  end
  for i = 1, #wanted.names do
    if not d.read.has[wanted.names[i]] then
      return false
    end
  end
  return true
end

-- Those of the cards whose column was not read, and their ids.
local function lacking(list, column)
  local rest, ids = {}, {}
  for i = 1, #list do
    if list[i].run ~= run or not list[i].read.has[column] then
      rest[#rest + 1], ids[#ids + 1] = list[i], list[i].id
    end
  end
  return rest, ids
end

-- The cards have been read so far, and further.
local function note_read(list, wanted)
  for i = 1, #list do
    local d = list[i]
    if d.run ~= run then
      d.run, d.read = run, wanted
    elseif d.read ~= wanted then
      local names = { unpack(d.read.names) }
      for j = 1, #wanted.names do
        names[#names + 1] = wanted.names[j]
      end
      d.read = columns(names)
    end
  end
end

-- Read columns (a set of inflight, health, settings, learned) of many deployments, one command each. Garbage is noted.
-- Returns the cards.
function roster.load(ids, wanted)
  local list, all_new = roster.list(ids), true
  for i = 1, #list do
    all_new = all_new and list[i].run ~= run
  end
  for i = 1, #wanted.names do
    local column, rest, names = wanted.names[i], list, ids
    if not all_new then
      rest, names = lacking(list, column)
    end
    if #rest > 0 then
      cards[column](rest, image.read(column, names))
    end
  end
  note_read(list, wanted)
  return list
end

-- As `load`, for a list of this run alone.
function roster.load_once(ids, wanted)
  local list = roster.load(ids, wanted)
  pool.lists[ids], pool.listed = nil, pool.listed - 1
  return list
end

-- Something of this run stands on the card: the next one begins without it.
function roster.mark(d)
  marked[#marked + 1] = d
end
