-- The tokens of calls in flight, where a strategy goes by them: the work that lies before a deployment.
-- Uses: numbers, later, image, recall
-- Defines: in_flight
-- `tokens_in_flight[id]` = "input output calls": estimated tokens of those calls that a strategy which reads them
--                          granted, and how many these are; absent: none. Garbage is counted anew
-- A column of its own, no second word of `inflight`: only such calls pay for it, and scripts of former releases, which
-- know nothing of it, read `inflight` as ever. What those release without it is made up for here (`settled`).
-- What a lease adds stands in its kind: "call:500+60".

local in_flight = {}
local COLUMN = "tokens_in_flight"

-- What is known from run to run: `cards` (id -> {input, output, calls}), and those `changed` by this run, if any.
local function known()
  local all = recall.known
  if not all.in_flight then
    all.in_flight = { cards = {}, changed = nil }
  end
  return all.in_flight
end

local function read(text)
  local input, output, calls = string.match(text or "", "^(%d+) (%d+) (%d+)$")
  input, output, calls = numbers.read(input), numbers.read(output), numbers.read(calls)
  if not input or not output or not calls then
    return { input = 0, output = 0, calls = 0 }
  end
  return { input = input, output = output, calls = calls }
end

-- The cards of all deployments, those of `ids` among them. One command.
local function cards_of(ids)
  local cards = known().cards
  local texts = image.load(COLUMN, ids)
  for i = 1, #ids do
    cards[ids[i]] = cards[ids[i]] or read(texts[ids[i]])
  end
  return cards
end

-- What is counted of a deployment's calls. Throws where the key is of another type.
function in_flight.of(id)
  return known().cards[id] or cards_of({ id })[id]
end

local function tokens_of(card)
  return numbers.int(card.input) .. " " .. numbers.int(card.output)
end

-- Input and output tokens of a deployment as a text, `nothing` where no call was ever counted.
function in_flight.told(id, nothing)
  return image.get(COLUMN, id) and tokens_of(in_flight.of(id)) or nothing
end

-- Put `input_in_flight` and `output_in_flight` on the deployments that a request may go to. Calls that nobody counted
-- are taken for ones like this.
function in_flight.tell(members, request)
  local cards = known().cards
  for i = 1, #members do
    local d = members[i]
    local card = cards[d.id]
    if not card then
      local ids = {}
      for j = 1, #members do
        ids[j] = members[j].id
      end
      card = cards_of(ids)[d.id]
    end
    d.input_in_flight, d.output_in_flight = card.input, card.output
    local others = d.inflight - card.calls
    if others > 0 then
      d.input_in_flight = card.input + others * request.input_tokens
      d.output_in_flight = card.output + others * request.output_tokens
    end
  end
end

-- No more calls are counted than are in flight: what was lost on the way ends with them.
local function settled(card, inflight)
  if card.calls > inflight then
    local share = inflight / card.calls
    card.input, card.output = math.floor(card.input * share), math.floor(card.output * share)
    card.calls = inflight
  end
  if card.calls == 0 then
    card.input, card.output = 0, 0
  end
end

local function flush()
  local all = known()
  for id, card in pairs(all.changed or {}) do
    image.set(COLUMN, id, tokens_of(card) .. " " .. numbers.int(card.calls))
  end
  all.changed = nil
end

-- So many calls of `tokens` {input, output} more at a deployment. After its `inflight` has changed, and only after
-- `tell` or `join`.
function in_flight.count(d, calls, tokens)
  local card, all = in_flight.of(d.id), known()
  card.calls = math.max(0, card.calls + calls)
  card.input = math.max(0, card.input + calls * tokens.input)
  card.output = math.max(0, card.output + calls * tokens.output)
  settled(card, d.inflight)
  if not all.changed then
    all.changed = {}
    later.at_end(flush)
  end
  all.changed[d.id] = card
end

-- The kind of a lease, " call ", with the tokens of its call: " call:500+60 ".
function in_flight.marked(kind, tokens)
  return string.sub(kind, 1, -2) .. ":" .. numbers.int(tokens.input) .. "+" .. numbers.int(tokens.output) .. " "
end

-- A lease of such a kind gets the kind and its `tokens` apart, and its end can be counted. Throws as `of`.
function in_flight.join(lease)
  local kind, input, output = string.match(lease.kind, "^(%a+):(%d+)%+(%d+)$")
  if kind then
    lease.kind, lease.tokens = kind, { input = tonumber(input), output = tonumber(output) }
    in_flight.of(lease.deployment)
  end
end
