-- How a deployment's input tokens follow from estimates: what is known of it.
-- Uses: numbers, image
-- Defines: fit
-- `fit[id]` = "ratio plain n tools n": real input tokens = ratio * estimate + plain, or + tools where the call has
--             some; n: how many calls taught it

local FORM = "^(%S+) (%S+) (%S+) (%S+) (%S+)$"

-- {ratio, plain = {value, count}, tools = {value, count}}. Throws GARBLED.
local function read(id)
  local ratio, plain, plain_n, tools, tools_n = string.match(image.get("fit", id) or "1 0 0 0 0", FORM)
  return {
    ratio = numbers.of(ratio),
    plain = { value = numbers.of(plain), count = numbers.of(plain_n) },
    tools = { value = numbers.of(tools), count = numbers.of(tools_n) },
  }
end

local function write(id, known)
  local ratio, plain, tools = numbers.num(known.ratio), known.plain, known.tools
  local words = { ratio, numbers.num(plain.value), numbers.int(plain.count) }
  words[4], words[5] = numbers.num(tools.value), numbers.int(tools.count)
  image.set("fit", id, table.concat(words, " "))
end

-- "ratio plain tools" for a worker; "-" for what no call taught.
local function text(known)
  local plain, tools = known.plain, known.tools
  local of_plain = plain.count > 0 and numbers.num(plain.value) or "-"
  return numbers.num(known.ratio) .. " " .. of_plain .. " " .. (tools.count > 0 and numbers.num(tools.value) or "-")
end

local fit = { read = read, write = write, text = text }
