-- The card of a deployment: what was read of its columns, which enters it here.
-- Uses: numbers, texts, roster, clock
-- Defines: cards
-- `health[id]`   = "state generation trips until_ms since_ms reason lease[ row@ask_ms]": closed, open, half-open or
--                  ramp; absent: closed. `lease` is the one probe's in half-open, else "-"; row: failures that cast
--                  doubt, or calls that had no sign of it, and the pool ms from which it is asked again (doubt.lua)
-- `learned[id]`  = "latency_ms ttft_ms ms_per_token sampled_ms streamed_ms[ row doubted_ms]" (learn.lua, doubt.lua);
--                  "-" for what is not known
-- `inflight[id]` = a number; absent: 0. `settings`: texts.lua
-- cards.<column>(list of cards, their texts): what stands on a card is read anew only if its text has changed. A field
-- that is false holds garbage (`settings` is false where the pool knows none, and "garbled").

local cards = {}
local HEALTH = "^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) ?(%d*)@?(%d*)$"
local LEARNED = "^(%S+) (%S+) (%S+) (%S+) (%S+) ?(%S*) ?(%S*)$"
local CLOSED, NOTHING = "closed 0 0 0 0 - -", "- - - - -"
-- What stands on no card of which nothing was ever stored.
local USUAL = {
  __index = { generation = 0, trips = 0, until_ms = 0, since_ms = 0, reason = "-", probe = "-", ask_ms = 0, row = 0 },
}

function cards.inflight(list, column)
  for i = 1, #list do
    local d, text = list[i], column[i]
    if d.inflight_text ~= text then
      d.inflight_text = text
      local before, value = d.inflight, numbers.read(text or "0") or false
      d.inflight = value
      if not before or not value then
        roster.spoil(d)
      end
    end
  end
end

local function read_health(d, text)
  local state, generation, trips, until_ms, since_ms, reason, probe, row, ask_ms = string.match(text or CLOSED, HEALTH)
  d.generation, d.trips = numbers.of(generation), numbers.of(trips)
  d.until_ms, d.since_ms = numbers.of(until_ms), numbers.of(since_ms)
  d.state, d.reason, d.probe = state, reason, probe
  d.doubt, d.ask_ms = tonumber(row) or 0, tonumber(ask_ms) or 0
end

function cards.health(list, column)
  for i = 1, #list do
    local d, text = list[i], column[i]
    if d.health_text ~= text then
      if text or d.health_text then
        d.closing = nil
        d.health = pcall(read_health, d, text)
      else
        d.health = true
      end
      d.health_text = text
      roster.spoil(d)
    end
    if d.state == "ramp" and clock.now >= d.until_ms then
      d.state, d.since_ms, d.closing = "closed", d.until_ms, true
      roster.spoil(d)
    end
  end
end

function cards.settings(list, column)
  for i = 1, #list do
    local d, text = list[i], column[i]
    if d.settings_text ~= text then
      d.settings_text = text
      d.settings = text and (texts.settings(text) or "garbled")
      roster.spoil(d)
    end
  end
end

local function measure(word)
  if word == "-" or word == "" then
    return nil
  end
  return numbers.of(word)
end

local function read_learned(d, text)
  local latency, ttft, per_token, sampled, streamed, row, doubted = string.match(text, LEARNED)
  latency, ttft, per_token = measure(latency), measure(ttft), measure(per_token)
  sampled, streamed, row, doubted = measure(sampled), measure(streamed), measure(row), measure(doubted)
  d.latency_ms, d.ttft_ms, d.ms_per_token = latency, ttft, per_token -- all of it, or nothing
  d.sampled_ms, d.streamed_ms, d.row, d.doubted_ms = sampled, streamed, row or 0, doubted
end

function cards.learned(list, column)
  for i = 1, #list do
    local d, text = list[i], column[i]
    if d.learned_text ~= text then
      d.learned_text = text
      local before = d.learned
      d.learned = pcall(read_learned, d, text or NOTHING)
      if not before or not d.learned then
        roster.spoil(d)
      end
      if not d.learned then
        read_learned(d, NOTHING)
      end
    end
  end
end

function cards.new(id)
  -- What most of them get is named here, because a table that grows is copied again and again: up to 32 fields, or it
  -- would be twice as large.
  return setmetatable({
    id = id,
    inflight_text = nil,
    inflight = nil,
    health_text = nil,
    health = nil,
    settings_text = nil,
    settings = nil,
    learned_text = nil,
    learned = nil,
    latency_ms = nil,
    ttft_ms = nil,
    ms_per_token = nil,
    sampled_ms = nil,
    streamed_ms = nil,
    row = nil,
    doubted_ms = nil,
    doubt = 0,
    stale = true,
    state = "closed",
    refusal = nil,
    order = nil,
    weight = nil,
    level = nil,
    timed = nil,
    age = 0,
    listed = nil,
    read = nil,
    windows = nil,
    counted = false,
    taught = false,
  }, USUAL)
end
