/** Mails that could not be sent: one sorted set, score = when they are due, member = a sealed text. */
export const waitingKeys = ["messages:waiting"];

/** Keeps one, unless too many wait. ARGV: 1 due at, 2 the sealed mail, 3 most that may wait, 4 life of the whole in ms. */
export const keepScript = `
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
`;

/**
 * Hands out what is due and moves it on at once: of two cron triggers that overlap only one is given a mail, and if that
 * one dies, the mail comes back. ARGV: 1 now, 2 how many, 3 due again at.
 */
export const takeDueScript = `
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for i = 1, #due do redis.call('ZADD', KEYS[1], ARGV[3], due[i]) end
return due
`;

/** One is done with, and may be followed by itself at a later attempt. ARGV: 1 it, 2 due at, 3 its successor or nothing. */
export const settleScript = `
redis.call('ZREM', KEYS[1], ARGV[1])
if ARGV[3] ~= '' then redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3]) end
return 1
`;
