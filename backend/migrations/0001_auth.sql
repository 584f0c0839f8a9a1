-- Games, client keys, accounts and sessions.
-- Portable types only: TEXT, BIGINT (milliseconds, counts, 0/1 flags), BYTEA (kept as bytes by both engines).

CREATE TABLE auth_game (
    game_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    is_default BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL
);

CREATE UNIQUE INDEX auth_game_default_key ON auth_game (is_default) WHERE is_default = 1;

CREATE TABLE auth_client_key (
    client_key TEXT NOT NULL PRIMARY KEY,
    game_id TEXT NOT NULL REFERENCES auth_game (game_id),
    created_at_ms BIGINT NOT NULL
);

CREATE TABLE auth_account (
    game_id TEXT NOT NULL REFERENCES auth_game (game_id),
    player_id TEXT NOT NULL,
    email TEXT NOT NULL,
    email_folded TEXT NOT NULL,
    username TEXT NOT NULL,
    username_folded TEXT NOT NULL,
    display_name TEXT NOT NULL,
    avatar_url TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, player_id)
);

CREATE UNIQUE INDEX auth_account_email_folded_key ON auth_account (game_id, email_folded);

CREATE UNIQUE INDEX auth_account_username_folded_key ON auth_account (game_id, username_folded);

CREATE TABLE auth_session (
    game_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    generation BIGINT NOT NULL,
    refresh_hash TEXT NOT NULL,
    device_name TEXT NOT NULL,
    address_hash TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    last_seen_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    ended_at_ms BIGINT,
    PRIMARY KEY (game_id, session_id)
);

CREATE INDEX auth_session_player ON auth_session (game_id, player_id);

CREATE INDEX auth_session_ended ON auth_session (ended_at_ms);

CREATE INDEX auth_session_expires ON auth_session (expires_at_ms);
