// Numbers as text: the language itself writes large ones as powers of ten. The time is the server's, so that instances
// whose clocks differ share one window.
const PRELUDE = `
local function text(number) return string.format('%.0f', number) end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
`;

/**
 * Takes all or nothing. KEYS one for a rate or a slot, two for money: counter, leases. ARGV id, lease ms, count, then
 * five each: kind, limit, amount, part or time to live in ms, parts. Answers 0 and the counters; or 1, which one, wait
 * in ms or -1, and the counters; or 2 and the numbers of those whose spending is unknown. A counter is three numbers.
 *
 * A rate is a hash: 't' total, 'o' oldest part that may be there, 'n' the newest, and the amount of each part by its
 * number. Money is a hash: 's' spent, 'r' held by running calls, 'm' what calls cost lately; its leases are a sorted
 * set of '<held>:<id>' by the time they end.
 */
export const RESERVE_SCRIPT = `${PRELUDE}
local id, lease, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local items, unknown = {}, {}
local refused, wait = 0, 0

local function refuse(index, ms)
  if wait == -1 or (refused > 0 and ms >= 0 and ms <= wait) then return end
  refused, wait = index, ms
end

local function checkRate(item, index)
  local part, parts = item.span, item.parts
  item.current = math.floor(now / part)
  local cutoff = item.current - parts
  local head = redis.call('HMGET', item.key, 't', 'o', 'n')
  local total, oldest = tonumber(head[1] or '0'), tonumber(head[2] or text(item.current))
  if oldest < cutoff then
    if cutoff - oldest > 2 * parts then
      redis.call('DEL', item.key)
      total, oldest = 0, item.current
    else
      local fields = {}
      for number = oldest, cutoff - 1 do fields[#fields + 1] = text(number) end
      for _, amount in ipairs(redis.call('HMGET', item.key, unpack(fields))) do
        total = total - tonumber(amount or '0')
      end
      redis.call('HDEL', item.key, unpack(fields))
      redis.call('HSET', item.key, 't', text(total), 'o', text(cutoff))
      oldest = cutoff
    end
  end
  item.remaining = item.limit - total
  local newest = tonumber(head[3] or text(item.current))
  item.reset = total > 0 and (newest + parts + 1) * part - now or 0
  item.mark = item.current
  if item.amount <= item.remaining then return end
  if item.amount > item.limit then return refuse(index, -1) end
  local missing = item.amount - item.remaining
  local fields = {}
  for number = oldest, item.current do fields[#fields + 1] = text(number) end
  for place, amount in ipairs(redis.call('HMGET', item.key, unpack(fields))) do
    missing = missing - tonumber(amount or '0')
    if missing <= 0 then return refuse(index, (oldest + place + parts) * part - now) end
  end
  refuse(index, parts * part)
end

local function checkSlot(item, index)
  redis.call('ZREMRANGEBYSCORE', item.key, '-inf', text(now))
  item.remaining = item.limit - redis.call('ZCARD', item.key)
  item.reset, item.mark = 0, 0
  if item.remaining < 1 then refuse(index, 1000) end
end

local function checkMoney(item, index)
  local head = redis.call('HMGET', item.key, 's', 'r', 'm')
  item.reset = 0
  item.mark = math.max(item.amount, tonumber(head[3] or '0'))
  if not head[1] then
    item.remaining = item.limit
    unknown[#unknown + 1] = index
    return
  end
  local spent, held = tonumber(head[1]), tonumber(head[2] or '0')
  local ended = redis.call('ZRANGEBYSCORE', item.leases, '-inf', text(now))
  for _, member in ipairs(ended) do
    held = held - tonumber(string.match(member, '^%d+'))
    redis.call('ZREM', item.leases, member)
  end
  if #ended > 0 then redis.call('HSET', item.key, 'r', text(held)) end
  item.remaining = item.limit - spent - held
  if spent >= item.limit then return refuse(index, -1) end
  if item.mark > item.remaining and redis.call('ZCARD', item.leases) > 0 then refuse(index, 1000) end
end

local function take(item)
  if item.kind == 'rate' then
    item.remaining = item.remaining - item.amount
    if item.amount == 0 then return end
    item.reset = (item.current + item.parts + 1) * item.span - now
    redis.call('HSETNX', item.key, 'o', text(item.current))
    redis.call('HINCRBY', item.key, text(item.current), text(item.amount))
    redis.call('HINCRBY', item.key, 't', text(item.amount))
    redis.call('HSET', item.key, 'n', text(item.current))
    redis.call('PEXPIRE', item.key, text((item.parts + 2) * item.span))
  elseif item.kind == 'slot' then
    item.remaining = item.remaining - 1
    redis.call('ZADD', item.key, text(now + lease), id)
    redis.call('PEXPIRE', item.key, text(lease))
  else
    item.remaining = item.remaining - item.mark
    redis.call('HINCRBY', item.key, 'r', text(item.mark))
    redis.call('ZADD', item.leases, text(now + lease), text(item.mark) .. ':' .. id)
    redis.call('PEXPIRE', item.key, text(item.span))
    redis.call('PEXPIRE', item.leases, text(item.span))
  end
end

local nextKey = 1
for index = 1, count do
  local at = 3 + (index - 1) * 5
  local item = {
    kind = ARGV[at + 1], limit = tonumber(ARGV[at + 2]), amount = tonumber(ARGV[at + 3]),
    span = tonumber(ARGV[at + 4]), parts = tonumber(ARGV[at + 5]), key = KEYS[nextKey],
  }
  nextKey = nextKey + 1
  if item.kind == 'money' then
    item.leases = KEYS[nextKey]
    nextKey = nextKey + 1
    checkMoney(item, index)
  elseif item.kind == 'slot' then checkSlot(item, index)
  else checkRate(item, index) end
  items[index] = item
end

local answer = { 0 }
if refused > 0 then answer = { 1, refused, wait }
elseif #unknown > 0 then return { 2, unpack(unknown) }
else for _, item in ipairs(items) do take(item) end end
for _, item in ipairs(items) do
  answer[#answer + 1] = math.max(0, item.remaining)
  answer[#answer + 1] = item.reset
  answer[#answer + 1] = item.mark
end
return answer`;

