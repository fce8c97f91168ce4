-- Whom limits belong to besides deployments: accounts, providers and groups, and the tags, users and teams of calls.
-- Uses: numbers, scopes, rows, image, keys, recall, window, roster, clock
-- Defines: subjects
-- `limits[subject]` = rows in force (rows.lua); `tag:*`, `user:*`, `team:*`: of each that has none of its own
-- `inflight[subject]` = calls that its row `concurrent` counts; absent: 0
-- A card: {id, limits, windows (by position), inflight, hold, column (of open ones)}. Those of open ones last for one
-- run, whose columns they need; the others are known from run to run (recall.lua).

local NOBODY = {}
local passing, changed = {}, {}
local used = false -- does anything of this run stand in them?

local function begin()
  if used then
    passing, changed, used = {}, {}, false
  end
end

local function card(id)
  local is_open = scopes.is_open(id)
  local cards = is_open and passing or recall.known.subjects
  local s = cards[id]
  if not s then
    local column = is_open and keys[id] and id or nil
    s = { id = id, limits = nil, windows = {}, inflight = nil, hold = 0, column = column, loaded = false, known = nil }
    cards[id], used = s, true
  end
  return s
end

-- Rows have changed: those on the cards are read anew.
local function forget()
  local known = recall.known
  known.subjects_of = {}
  for _, cards in ipairs({ passing, known.subjects }) do
    for _, s in pairs(cards) do
      s.limits, s.known, s.windows, s.loaded = nil, nil, {}, false
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

local function holders(ids)
  local list = {}
  for i = 1, #ids do
    list[#list + 1] = holder(ids[i])
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
    list = holders(ids)
    of_settings[settings] = list
  end
  return list
end

-- Those that a request names. Throws GARBLED.
local function of_request(request)
  if not request.subjects then
    return NOBODY
  end
  if not request.holders then
    request.holders = holders(request.subjects)
  end
  return request.holders
end

-- Whom requests concern and nobody knows yet, each once. `entries`: as of run.parse.
local function concerned(entries)
  local closed, ids, seen, last = scopes.read(clock.scopes).closed, {}, {}, nil
  local of_settings = recall.known.subjects_of
  local function add(id)
    if not seen[id] then
      seen[id] = true
      ids[#ids + 1] = id
    end
  end
  for i = 1, #entries do
    local candidates = entries[i].candidates
    local list = candidates ~= last and roster.list(candidates) or NOBODY
    for k = 1, #list do
      local settings = list[k].settings
      if settings and settings.subjects and not of_settings[settings] and not seen[settings] then
        seen[settings] = true -- many deployments share theirs
        for j = 1, #closed do
          add(settings.subjects[closed[j]])
        end
      end
    end
    last = candidates
    for _, id in ipairs(entries[i].subjects or NOBODY) do
      add(id)
      add(scopes.of(id) .. ":*")
    end
  end
  return ids
end

-- Read the rows that requests meet, and calls in flight where rows count them. `entries`: as of
-- run.parse.
local function load(entries)
  local ids = concerned(entries)
  local texts, counting = #ids > 0 and image.load("limits", ids) or NOBODY, false
  for i = 1, #ids do
    counting = counting or (texts[ids[i]] and string.find(texts[ids[i]], "concurrent", 1, true))
  end
  if counting then
    image.load("inflight", ids)
  end
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
  changed[s.id], used = s, true
end

-- The window of row `i` of a subject. Throws GARBLED.
local function window_of(s, i)
  local row = s.limits[i]
  local w = window.open(s.id .. "/" .. row.name, row, s.column, s.column and row.name)
  w.keep_ms = s.column and s.limits.keep_ms
  return w
end

local function flush()
  for id, s in pairs(changed) do
    image.set("inflight", id, (s.inflight > 0 or scopes.is_closed(id)) and numbers.int(s.inflight))
  end
end

local subjects = {
  begin = begin,
  forget = forget,
  holder = holder,
  of_deployment = of_deployment,
  of_request = of_request,
  load = load,
  counted = counted,
  count = count,
  window_of = window_of,
  flush = flush,
}
