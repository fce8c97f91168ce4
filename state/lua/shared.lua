-- The arguments of a run. Strings that several operations share travel once: candidate lists, routes, policies.
-- Uses: memo
-- Defines: shared
-- ARGV[1]  worker, a random text for the epoch if the pool is new, then the groups of this run in the order of their
--          waiting keys
-- ARGV[2]  how many shared strings there are; they follow, then the operations, of which the first is at
--          `first_operation`

local HEADER, COUNT = 1, 2
local shared = { worker = nil, new_epoch = nil, first_operation = nil }
local args

local split = memo(256, function(text)
  local words = {}
  for word in string.gmatch(text, "%S+") do
    words[#words + 1] = word
  end
  return words
end)

-- A route, "group strategy key=value ...": {group, strategy, args}; of those numbers as numbers.
local route_in = memo(256, function(text)
  local given = {}
  for key, value in string.gmatch(text, "([^%s=]+)=(%S*)") do
    given[key] = tonumber(value) or value
  end
  local words = split(text)
  return { group = words[1], strategy = words[2], args = given }
end)

local header_of = memo(256, function(text)
  local worker, new_epoch, groups = string.match(text, "^(%S+) (%S+)(.*)$")
  return { worker = worker, new_epoch = new_epoch, groups = split(groups) }
end)

function shared.begin(given)
  args = given
  local header = header_of(args[HEADER])
  shared.worker, shared.new_epoch, shared.groups = header.worker, header.new_epoch, header.groups
  shared.first_operation = COUNT + 1 + args[COUNT]
end

-- Shared string `index` (from 1, a number's text).
function shared.text(index)
  return args[COUNT + index]
end

-- Its words.
function shared.words(index)
  return split(args[COUNT + index])
end

-- What it says as a route: {group, strategy, args}.
function shared.route(index)
  return route_in(args[COUNT + index])
end
