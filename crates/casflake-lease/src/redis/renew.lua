-- Renews a lease according to the rule `protocol::renew`. Returns {seconds, microseconds, from, until, the space's
-- workers}, or nothing if the rule refuses. ARGV: the renewal, in the form of `RenewalJson` of the Rust code. Numbers
-- in it are texts of digits, as in the records.

local renewal = cjson.decode(ARGV[1])
local found = redis.call('HMGET', KEYS[1], 'space', renewal.worker)
local version, of_layout, workers, floor, known = string.match(
  found[1] or '',
  '^{"version":(%d+),"layout":(".-"),"workers":(%d+),"granted":%d+,"floor":(%d+),"incarnation":"(.*)"}$'
)
local from, till, of_counter, of_token, owner = fields(found[2])
if not of_layout or not from then return false end

local time = redis.call('TIME')
local millis = time[1] * 1000 + math.floor(time[2] / 1000)
local now = math.floor((millis - renewal.epoch_unix_ms) / renewal.tick_ms)

local is_in_layout = millis >= tonumber(renewal.epoch_unix_ms) and less(digits(now), renewal['end'])
local is_whole = of_layout == '"' .. renewal.layout .. '"' and version ~= '0' and known == incarnation(known)
local is_held = of_token == '"' .. renewal.token .. '"' and of_counter == renewal.counter and from == renewal.from
local is_sound = not less(from, floor) and not less(till, renewal['until'])
if not (is_in_layout and is_whole and is_held and is_sound) then return false end
if less(digits(now + renewal.reach), till) then return false end

local wanted = digits(now + renewal.ttl)
if less(renewal['end'], wanted) then wanted = renewal['end'] end
if less(till, wanted) then till = wanted end
write(renewal.worker, from, till, renewal.next_counter, of_token, owner)
return { time[1], time[2], from, till, workers }
