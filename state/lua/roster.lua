-- The cards of deployments: what this run and those before it have read of settings, health and numbers.
-- Uses: cards, image, recall
-- Defines: roster
-- A card outlives the run, where definitions do: it is read again when everything is (recall.lua), and what stands
-- there only if its text has changed. What a run changes of it forgets the text.

local roster = { changes = 0 } -- `changes` counts what may change who can be asked
local MOST_LISTS = 256 -- with more, all are forgotten

-- What panels.lua concluded from a card has to be concluded anew.
function roster.spoil(d)
  d.stale = true
  roster.changes = roster.changes + 1
end

-- A set of columns that are read together; `covers`: another set -> is all of it in this one?
local function columns(names)
  local has = {}
  for i = 1, #names do
    has[names[i]] = true
  end
  return { names = names, has = has, covers = {} }
end

roster.INFLIGHT = columns({ "inflight" })
roster.HEALTH = columns({ "inflight", "health" })
roster.SETTINGS = columns({ "inflight", "settings" })
roster.LEARNED = columns({ "inflight", "learned" })
roster.LEARNED_HEALTH = columns({ "inflight", "learned", "health" })
roster.BASE = columns({ "inflight", "health", "settings" })
roster.ALL = columns({ "inflight", "health", "settings", "learned" })

-- The card of a deployment.
function roster.card(id)
  local d = recall.kept.cards[id]
  if not d then
    d = cards.new(id)
    recall.put("cards", id, d)
  end
  return d
end

-- The cards of a list of ids (which nobody changes), with the panels that panels.lua makes of them.
function roster.list(ids)
  local kept = recall.kept
  local list = kept.lists[ids]
  if not list then
    if kept.listed >= MOST_LISTS then
      kept.lists, kept.listed = {}, 0
    end
    list = { panels = {}, age = 0, read = nil, subjects_of = nil }
    for i = 1, #ids do
      list[i] = kept.cards[ids[i]] or roster.card(ids[i])
    end
    kept.lists[ids], kept.listed = list, kept.listed + 1
  end
  return list
end

-- Are all of the wanted columns among those that were read?
local function covers(read, wanted)
  for i = 1, #wanted.names do
    if not read.has[wanted.names[i]] then
      return false
    end
  end
  return true
end

-- Were the columns of this card read?
function roster.has(d, wanted)
  if d.age ~= recall.age or d.read == wanted then
    return d.age == recall.age
  end
  local covered = d.read.covers[wanted]
  if covered == nil then
    covered = covers(d.read, wanted)
    d.read.covers[wanted] = covered
  end
  return covered
end

-- Those of the cards whose column was not read, and their ids.
local function lacking(list, ids, column)
  local rest, names = {}, {}
  for i = 1, #list do
    if list[i].age ~= recall.age or not list[i].read.has[column] then
      rest[#rest + 1], names[#names + 1] = list[i], ids[i]
    end
  end
  return rest, names
end

-- The cards have been read so far, and further.
local function note_read(list, wanted)
  for i = 1, #list do
    local d = list[i]
    if d.age ~= recall.age then
      d.age, d.read = recall.age, wanted
      d.windows = nil
    elseif d.read ~= wanted then
      local names = { unpack(d.read.names) }
      for j = 1, #wanted.names do
        names[#names + 1] = wanted.names[j]
      end
      d.read = columns(names)
    end
  end
end

-- Read columns (a set of inflight, health, settings, learned) of these cards, one command each. Garbage is noted.
local function read(list, ids, wanted)
  local all_new = true
  for i = 1, #list do
    all_new = all_new and list[i].age ~= recall.age
  end
  for i = 1, #list > 0 and #wanted.names or 0 do
    local column, rest, names = wanted.names[i], list, ids
    if not all_new then
      rest, names = lacking(list, ids, column)
    end
    if #rest > 0 then
      cards[column](rest, image.read(column, names))
    end
  end
  note_read(list, wanted)
end

-- Are all of these columns known of a list of ids (which nobody changes)? False where that is to be looked at.
function roster.knows(ids, wanted)
  local list = recall.kept.lists[ids]
  return list and list.age == recall.age and list.read == wanted
end

-- The columns of all deployments of these lists of ids (which nobody changes) are known afterwards.
function roster.load_all(lists, wanted)
  local rest, ids
  for i = 1, #lists do
    local list = roster.list(lists[i])
    if list.age ~= recall.age or list.read ~= wanted then
      rest, ids = rest or {}, ids or {}
      for j = 1, #list do
        local d = list[j]
        if d.listed ~= rest and not roster.has(d, wanted) then
          d.listed = rest
          rest[#rest + 1], ids[#ids + 1] = d, d.id
        end
      end
    end
  end
  if rest then
    read(rest, ids, wanted)
    for i = 1, #lists do
      local list = roster.list(lists[i])
      list.age, list.read = recall.age, wanted
    end
  end
end

-- The cards of a list of ids, whose columns are known.
function roster.load(ids, wanted)
  roster.load_all({ ids }, wanted)
  return roster.list(ids)
end

-- As `load`, for a list of this run alone.
function roster.load_once(ids, wanted)
  local list, names
  for i = 1, #ids do
    local d = roster.card(ids[i])
    if not roster.has(d, wanted) then
      list, names = list or {}, names or {}
      list[#list + 1], names[#names + 1] = d, ids[i]
    end
  end
  if list then
    read(list, names, wanted)
  end
end
