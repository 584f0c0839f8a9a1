-- Data keys of players, each wrapped by an encryption key of the server.

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
