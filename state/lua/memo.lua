-- What texts mean, remembered from run to run where definitions live on: the same settings and lists come again and
-- again, and only their text says whether they changed.
-- Uses:
-- Defines: memo

-- `read` with a memory of `most` texts. What it returns is shared by all who ask, so nobody may change it.
local function memo(most, read)
  local known, count = {}, 0
  return function(text)
    local meaning = known[text]
    if meaning == nil then
      meaning = read(text)
      if count >= most then
        known, count = {}, 0
      end
      known[text], count = meaning, count + 1
    end
    return meaning
  end
end
