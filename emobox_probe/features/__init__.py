"""Features on disk: extracted once, packed in shards, found again by what they depend on."""
