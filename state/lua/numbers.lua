-- How numbers enter and leave a script.
-- Uses:
-- Defines: numbers
-- Every number is read with `of` and written with `int` or `num`: engines disagree about `..` and tostring.

local numbers = {}
local LARGEST = 2 ^ 53

-- A stored number. Operators edit by hand, so garbage is to be expected: it throws, and costs one operation. Where
-- nothing is stored: `default` if one is given (nil counts), else garbage too.
function numbers.of(text, ...)
  if not text and select("#", ...) > 0 then
    return (...)
  end
  local value = text and tonumber(text)
  if not value or not (value > -LARGEST and value < LARGEST) then
    error("GARBLED not a number: " .. string.sub(text or "nothing", 1, 40), 0)
  end
  return value
end

-- Whole numbers below 2^53 (ms, tokens, nano-dollars).
function numbers.int(value)
  return string.format("%.0f", value)
end

-- Measures (ms, weights): nine digits are alike on every engine.
function numbers.num(value)
  return string.format("%.9g", value)
end
