-- A sorted set for the memory engine: members in order of (score, bytes), in blocks of at most 256.
--
-- A block is found by bisection of the last members and searched by bisection, so that 100,000 members cost a few
-- microseconds an operation. A place is (block, index); the end is (number of blocks + 1, 1).
-- Returns new, less, seek, put, take, forward, rank, at, place_of.

local BLOCK = 256
local byte, insert, remove = string.byte, table.insert, table.remove
local sorted = {}

-- Bytes, not strcoll: Lua's `<` follows the locale, which the host program may have set.
function sorted.less(a, b)
  local at = 1
  while true do
    local a1, a2, a3, a4 = byte(a, at, at + 3)
    local b1, b2, b3, b4 = byte(b, at, at + 3)
    if a1 ~= b1 then
      return (a1 or -1) < (b1 or -1)
    end
    if a2 ~= b2 then
      return (a2 or -1) < (b2 or -1)
    end
    if a3 ~= b3 then
      return (a3 or -1) < (b3 or -1)
    end
    if a4 ~= b4 then
      return (a4 or -1) < (b4 or -1)
    end
    if not a4 then
      return false
    end
    at = at + 4
  end
end

function sorted.new()
  return { kind = "zset", scores = {}, count = 0, blocks = {} }
end

-- The first place whose member is not `before`; before(member, score) is true for a head of the order.
function sorted.seek(set, before)
  local blocks, scores = set.blocks, set.scores
  local low, high = 1, #blocks + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    local block = blocks[middle]
    local final = block[#block]
    if before(final, scores[final]) then
      low = middle + 1
    else
      high = middle
    end
  end
  local block = blocks[low]
  if not block then
    return low, 1
  end
  local left, right = 1, #block
  while left < right do
    local middle = math.floor((left + right) / 2)
    if before(block[middle], scores[block[middle]]) then
      left = middle + 1
    else
      right = middle
    end
  end
  return low, left
end

local function place(set, member, score)
  return sorted.seek(set, function(other, its)
    return its < score or (its == score and sorted.less(other, member))
  end)
end

function sorted.put(set, member, score)
  local blocks = set.blocks
  local at, index = place(set, member, score)
  if at > #blocks and at > 1 then
    at, index = at - 1, #blocks[at - 1] + 1
  end
  local block = blocks[at]
  if not block then
    block = {}
    blocks[at] = block
  end
  insert(block, index, member)
  if #block > BLOCK then
    local half = {}
    -- A set that grows at its end (deadlines) leaves full blocks behind instead of half empty ones.
    for i = index > BLOCK and BLOCK + 1 or BLOCK / 2 + 1, #block do
      half[#half + 1] = block[i]
    end
    for _ = 1, #half do
      remove(block)
    end
    insert(blocks, at + 1, half)
  end
  set.scores[member] = score
  set.count = set.count + 1
end

function sorted.take(set, member)
  local at, index = place(set, member, set.scores[member])
  remove(set.blocks[at], index)
  if #set.blocks[at] == 0 then
    remove(set.blocks, at)
  end
  set.scores[member] = nil
  set.count = set.count - 1
end

-- Calls visit(member, score) from a place on until it answers false or the set ends.
function sorted.forward(set, at, index, visit)
  local block = set.blocks[at]
  while block do
    for i = index, #block do
      if not visit(block[i], set.scores[block[i]]) then
        return
      end
    end
    at, index = at + 1, 1
    block = set.blocks[at]
  end
end

function sorted.rank(set, at, index)
  local before = index - 1
  for i = 1, at - 1 do
    before = before + #set.blocks[i]
  end
  return before
end

-- The place of a rank, from 0.
function sorted.at(set, rank)
  for at = 1, #set.blocks do
    if rank < #set.blocks[at] then
      return at, rank + 1
    end
    rank = rank - #set.blocks[at]
  end
  return #set.blocks + 1, 1
end

function sorted.place_of(set, member)
  return place(set, member, set.scores[member])
end

return sorted
