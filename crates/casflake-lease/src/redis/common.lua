-- What every script begins with. KEYS[1] is the space: a hash of JSON texts, one called `space` and one for each
-- worker.
--
-- Lua's numbers are exact up to 2^53 only, so those that are stored stay the digits that they are, and records are
-- not read by cjson, which keeps 14 of them. Computed is with the clock alone: it reads 2^53 milliseconds in the year 287396.

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

-- What serves: a run of a server and, where that was a replica, its last promotion, at which it may have come back with
-- another's data. A server that has had no replica for an hour forgets its promotion: what is known of its run stands.
local function incarnation(known)
  local former = string.match(replication, '\nmaster_replid2:(%x+)') or ''
  if not string.find(former, '[^0]') then
    return string.sub(known, 1, #run + 1) == run .. '-' and known or run
  end
  return run .. '-' .. (string.match(replication, '\nmaster_replid:(%x+)') or '')
end

-- Whether one number is less than another, both as digits.
local function less(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

local function digits(number)
  return string.format('%.0f', number)
end

-- The fields of a record: three numbers as digits, two values as JSON. Nothing where it is not as Rust writes it.
local function fields(record)
  local from, till, counter, token, owner =
    string.match(record or '', '^{"from":(%d+),"until":(%d+),"counter":(%d+),"token":(.-),"owner":(".*")}$')
  if from and not less(till, from) then return from, till, counter, token, owner end
end

local function write(worker, from, till, counter, token, owner)
  local record = '{"from":' .. from .. ',"until":' .. till .. ',"counter":' .. counter .. ',"token":' .. token
  redis.call('HSET', KEYS[1], worker, record .. ',"owner":' .. owner .. '}')
end

