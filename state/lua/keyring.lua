-- The keys of a run.
-- Uses: shared, column_names
-- Defines: keys, keyring
-- KEYS    the columns (column_names: those of keys.py), then one `waiting:<group>` for each group of the run, then
--         others that operations name by number

local keys, keyring = {}, {} -- keys: column -> key
local all_keys
local lent = {} -- columns of this run alone

-- Returns whether the pool is another one than that of the last run.
function keyring.begin(given)
  local is_other = keys[column_names[1]] ~= given[1]
  if is_other then
    for i = 1, #column_names do
      keys[column_names[i]] = given[i]
    end
  end
  for i = #lent, 1, -1 do
    keys[lent[i]], lent[i] = nil, nil
  end
  all_keys = given
  return is_other
end

-- The key of a group's waiting calls.
function keyring.waiting(group)
  for i = 1, #shared.groups do
    if shared.groups[i] == group then
      return all_keys[#column_names + i]
    end
  end
  error("UNKNOWN group", 0)
end

-- Another key, from 1.
function keyring.other(number)
  return all_keys[#column_names + #shared.groups + number] or error("UNKNOWN key", 0)
end

-- One of the others is a column of this run.
function keyring.lend(key, name)
  keys[name] = key
  lent[#lent + 1] = name
end
