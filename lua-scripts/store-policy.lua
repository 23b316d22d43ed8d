-- store-policy: replaces the policy, if nobody else has changed it in between.
--
-- Guarantees: the document, its version and the generations of its rules change together or not at all; two editors of
-- the same version cannot overwrite each other.
--
-- KEYS[1]  hash of the policy
-- ARGV[1]  version that the change was made from; 0 where there is none
-- ARGV[2]  version to give it; larger than ARGV[1]
-- ARGV[3]  document, JSON
-- ARGV[4]  generations, JSON
-- ARGV[5]  changed at, ISO 8601
-- ARGV[6]  changed by
--
-- Reply: 1 replaced, 0 the policy has another version by now.
-- Called by src/store/policy-store.ts. The policy is kept for ever: it is the one key without a time to live.

local version = redis.call('HGET', KEYS[1], 'version') or '0'
if version ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'document', ARGV[3], 'generations', ARGV[4],
  'changedAt', ARGV[5], 'changedBy', ARGV[6])
return 1
