-- Returns some of the keys of all spaces: {the next cursor, {key, ...}}. ARGV: the cursor.

return redis.call('SCAN', ARGV[1], 'MATCH', 'casflake:*', 'COUNT', 1000)
