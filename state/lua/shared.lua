-- Strings that several operations of a run share travel once: candidate lists, routes, cooldown policies.
-- Uses:
-- Defines: shared
-- ARGV[2]  how many there are; they follow, then the operations

local shared = { first_operation = 3 + ARGV[2], verbs = {}, has = {} }
local split = {}

for i = shared.first_operation, #ARGV do
  local verb = string.match(ARGV[i], "^%a+") or "none"
  shared.verbs[i] = verb
  shared.has[verb] = true
end

-- The words of shared string `index` (from 1, a number's text). The same table for the same index.
function shared.words(index)
  local words = split[index]
  if not words then
    words = {}
    for word in string.gmatch(ARGV[2 + index], "%S+") do
      words[#words + 1] = word
    end
    split[index] = words
  end
  return words
end

-- The "key=value" words from `first` on; numbers as numbers.
function shared.args(index, first)
  local words = shared.words(index)
  if not words.args then
    words.args = {}
    for i = first, #words do
      local key, value = string.match(words[i], "^([^=]+)=(.*)$")
      if key then
        words.args[key] = tonumber(value) or value
      end
    end
  end
  return words.args
end
