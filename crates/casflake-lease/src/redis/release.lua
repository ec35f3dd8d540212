-- Releases a lease according to the rule `protocol::release`. Returns 1, or 0 if the rule refuses. ARGV: worker, token,
-- counter, the tick after the last tick in which an ID was issued.

local worker, token, counter, after = unpack(ARGV)
local from, till, of_counter, of_token, owner = fields(redis.call('HGET', KEYS[1], worker))
if of_token ~= token or of_counter ~= counter then return 0 end
if less(after, till) then till = after end
if less(till, from) then till = from end
write(worker, from, till, counter, 'null', owner)
return 1
