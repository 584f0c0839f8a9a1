-- Policies and acceptances, consents, age and parents, exports, erasures and their receipts.

CREATE TABLE privacy_policy (
    game_id TEXT NOT NULL,
    policy TEXT NOT NULL,
    version TEXT NOT NULL,
    url TEXT NOT NULL,
    required BIGINT NOT NULL,
    published_at_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, policy, version)
);

-- Records are added and never changed: they show what was agreed to, and when.
CREATE TABLE privacy_acceptance (
    game_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    policy TEXT NOT NULL,
    version TEXT NOT NULL,
    session_id TEXT NOT NULL,
    accepted_at_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, player_id, policy, version)
);

-- Records are added and never changed; the newest of a purpose is how it stands.
CREATE TABLE privacy_consent (
    game_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    consent_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    granted BIGINT NOT NULL,
    given_by TEXT NOT NULL,
    said_at_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, player_id, consent_id)
);

-- The age as a band, never a date; the parent as an answer and the digest of a code, never an address.
CREATE TABLE privacy_age (
    game_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    band TEXT NOT NULL,
    said_at_ms BIGINT NOT NULL,
    parent TEXT NOT NULL,
    parent_code_hash TEXT NOT NULL,
    parent_code_expires_at_ms BIGINT NOT NULL,
    parent_asked_at_ms BIGINT NOT NULL,
    parent_asked_count BIGINT NOT NULL,
    parent_answered_at_ms BIGINT,
    PRIMARY KEY (game_id, player_id)
);

CREATE UNIQUE INDEX privacy_age_parent_code_key ON privacy_age (game_id, parent_code_hash)
    WHERE parent_code_hash <> '';

CREATE TABLE privacy_export (
    game_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    export_id TEXT NOT NULL,
    status TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, player_id, export_id)
);

-- One being made for each player.
CREATE UNIQUE INDEX privacy_export_pending_key ON privacy_export (game_id, player_id) WHERE status = 'pending';

CREATE INDEX privacy_export_expires ON privacy_export (expires_at_ms);

-- An erasure until it is done. It is the only place where a player and a receipt stand together.
CREATE TABLE privacy_erasure (
    game_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    receipt_id TEXT NOT NULL,
    -- 0 while it can be taken back, 1 once the account is closed.
    phase BIGINT NOT NULL,
    erasure_at_ms BIGINT NOT NULL,
    closed_at_ms BIGINT,
    PRIMARY KEY (game_id, player_id)
);

CREATE UNIQUE INDEX privacy_erasure_receipt_key ON privacy_erasure (game_id, receipt_id);

CREATE INDEX privacy_erasure_due ON privacy_erasure (erasure_at_ms);

-- What stays of an erasure: nothing of whom.
CREATE TABLE privacy_receipt (
    game_id TEXT NOT NULL,
    receipt_id TEXT NOT NULL,
    requested_at_ms BIGINT NOT NULL,
    erasure_at_ms BIGINT NOT NULL,
    erased_at_ms BIGINT,
    erased_json TEXT NOT NULL,
    PRIMARY KEY (game_id, receipt_id)
);
