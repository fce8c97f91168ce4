-- Kinds of subjects: accounts, providers and groups, to which deployments belong (closed scopes), and tags, users and
-- teams, whom calls name (open ones).
-- Uses: memo, later, keyring
-- Defines: scopes
-- `clock.scopes` = "account,user": whose rows there are at all
-- Closed ones are counted in the columns of deployments; open ones in a column each, `use:<subject>`, which goes away
-- by itself, and only if a run was lent it.

local CLOSED = { account = true, provider = true, group = true }
local OPEN = { tag = true, user = true, team = true }
local lent -- to this run: "key,key" -> their subjects

local function forget()
  lent = nil
end

-- The scope of a subject, false for the id of a deployment.
local of_id = memo(4096, function(id)
  local scope = string.match(id, "^(%a+):")
  return scope and (CLOSED[scope] or OPEN[scope]) and scope or false
end)

local function is_closed(id)
  return CLOSED[of_id(id)] or false
end

local function is_open(id)
  return OPEN[of_id(id)] or false
end

-- "account,user" as {closed = {"account"}, account = true, user = true}.
local read = memo(64, function(text)
  local found = { closed = {} }
  for scope in string.gmatch(text, "%a+") do
    found[scope] = true
    if CLOSED[scope] then
      found.closed[#found.closed + 1] = scope
    end
  end
  return found
end)

-- The open subject that a key is the column of. Throws where it is none.
local of_key = memo(4096, function(key)
  local id = string.match(key, "^rc:{[^}]*}:use:(%S+)$")
  return id and is_open(id) and id or error("MALFORMED subject", 0)
end)

-- The subjects whose columns are the keys "number,number", each lent its column. Operations of a run that name the same
-- get the same list.
local function lend(numbers)
  if not lent then
    lent = {}
    later.before_next(forget)
  end
  local ids = lent[numbers]
  if not ids then
    ids = {}
    for number in string.gmatch(numbers, "%d+") do
      local key = keyring.other(tonumber(number))
      local id = of_key(key)
      keyring.lend(key, id)
      ids[#ids + 1] = id
    end
    lent[numbers] = ids
  end
  return ids
end

-- Those of the " use=number,number" among other words; nil where there is none.
local function lend_in(text)
  local numbers = text ~= "" and string.match(text, " use=([%d,]+)")
  return numbers and lend(numbers) or nil
end

local scopes = { of = of_id, is_closed = is_closed, is_open = is_open, read = read, lend = lend, lend_in = lend_in }
