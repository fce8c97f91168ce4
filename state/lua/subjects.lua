-- Whom limits belong to besides deployments: accounts, providers and groups, and the tags, users and teams of calls.
-- Uses: numbers, later, scopes, rows, image, keys, recall, window, clock
-- Defines: subjects
-- `limits[subject]` = rows in force (rows.lua); `tag:*`, `user:*`, `team:*`: of each that has none of its own
-- `inflight[subject]` = calls that its row `concurrent` counts; absent: 0
-- A card: {id, limits, windows (by position), inflight, hold, said (reserve.lua), column, named, lives}. Cards are
-- known from run to run (recall.lua). Those of open ones have a column of their own in the runs that were lent it,
-- and its windows by id; such a column expires when nothing was added for as long as its longest window, so a card is
-- kept only if a run has added to it: then it lives longer than anything is known.

local MOST_OPEN = 256 -- cards of open ones that are kept; with more, all are forgotten
local NOBODY = {}
local changed, fresh -- of this run: cards with other calls in flight; those of open ones that it made

local function clear()
  changed, fresh = nil, nil
end

local function flush()
  for id, s in pairs(changed) do
    image.set("inflight", id, (s.inflight > 0 or scopes.is_closed(id)) and numbers.int(s.inflight))
  end
  local known = recall.known
  for i = 1, #fresh do
    local s = fresh[i]
    if s.lives then
      known.opened = known.opened + 1
    else
      known.open[s.id] = nil
    end
  end
  if known.opened > MOST_OPEN then
    known.open, known.opened = {}, 0
  end
end

local function begin()
  if not changed then
    changed, fresh = {}, {}
    later.at_end(flush)
    later.before_next(clear)
  end
end

local function new(id, is_open)
  return {
    id = id,
    limits = nil,
    windows = {},
    inflight = nil,
    hold = 0,
    said = nil,
    column = is_open and keys[id] and id or nil,
    named = is_open and {},
    lives = not is_open,
    loaded = false,
    known = nil,
  }
end

local function card(id)
  local is_open = scopes.is_open(id)
  local cards = is_open and recall.known.open or recall.known.subjects
  local s = cards[id]
  if not s then
    s = new(id, is_open)
    cards[id] = s
    if is_open then
      begin()
      fresh[#fresh + 1] = s
    end
  end
  return s
end

-- Rows have changed: those on the cards are read anew.
local function forget()
  local known = recall.known
  known.subjects_of = {}
  for _, cards in ipairs({ known.open, known.subjects }) do
    for _, s in pairs(cards) do
      s.limits, s.known, s.windows, s.loaded, s.said = nil, nil, {}, false, nil
    end
  end
end

-- The rows in force of a subject, nil where it has none. Throws GARBLED.
local function rows_of(id)
  local text = image.get("limits", id)
  if not text and scopes.is_open(id) then
    text = image.get("limits", scopes.of(id) .. ":*")
  end
  local limits = text and rows.read(text)
  if limits == false and text then
    error("GARBLED limits of " .. string.sub(id, 1, 40), 0)
  end
  return limits or nil
end

-- Read its calls in flight. Throws GARBLED.
local function count_of(s)
  s.inflight = s.inflight or numbers.of(image.get("inflight", s.id) or "0")
  return s
end

-- The card of a subject with its rows, nil where it has none. Throws GARBLED.
local function holder(id)
  local s = card(id)
  if s.known == nil then
    s.limits = rows_of(id)
    s.known = s.limits ~= nil
    if s.known and s.limits.concurrent then
      count_of(s)
    end
  end
  return s.known and s or nil
end

-- The cards of those that have rows; `cards`: where they are if they are known. Throws GARBLED.
local function holders(ids, cards)
  local list = {}
  for i = 1, #ids do
    local s = cards[ids[i]]
    list[#list + 1] = s and s.limits and s or holder(ids[i])
  end
  return list
end

-- Those that a deployment belongs to. Throws GARBLED.
local function of_deployment(d)
  local settings, of_settings = d.settings, recall.known.subjects_of
  local list = of_settings[settings]
  if not list then
    local ids = {}
    for _, scope in ipairs(settings.subjects and scopes.read(clock.scopes).closed or NOBODY) do
      ids[#ids + 1] = settings.subjects[scope]
    end
    list = holders(ids, recall.known.subjects)
    of_settings[settings] = list
  end
  return list
end

-- Those that a request names. Throws GARBLED.
local function of_request(request)
  if not request.subjects then
    return NOBODY
  end
  local ids = request.subjects
  if not ids.holders then
    ids.holders = holders(ids, recall.known.open) -- in this run: calls that name the same share the list
  end
  return ids.holders
end

-- Those whose calls in flight a lease counts, by what it reserved (" account:a|concurrent=1 ..."). Throws GARBLED.
local function counted(reserved)
  local list = {}
  for id in string.gmatch(reserved, " (%S+)|concurrent=") do
    list[#list + 1] = count_of(card(id))
  end
  return list
end

-- One call more or less in flight. Only after `holder` or `counted`.
local function count(s, amount)
  s.inflight = math.max(0, s.inflight + amount)
  begin()
  changed[s.id] = s
end

-- The window of row `i` of a subject. Throws GARBLED.
local function window_of(s, i)
  local row = s.limits[i]
  return window.open(s.id .. "/" .. row.name, row, s.column, s.column and row.name)
end

local subjects = {
  forget = forget,
  card = card,
  holder = holder,
  of_deployment = of_deployment,
  of_request = of_request,
  counted = counted,
  count = count,
  window_of = window_of,
}
