-- Whose limits the calls of a run meet, besides those of deployments: read for all of them at once.
-- Uses: scopes, image, recall, roster, clock
-- Defines: concerned

-- Put an id into a list, once.
local function add(ids, id)
  if not ids[id] then
    ids[id] = true
    ids[#ids + 1] = id
  end
end

-- Whom the deployments of a list belong to, as far as nobody knows it yet.
local function add_closed(list, closed, ids)
  local of_settings, last = recall.known.subjects_of, nil
  for i = 1, #list do
    local settings = list[i].settings
    if settings ~= last then -- mostly many deployments share theirs
      last = settings
      for j = 1, settings and settings.subjects and not of_settings[settings] and #closed or 0 do
        add(ids, settings.subjects[closed[j]])
      end
    end
  end
  list.subjects_of = of_settings -- as long as nothing is read anew
end

-- Those of the named that nobody knows yet, and what stands for each that has no rows of its own.
local function add_open(named, ids)
  local known = recall.known.open
  for i = 1, #named do
    local id = named[i]
    if not (known[id] and known[id].limits) then
      add(ids, id)
      add(ids, scopes.of(id) .. ":*")
    end
  end
end

-- Read the rows that requests meet, and calls in flight where rows count them. `entries`: acquires.
local function load(entries)
  local closed, of_settings, ids = scopes.read(clock.scopes).closed, recall.known.subjects_of, {}
  local last, named
  for i = 1, #entries do
    local request = entries[i]
    if request.candidates ~= last then
      last = request.candidates
      local list = roster.list(last)
      if list.subjects_of ~= of_settings then
        add_closed(list, closed, ids)
      end
    end
    if request.subjects and request.subjects ~= named then
      named = request.subjects
      add_open(named, ids)
    end
  end
  if #ids == 0 then
    return
  end
  local texts, counting = image.load("limits", ids), false
  for i = 1, #ids do
    counting = counting or (texts[ids[i]] and string.find(texts[ids[i]], "concurrent", 1, true))
  end
  if counting then
    image.load("inflight", ids)
  end
end

local concerned = { load = load }
