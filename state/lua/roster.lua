-- The cards of deployments: what this run and those before it have read of settings, health and numbers.
-- Uses: numbers, texts, image, keys, clock
-- Defines: roster
-- `health[id]`   = "state generation trips until_ms since_ms reason lease": closed, open, half-open or ramp; absent:
--                  closed. `lease` is the one probe's in half-open, else "-".
-- `inflight[id]` = a number; absent: 0. `settings`, `learned`: texts.lua
-- A card outlives the run, where definitions do: what stands there is read anew only if its text has changed. What a
-- run changes of it forgets the text.

local roster = { changes = 0 } -- `changes` counts what may change who can be asked
local run, marked = 0, {} -- `marked`: cards on which something of this run stands
local pools, count = {}, 0 -- key of the settings -> {cards (by id), lists (list of ids -> list of cards), listed}
local pool
local MOST_CARDS, MOST_LISTS = 20000, 256 -- with more, all are forgotten
local NOTHING = {}

-- What choose.lua concluded from a card has to be concluded anew.
function roster.spoil(d)
  d.stale = true
  roster.changes = roster.changes + 1
end

-- How the texts of a column enter cards: a field that is false holds garbage (`settings` is false where the pool knows
-- none, and "garbled").
local take = {}

function take.inflight(cards, column)
  for i = 1, #cards do
    local d, text = cards[i], column[i]
    if d.inflight_text ~= text then
      d.inflight_text = text
      local before, value = d.inflight, numbers.read(text or "0") or false
      d.inflight = value
      if not before or not value then
        roster.spoil(d)
      end
    end
  end
end

local function read_health(d, text)
  local state, generation, trips, until_ms, since_ms, reason, probe =
    string.match(text or "closed 0 0 0 0 - -", "^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$")
  d.generation, d.trips = numbers.of(generation), numbers.of(trips)
  d.until_ms, d.since_ms = numbers.of(until_ms), numbers.of(since_ms)
  d.state, d.reason, d.probe = state, reason, probe
end

function take.health(cards, column)
  for i = 1, #cards do
    local d, text = cards[i], column[i]
    if d.health_text ~= text then
      d.health_text = text
      d.health = pcall(read_health, d, text)
      roster.spoil(d)
    end
    if d.state == "ramp" and clock.now >= d.until_ms then
      d.state, d.since_ms = "closed", d.until_ms
      roster.spoil(d)
    end
  end
end

function take.settings(cards, column)
  for i = 1, #cards do
    local d, text = cards[i], column[i]
    if d.settings_text ~= text then
      d.settings_text = text
      d.settings = text and (texts.settings(text) or "garbled")
      roster.spoil(d)
    end
  end
end

function take.learned(cards, column)
  for i = 1, #cards do
    local d, text = cards[i], column[i]
    if d.learned_text ~= text then
      d.learned_text = text
      local before, learned = d.learned, texts.learned(text or "- - - - -")
      d.learned = learned
      if not before or not learned then
        roster.spoil(d)
      end
      learned = learned or NOTHING
      d.latency_ms, d.ttft_ms, d.ms_per_token = learned.latency_ms, learned.ttft_ms, learned.ms_per_token
      d.sampled_ms, d.streamed_ms = learned.sampled_ms, learned.streamed_ms
    end
  end
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

local function new(id)
  -- What most of them get is named here: a table that grows is copied again and again.
  return {
    id = id,
    inflight_text = nil,
    inflight = nil,
    health_text = nil,
    health = nil,
    settings_text = nil,
    settings = nil,
    learned_text = nil,
    learned = nil,
    latency_ms = nil,
    ttft_ms = nil,
    ms_per_token = nil,
    sampled_ms = nil,
    streamed_ms = nil,
    stale = true,
    state = nil,
    reason = nil,
    probe = nil,
    generation = nil,
    trips = nil,
    until_ms = nil,
    since_ms = nil,
    order = nil,
    weight = nil,
    level = nil,
    timed = nil,
    run = nil,
    read = nil,
    windows = nil,
    changed = nil,
    tokens = nil,
  }
end

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
    d = new(id)
    pool.cards[id], count = d, count + 1
  end
  return d
end

-- The cards of a list of ids (which nobody changes), with the panels that choose.lua makes of them.
function roster.list(ids)
  local cards = pool.lists[ids]
  if not cards then
    if pool.listed >= MOST_LISTS then
      pool.lists, pool.listed = {}, 0
    end
    cards = { panels = {} }
    for i = 1, #ids do
      cards[i] = roster.card(ids[i])
    end
    pool.lists[ids], pool.listed = cards, pool.listed + 1
  end
  return cards
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
local function lacking(cards, column)
  local rest, ids = {}, {}
  for i = 1, #cards do
    if cards[i].run ~= run or not cards[i].read.has[column] then
      rest[#rest + 1], ids[#ids + 1] = cards[i], cards[i].id
    end
  end
  return rest, ids
end

-- The cards have been read so far, and further.
local function note_read(cards, wanted)
  for i = 1, #cards do
    local d = cards[i]
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
  local cards, all_new = roster.list(ids), true
  for i = 1, #cards do
    all_new = all_new and cards[i].run ~= run
  end
  for i = 1, #wanted.names do
    local column, rest, names = wanted.names[i], cards, ids
    if not all_new then
      rest, names = lacking(cards, column)
    end
    if #rest > 0 then
      take[column](rest, image.read(column, names))
    end
  end
  note_read(cards, wanted)
  return cards
end

-- As `load`, for a list of this run alone.
function roster.load_once(ids, wanted)
  roster.load(ids, wanted)
  pool.lists[ids], pool.listed = nil, pool.listed - 1
end

-- Something of this run stands on the card: the next one begins without it.
function roster.mark(d)
  marked[#marked + 1] = d
end
