-- The studio's side: people, organisations, projects, keys, audit. None of it belongs to one game, so it is
-- read over all games.

ALTER TABLE auth_client_key ADD COLUMN name TEXT NOT NULL DEFAULT '';

ALTER TABLE auth_client_key ADD COLUMN revoked_at_ms BIGINT;

CREATE INDEX auth_client_key_game ON auth_client_key (game_id);

CREATE TABLE studio_person (
    person_id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    email_folded TEXT NOT NULL,
    display_name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    -- Sealed under a key of the server. The pending one holds nothing before its first code.
    totp_sealed TEXT NOT NULL DEFAULT '',
    totp_pending TEXT NOT NULL DEFAULT '',
    -- The newest time step whose code was used.
    totp_step BIGINT NOT NULL DEFAULT 0,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);

CREATE UNIQUE INDEX studio_person_email_folded_key ON studio_person (email_folded);

CREATE TABLE studio_recovery_code (
    person_id TEXT NOT NULL,
    code_hash TEXT NOT NULL,
    PRIMARY KEY (person_id, code_hash)
);

CREATE TABLE studio_session (
    session_id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL,
    token_hash TEXT NOT NULL,
    device_name TEXT NOT NULL,
    address_hash TEXT NOT NULL,
    second_factor BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    last_seen_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);

CREATE UNIQUE INDEX studio_session_token_key ON studio_session (token_hash);

CREATE INDEX studio_session_person ON studio_session (person_id);

CREATE INDEX studio_session_expires ON studio_session (expires_at_ms);

-- Addresses from which a person has logged in: strangers cannot use up their attempts.
CREATE TABLE studio_familiar (
    person_id TEXT NOT NULL,
    address_hash TEXT NOT NULL,
    seen_at_ms BIGINT NOT NULL,
    PRIMARY KEY (person_id, address_hash)
);

CREATE INDEX studio_familiar_seen ON studio_familiar (seen_at_ms);

CREATE TABLE studio_org (
    org_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    require_second_factor BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);

CREATE UNIQUE INDEX studio_org_name_folded_key ON studio_org (name_folded);

-- A role is the name of a built-in one, or an id of studio_role.
CREATE TABLE studio_member (
    org_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    role TEXT NOT NULL,
    joined_at_ms BIGINT NOT NULL,
    PRIMARY KEY (org_id, person_id)
);

CREATE INDEX studio_member_person ON studio_member (person_id);

CREATE TABLE studio_role (
    org_id TEXT NOT NULL,
    role_id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    permissions TEXT NOT NULL,
    PRIMARY KEY (org_id, role_id)
);

CREATE UNIQUE INDEX studio_role_name_folded_key ON studio_role (org_id, name_folded);

CREATE TABLE studio_invitation (
    org_id TEXT NOT NULL,
    invitation_id TEXT NOT NULL,
    email TEXT NOT NULL,
    email_folded TEXT NOT NULL,
    role TEXT NOT NULL,
    code_hash TEXT NOT NULL,
    invited_by TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    PRIMARY KEY (org_id, invitation_id)
);

CREATE UNIQUE INDEX studio_invitation_code_key ON studio_invitation (code_hash);

CREATE INDEX studio_invitation_expires ON studio_invitation (expires_at_ms);

CREATE TABLE studio_team (
    org_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (org_id, team_id)
);

CREATE UNIQUE INDEX studio_team_name_folded_key ON studio_team (org_id, name_folded);

CREATE TABLE studio_team_member (
    org_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    PRIMARY KEY (org_id, team_id, person_id)
);

CREATE TABLE studio_team_project (
    org_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    PRIMARY KEY (org_id, team_id, project_id)
);

CREATE TABLE studio_project (
    org_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (org_id, project_id)
);

CREATE UNIQUE INDEX studio_project_name_folded_key ON studio_project (org_id, name_folded);

CREATE TABLE studio_environment (
    game_id TEXT NOT NULL PRIMARY KEY REFERENCES auth_game (game_id),
    org_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    kind TEXT NOT NULL
);

CREATE UNIQUE INDEX studio_environment_kind_key ON studio_environment (org_id, project_id, kind);

CREATE TABLE studio_server_key (
    game_id TEXT NOT NULL REFERENCES auth_game (game_id),
    key_id TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    previous_hash TEXT NOT NULL DEFAULT '',
    previous_until_ms BIGINT,
    created_at_ms BIGINT NOT NULL,
    last_used_at_ms BIGINT,
    expires_at_ms BIGINT,
    revoked_at_ms BIGINT,
    PRIMARY KEY (game_id, key_id)
);

CREATE UNIQUE INDEX studio_server_key_key ON studio_server_key (key_id);

-- Only inserted into, but for what is old and for players who are erased. The org is empty for acts on what belongs to none.
CREATE TABLE studio_audit (
    org_id TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor TEXT NOT NULL,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target_id TEXT NOT NULL,
    before_json TEXT NOT NULL,
    after_json TEXT NOT NULL,
    PRIMARY KEY (org_id, entry_id)
);
