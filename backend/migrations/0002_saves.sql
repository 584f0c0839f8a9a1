-- Versions of saves. A row never changes, but for the delete of its slot, which takes its content away.
-- No foreign key to the account: checking it would lock the account's row at every save.
-- The line of heads is the rows with a sequence: the unique index makes moving the head a compare-and-swap.

CREATE TABLE saves_version (
    game_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    slot TEXT NOT NULL,
    version_id TEXT NOT NULL,
    sequence BIGINT,
    parent_a TEXT,
    parent_b TEXT,
    encoding TEXT NOT NULL,
    compression TEXT NOT NULL,
    hash TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    stored_bytes BIGINT NOT NULL,
    blob_key TEXT,
    label TEXT NOT NULL,
    device_name TEXT NOT NULL,
    playtime_ms BIGINT NOT NULL,
    saved_at_ms BIGINT NOT NULL,
    stored_at_ms BIGINT NOT NULL,
    deleted BIGINT NOT NULL,
    purged_at_ms BIGINT,
    idempotency_key TEXT,
    request_hash TEXT,
    -- Last, so that SQLite finds the other columns without reading through it.
    body BYTEA,
    PRIMARY KEY (game_id, player_id, version_id)
);

CREATE UNIQUE INDEX saves_version_sequence_key ON saves_version (game_id, player_id, slot, sequence);

CREATE UNIQUE INDEX saves_version_idempotency_key ON saves_version (game_id, player_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;

CREATE INDEX saves_version_purged ON saves_version (purged_at_ms) WHERE purged_at_ms IS NOT NULL;