/**
 * KEYS as above. ARGV count, then six each: kind, id, mark, change of a rate or money spent, part in ms and parts of
 * a rate. What was reserved is taken out of the part it was put in; what was used beyond it counts now
 * when that part is gone.
 */
export const SETTLE_SCRIPT = `${PRELUDE}
local nextKey = 1
local function settleRate(key, mark, change, part, parts)
  local current = math.floor(now / part)
  local reserved = tonumber(mark) >= current - parts and redis.call('HGET', key, mark)
  if reserved then
    change = text(math.max(tonumber(change), -tonumber(reserved)))
    redis.call('HINCRBY', key, mark, change)
    redis.call('HINCRBY', key, 't', change)
  elseif tonumber(change) > 0 then
    redis.call('HSETNX', key, 'o', text(current))
    redis.call('HSET', key, 'n', text(current))
    redis.call('HINCRBY', key, text(current), change)
    redis.call('HINCRBY', key, 't', change)
    redis.call('PEXPIRE', key, text((parts + 2) * part))
  end
end

local function settleMoney(key, leases, member, mark, spent)
  if redis.call('ZREM', leases, member) == 1 then redis.call('HINCRBY', key, 'r', '-' .. mark) end
  if redis.call('HEXISTS', key, 's') == 0 then return end
  redis.call('HINCRBY', key, 's', spent)
  local lately = math.floor(tonumber(redis.call('HGET', key, 'm') or '0') * 0.95)
  redis.call('HSET', key, 'm', text(math.max(lately, tonumber(spent))))
end

for index = 1, tonumber(ARGV[1]) do
  local at = 1 + (index - 1) * 6
  local kind, id, mark, amount = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local key = KEYS[nextKey]
  nextKey = nextKey + 1
  if kind == 'money' then
    settleMoney(key, KEYS[nextKey], mark .. ':' .. id, mark, amount)
    nextKey = nextKey + 1
  elseif kind == 'slot' then redis.call('ZREM', key, id)
  else settleRate(key, mark, amount, tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])) end
end
return 0`;

/** KEYS as above. ARGV lease ms, count, then three each: kind, id, mark. */
export const RENEW_SCRIPT = `${PRELUDE}
local lease, nextKey = tonumber(ARGV[1]), 1
local ends = text(now + lease)
for index = 1, tonumber(ARGV[2]) do
  local at = 2 + (index - 1) * 3
  local kind, id, mark = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local key = KEYS[nextKey]
  nextKey = nextKey + 1
  if kind == 'slot' then
    redis.call('ZADD', key, ends, id)
    redis.call('PEXPIRE', key, text(lease))
  else
    local leases = KEYS[nextKey]
    nextKey = nextKey + 1
    if redis.call('HEXISTS', key, 's') == 1 then
      if redis.call('ZADD', leases, ends, mark .. ':' .. id) == 1 then
        redis.call('HINCRBY', key, 'r', mark)
      end
      redis.call('PEXPIRE', leases, redis.call('PTTL', key))
    end
  end
end
return 0`;

/** KEYS two each: counter, leases. ARGV count, then two each: spent, time to live in ms. */
export const RAISE_SCRIPT = `${PRELUDE}
for index = 1, tonumber(ARGV[1]) do
  local key, leases = KEYS[index * 2 - 1], KEYS[index * 2]
  local spent, ttl = ARGV[index * 2], ARGV[index * 2 + 1]
  local known = redis.call('HGET', key, 's')
  if not known then
    redis.call('DEL', leases)
    redis.call('HSET', key, 's', spent, 'r', '0')
    redis.call('PEXPIRE', key, ttl)
  elseif tonumber(known) < tonumber(spent) then
    redis.call('HSET', key, 's', spent)
  end
end
return 0`;
