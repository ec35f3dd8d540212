-- The beginning of every script. KEYS[1] is the space: a hash of JSON texts, one named `space` and one for each worker.
--
-- Lua's numbers are exact only up to 2^53, so stored numbers are handled as their digits, and records are not decoded
-- by cjson, which keeps 14 digits. Arithmetic is done only with the clock: it reads 2^53 milliseconds in the year
-- 287396.

local replication = redis.call('INFO', 'replication')
local run = string.match(redis.call('INFO', 'server'), '\nrun_id:(%x+)')

if string.match(replication, '\nrole:([%a-]+)') ~= 'master' then
  return redis.error_reply('READONLY it is a replica: what it is told is lost')
end
if not run then
  return redis.error_reply('ERR it tells no run_id, so that nobody can know what it has lost')
end
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' and kind ~= 'none' then
  return redis.error_reply('WRONGTYPE it is a ' .. kind .. ', and no hash')
end

-- The incarnation: the run of the server and, if it was a replica, its last promotion, because it may have come back
-- with another server's data. A server that has had no replica for an hour forgets its promotion. Then `known`, the
-- stored incarnation, is returned if it is of this run.
local function incarnation(known)
  local former = string.match(replication, '\nmaster_replid2:(%x+)') or ''
  if not string.find(former, '[^0]') then
    return string.sub(known, 1, #run + 1) == run .. '-' and known or run
  end
  return run .. '-' .. (string.match(replication, '\nmaster_replid:(%x+)') or '')
end

-- Returns whether one number is less than another, both as digits.
local function less(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

local function digits(number)
  return string.format('%.0f', number)
end

-- Returns the fields of a record: three numbers as digits, two values as JSON. Returns nothing if the record is not in
-- the form that Rust writes.
local function fields(record)
  local from, till, counter, token, owner =
    string.match(record or '', '^{"from":(%d+),"until":(%d+),"counter":(%d+),"token":(.-),"owner":(".*")}$')
  if from and not less(till, from) then return from, till, counter, token, owner end
end

local function write(worker, from, till, counter, token, owner)
  local record = '{"from":' .. from .. ',"until":' .. till .. ',"counter":' .. counter .. ',"token":' .. token
  redis.call('HSET', KEYS[1], worker, record .. ',"owner":' .. owner .. '}')
end

