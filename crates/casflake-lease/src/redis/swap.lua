-- ARGV: the incarnation that was seen, then a field, the text that was seen and the new text, for each field that must
-- not have changed. An empty text stands for none. Returns 1 if all new texts were written, 0 if none was.

if incarnation(ARGV[1]) ~= ARGV[1] then return 0 end
local new = {}
for at = 2, #ARGV, 3 do
  if (redis.call('HGET', KEYS[1], ARGV[at]) or '') ~= ARGV[at + 1] then return 0 end
  if ARGV[at + 2] ~= '' then
    new[#new + 1] = ARGV[at]
    new[#new + 1] = ARGV[at + 2]
  end
end
-- In parts, because Lua passes only some thousands of arguments. Once a script has written, Redis refuses none of its
-- further writes.
for at = 1, #new, 2000 do
  redis.call('HSET', KEYS[1], unpack(new, at, math.min(at + 1999, #new)))
end
return 1
