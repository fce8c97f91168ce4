-- How numbers enter and leave a script.
-- Uses:
-- Defines: numbers
-- Every number is read with `of` or `read` and written with `int` or `num`: engines disagree about `..` and tostring.
-- 2 ^ 53 is written out: that is a constant of the code, and a name would be looked up for each number.

local tonumber, format = tonumber, string.format

-- A stored number, nil for garbage.
local function read(text)
  local value = tonumber(text)
  return value and value > -2 ^ 53 and value < 2 ^ 53 and value or nil
end

-- A stored number. Operators edit by hand, so garbage is to be expected: it throws, and costs one operation.
local function of(text)
  local value = tonumber(text)
  if not value or not (value > -2 ^ 53 and value < 2 ^ 53) then
    error("GARBLED not a number: " .. string.sub(text or "nothing", 1, 40), 0)
  end
  return value
end

local small = {} -- the texts of 0 to 255, which are written most
local ROUNDED = "%.0f"
-- The same digits at a fifth of the cost, but where a C long has 32 bits.
local WHOLE = format("%d", 2 ^ 53 - 1) == "9007199254740991" and "%d" or ROUNDED

-- Whole numbers below 2^53 (ms, tokens, nano-dollars).
local function int(value)
  local text = value < 256 and small[value]
  if text then
    return text
  elseif value % 1 ~= 0 then
    return format(ROUNDED, value)
  end
  text = format(WHOLE, value)
  if value >= 0 and value < 256 then
    small[value] = text
  end
  return text
end

-- Measures (ms, weights): nine digits are alike on every engine.
local function num(value)
  return format("%.9g", value)
end

local numbers = { read = read, of = of, int = int, num = num }
