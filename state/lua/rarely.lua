-- What few runs need is not even defined before somebody asks for it: definitions are half the cost of a small run.
-- Uses:
-- Defines: rarely
-- scripts.py lists the files that are put in this way; who uses them sees no difference.

local files = {} -- module -> function that runs its file
local ON_USE = {}

function ON_USE.__index(module, name)
  local defined = files[module]()
  setmetatable(module, nil)
  for key, value in pairs(defined) do
    module[key] = value
  end
  return module[name]
end

local function rarely(file)
  local module = setmetatable({}, ON_USE)
  files[module] = file
  return module
end
