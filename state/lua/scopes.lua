-- Kinds of subjects: accounts, providers and groups, to which deployments belong (closed scopes), and tags, users and
-- teams, whom calls name (open ones).
-- Uses: memo, keyring
-- Defines: scopes
-- `clock.scopes` = "account,user": whose rows there are at all
-- Closed ones are counted in the columns of deployments; open ones in a column each, `use:<subject>`, which goes away
-- by itself, and only if a run was lent it.

local CLOSED = { account = true, provider = true, group = true }
local OPEN = { tag = true, user = true, team = true }

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

-- The subjects of an operation's " use=key:subject ..." words, each lent its column; nil where there are none.
local function lend(text)
  if text == "" then
    return nil
  end
  local ids = {}
  for number, id in string.gmatch(text, " use=(%d+):(%S+)") do
    if not is_open(id) then
      error("MALFORMED subject", 0)
    end
    keyring.lend(tonumber(number), id)
    ids[#ids + 1] = id
  end
  return ids[1] and ids
end

local scopes = { of = of_id, is_closed = is_closed, is_open = is_open, read = read, lend = lend }
