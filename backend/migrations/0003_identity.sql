-- Ways into an account, mailed codes, preferences.

ALTER TABLE auth_account ADD COLUMN email_verified_at_ms BIGINT;

ALTER TABLE auth_account ADD COLUMN is_guest BIGINT NOT NULL DEFAULT 0;

ALTER TABLE auth_account ADD COLUMN visibility TEXT NOT NULL DEFAULT 'public';

ALTER TABLE auth_account ADD COLUMN locale TEXT NOT NULL DEFAULT '';

ALTER TABLE auth_account ADD COLUMN avatar_key TEXT NOT NULL DEFAULT '';

-- How the username looks (UTS 39): names that look alike have the same. Empty until it is filled in.
ALTER TABLE auth_account ADD COLUMN username_skeleton TEXT NOT NULL DEFAULT '';

-- An account may have no email: guests, and players of providers.
DROP INDEX auth_account_email_folded_key;

CREATE UNIQUE INDEX auth_account_email_folded_key ON auth_account (game_id, email_folded) WHERE email_folded <> '';

CREATE UNIQUE INDEX auth_account_username_skeleton_key ON auth_account (game_id, username_skeleton)
    WHERE username_skeleton <> '';

ALTER TABLE auth_session ADD COLUMN method TEXT NOT NULL DEFAULT 'password';

-- Ways in but for email and password: 'device' (the subject is a digest of the device's key) and providers.
CREATE TABLE auth_identity (
    game_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    subject TEXT NOT NULL,
    player_id TEXT NOT NULL,
    label TEXT NOT NULL,
    linked_at_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, provider, subject)
);

CREATE INDEX auth_identity_player ON auth_identity (game_id, player_id);

-- Codes sent by mail, as digests. A code is removed when it is used.
CREATE TABLE auth_code (
    game_id TEXT NOT NULL,
    code_hash TEXT NOT NULL,
    player_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    email TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, code_hash)
);

CREATE INDEX auth_code_player ON auth_code (game_id, player_id, kind);

CREATE INDEX auth_code_expires ON auth_code (expires_at_ms);

-- What counts once: challenges and flows that were answered, until they expire by themselves.
CREATE TABLE auth_once (
    game_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, digest)
);

CREATE INDEX auth_once_expires ON auth_once (expires_at_ms);

CREATE TABLE auth_preferences (
    game_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    values_json TEXT NOT NULL,
    version BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, player_id)
);

-- Finds the row of a blob, for the sweep of those that no row names: a merge of accounts moves rows, not blobs.
CREATE INDEX saves_version_blob ON saves_version (game_id, blob_key) WHERE blob_key IS NOT NULL;
