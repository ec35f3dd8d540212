-- ARGV: what served when the rest was seen, then field, text seen, new text for each that must not have changed. An
-- empty text stands for none. 1 where all that is new was written, 0 where nothing was.

if incarnation(ARGV[1]) ~= ARGV[1] then return 0 end
local new = {}
for at = 2, #ARGV, 3 do
  if (redis.call('HGET', KEYS[1], ARGV[at]) or '') ~= ARGV[at + 1] then return 0 end
  if ARGV[at + 2] ~= '' then
    new[#new + 1] = ARGV[at]
    new[#new + 1] = ARGV[at + 2]
  end
end
-- In parts, as Lua passes some thousands of arguments at most. Once a script has written, Redis refuses it nothing.
for at = 1, #new, 2000 do
  redis.call('HSET', KEYS[1], unpack(new, at, math.min(at + 1999, #new)))
end
return 1
