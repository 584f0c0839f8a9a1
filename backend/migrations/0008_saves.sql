-- Versions with parts, patches, device clocks, pins and encryption. The table is made anew, so that `body` stays
-- the last column.

CREATE TABLE saves_version_new (
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
    device_id TEXT NOT NULL,
    device_clock TEXT NOT NULL,
    hlc BIGINT NOT NULL,
    schema_version BIGINT NOT NULL,
    app_version TEXT NOT NULL,
    parts TEXT NOT NULL,
    suspicions BIGINT NOT NULL,
    pinned BIGINT NOT NULL,
    pruned_at_ms BIGINT,
    review_at_ms BIGINT,
    -- The version of this slot whose data the stored patch is against; patches since the last full content, their
    -- bytes, and the bytes of that full content.
    base_id TEXT,
    chain_len BIGINT NOT NULL,
    chain_bytes BIGINT NOT NULL,
    key_bytes BIGINT NOT NULL,
    sealed_by TEXT,
    body BYTEA,
    PRIMARY KEY (game_id, player_id, version_id)
);

INSERT INTO saves_version_new (game_id, player_id, slot, version_id, sequence, parent_a, parent_b, encoding,
    compression, hash, size_bytes, stored_bytes, blob_key, label, device_name, playtime_ms, saved_at_ms, stored_at_ms,
    deleted, purged_at_ms, idempotency_key, request_hash, device_id, device_clock, hlc, schema_version, app_version,
    parts, suspicions, pinned, review_at_ms, chain_len, chain_bytes, key_bytes, body)
SELECT game_id, player_id, slot, version_id, sequence, parent_a, parent_b, encoding, compression, hash, size_bytes,
    stored_bytes, blob_key, label, device_name, playtime_ms, saved_at_ms, stored_at_ms, deleted, purged_at_ms,
    idempotency_key, request_hash, '', '', 0, 0, '', '', 0, 0, stored_at_ms + 3600000, 0, 0, stored_bytes, body
FROM saves_version;

DROP TABLE saves_version;

ALTER TABLE saves_version_new RENAME TO saves_version;

CREATE UNIQUE INDEX saves_version_sequence_key ON saves_version (game_id, player_id, slot, sequence);

CREATE UNIQUE INDEX saves_version_idempotency_key ON saves_version (game_id, player_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;

CREATE INDEX saves_version_purged ON saves_version (purged_at_ms) WHERE purged_at_ms IS NOT NULL;

CREATE INDEX saves_version_blob ON saves_version (game_id, blob_key) WHERE blob_key IS NOT NULL;

-- When retention looks at a version next.
CREATE INDEX saves_version_review ON saves_version (review_at_ms) WHERE review_at_ms IS NOT NULL;

CREATE INDEX saves_version_base ON saves_version (game_id, player_id, base_id) WHERE base_id IS NOT NULL;

-- A content that versions name as a part: one row for each player and content. `form` tells what is stored: none,
-- zstd, delta (a patch against `base_hash`) or chunks (of the upload `upload_id`, in the blob store).
CREATE TABLE saves_part (
    game_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    stored_bytes BIGINT NOT NULL,
    form TEXT NOT NULL,
    base_hash TEXT,
    chain_len BIGINT NOT NULL,
    upload_id TEXT,
    blob_key TEXT,
    sealed_by TEXT,
    -- When a version last named it, or it was stored: what nobody names is kept a while from then on.
    used_at_ms BIGINT NOT NULL,
    body BYTEA,
    PRIMARY KEY (game_id, player_id, hash)
);

CREATE INDEX saves_part_blob ON saves_part (game_id, blob_key) WHERE blob_key IS NOT NULL;

CREATE INDEX saves_part_base ON saves_part (game_id, player_id, base_hash) WHERE base_hash IS NOT NULL;

-- Which versions name which parts. The versions' rows tell it as well, in one piece for reading.
CREATE TABLE saves_version_part (
    game_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    version_id TEXT NOT NULL,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (game_id, player_id, version_id, name)
);

CREATE INDEX saves_version_part_hash ON saves_version_part (game_id, player_id, hash);

-- Uploads of large parts that are under way.
CREATE TABLE saves_upload (
    game_id TEXT NOT NULL,
    upload_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    sealed_by TEXT,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, upload_id)
);

CREATE INDEX saves_upload_player ON saves_upload (game_id, player_id);

CREATE INDEX saves_upload_expires ON saves_upload (expires_at_ms);

-- Each player's data keys, wrapped by a key of the server.
CREATE TABLE saves_key (
    game_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    wrapped BYTEA NOT NULL,
    kek_id TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, key_id)
);

CREATE INDEX saves_key_player ON saves_key (game_id, player_id);

CREATE INDEX saves_key_kek ON saves_key (kek_id, game_id, key_id);

-- What each device last told of itself.
CREATE TABLE saves_device (
    game_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    device_name TEXT NOT NULL,
    slot TEXT NOT NULL,
    unsent BIGINT NOT NULL,
    seen_at_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, player_id, device_id)
);

CREATE INDEX saves_device_seen ON saves_device (seen_at_ms);
