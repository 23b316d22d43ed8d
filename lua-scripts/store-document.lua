-- store-document: replaces a document that is kept whole, if nobody else has changed it in between.
--
-- Guarantees: the document and its version change together or not at all; two editors of the same version cannot
-- overwrite each other.
--
-- KEYS[1]  hash of the document
-- ARGV[1]  version that the change was made from; 0 where there is none
-- ARGV[2]  version to give it; larger than ARGV[1]
-- ARGV[3]  document, JSON
-- ARGV[4]  changed at, ISO 8601
-- ARGV[5]  changed by
--
-- Reply: 1 replaced, 0 the document has another version by now.
-- Called by src/store/versioned-document.ts. Such a document is configuration: it is kept for ever.

local version = redis.call('HGET', KEYS[1], 'version') or '0'
if version ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'document', ARGV[3], 'changedAt', ARGV[4], 'changedBy', ARGV[5])
return 1
