-- Rooms, parties, matchmaking, chat, blocks, invitations. What is in a room's relay lives in memory; this is what
-- outlives it.

-- Servers that have a relay. One that says nothing for a while is gone, and others take its rooms over.
CREATE TABLE multiplayer_node (
    node TEXT NOT NULL PRIMARY KEY,
    -- Which machine and address: a server that starts there takes the place of the one before.
    place TEXT NOT NULL,
    -- Where players reach its relay, as JSON.
    relay TEXT NOT NULL,
    until_ms BIGINT NOT NULL
);

CREATE TABLE multiplayer_room (
    game_id TEXT NOT NULL,
    room_id TEXT NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    -- The name in small letters, for searching.
    name_key TEXT NOT NULL,
    mode TEXT NOT NULL,
    region TEXT NOT NULL,
    host_id TEXT,
    max_players BIGINT NOT NULL,
    -- Seats taken: kept by the statements that take and give them.
    player_count BIGINT NOT NULL,
    visibility TEXT NOT NULL,
    locked BIGINT NOT NULL,
    password_hash TEXT,
    metadata TEXT NOT NULL,
    tick_ms BIGINT NOT NULL,
    interest_radius BIGINT NOT NULL,
    -- The match that it was made for.
    match_id TEXT,
    -- The relay that has it.
    node TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    -- Since when nobody has been in it.
    empty_since_ms BIGINT,
    -- When free seats are filled from the match's queue: `automatic`, `manual`, `off`.
    backfill TEXT NOT NULL,
    -- Since when it asks the queue for players.
    filling_since_ms BIGINT,
    PRIMARY KEY (game_id, room_id)
);

CREATE UNIQUE INDEX multiplayer_room_code ON multiplayer_room (game_id, code);
CREATE INDEX multiplayer_room_list ON multiplayer_room (game_id, visibility, room_id);
CREATE INDEX multiplayer_room_empty ON multiplayer_room (empty_since_ms);
CREATE INDEX multiplayer_room_node ON multiplayer_room (node);
CREATE INDEX multiplayer_room_filling ON multiplayer_room (game_id, mode, filling_since_ms);
CREATE INDEX multiplayer_room_host ON multiplayer_room (game_id, host_id);

CREATE TABLE multiplayer_seat (
    game_id TEXT NOT NULL,
    room_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    joined_at_ms BIGINT NOT NULL,
    -- When the player last asked for a ticket.
    asked_at_ms BIGINT NOT NULL,
    -- Until when the seat is held for one whom the relay has not seen; NULL when it has.
    held_until_ms BIGINT,
    PRIMARY KEY (game_id, room_id, player_id)
);

CREATE INDEX multiplayer_seat_player ON multiplayer_seat (game_id, player_id);
CREATE INDEX multiplayer_seat_held ON multiplayer_seat (held_until_ms);

-- Who may come into a room that is private, and who may not come into one at all.
CREATE TABLE multiplayer_room_pass (
    game_id TEXT NOT NULL,
    room_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    banned BIGINT NOT NULL,
    PRIMARY KEY (game_id, room_id, player_id)
);

CREATE INDEX multiplayer_room_pass_player ON multiplayer_room_pass (game_id, player_id);

CREATE TABLE multiplayer_party (
    game_id TEXT NOT NULL,
    party_id TEXT NOT NULL,
    code TEXT NOT NULL,
    leader_id TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, party_id)
);

CREATE UNIQUE INDEX multiplayer_party_code ON multiplayer_party (game_id, code);

-- A player is in one party: the key says so.
CREATE TABLE multiplayer_party_player (
    game_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    party_id TEXT NOT NULL,
    ready BIGINT NOT NULL,
    joined_at_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, player_id)
);

CREATE INDEX multiplayer_party_players ON multiplayer_party_player (game_id, party_id);

CREATE TABLE multiplayer_queue (
    game_id TEXT NOT NULL,
    mode TEXT NOT NULL,
    rules TEXT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, mode)
);

CREATE TABLE multiplayer_ticket (
    game_id TEXT NOT NULL,
    ticket_id TEXT NOT NULL,
    mode TEXT NOT NULL,
    -- The request, as JSON.
    request TEXT NOT NULL,
    status TEXT NOT NULL,
    match_id TEXT,
    created_at_ms BIGINT NOT NULL,
    ended_at_ms BIGINT,
    PRIMARY KEY (game_id, ticket_id)
);

CREATE INDEX multiplayer_ticket_open ON multiplayer_ticket (status, game_id, mode);
CREATE INDEX multiplayer_ticket_ended ON multiplayer_ticket (ended_at_ms);

-- Who is on a ticket. `open` is 1 while the ticket is; the index keeps a player to one open ticket.
CREATE TABLE multiplayer_ticket_player (
    game_id TEXT NOT NULL,
    ticket_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    open BIGINT,
    PRIMARY KEY (game_id, ticket_id, player_id)
);

CREATE UNIQUE INDEX multiplayer_ticket_one ON multiplayer_ticket_player (game_id, player_id, open);

CREATE TABLE multiplayer_match (
    game_id TEXT NOT NULL,
    match_id TEXT NOT NULL,
    mode TEXT NOT NULL,
    region TEXT NOT NULL,
    room_id TEXT,
    -- proposed, found, settled, cancelled
    status TEXT NOT NULL,
    accept_by_ms BIGINT,
    created_at_ms BIGINT NOT NULL,
    settled_at_ms BIGINT,
    PRIMARY KEY (game_id, match_id)
);

CREATE INDEX multiplayer_match_status ON multiplayer_match (status, accept_by_ms);
CREATE INDEX multiplayer_match_created ON multiplayer_match (created_at_ms);

CREATE TABLE multiplayer_match_player (
    game_id TEXT NOT NULL,
    match_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    ticket_id TEXT NOT NULL,
    team TEXT NOT NULL,
    -- NULL: no word yet.
    accepted BIGINT,
    -- The player's report of the result, as JSON.
    report TEXT,
    PRIMARY KEY (game_id, match_id, player_id)
);

CREATE INDEX multiplayer_match_of_player ON multiplayer_match_player (game_id, player_id);

-- Declined or left matches: the more of late, the longer the wait.
CREATE TABLE multiplayer_penalty (
    game_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    count BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, player_id)
);

CREATE TABLE multiplayer_rating (
    game_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    mode TEXT NOT NULL,
    -- In thousandths; the volatility in billionths.
    rating BIGINT NOT NULL,
    deviation BIGINT NOT NULL,
    volatility BIGINT NOT NULL,
    matches BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, player_id, mode)
);

-- A channel's key is its kind and what it belongs to; of two players' direct channel both ids, the lesser first.
CREATE TABLE multiplayer_message (
    game_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    message_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    text TEXT NOT NULL,
    sent_at_ms BIGINT NOT NULL,
    edited_at_ms BIGINT,
    deleted BIGINT NOT NULL,
    -- What its writer called it, to send it twice and say it once; and a hash of the request, until it is deleted.
    idempotency_key TEXT,
    request_hash TEXT,
    PRIMARY KEY (game_id, channel, message_id)
);

CREATE UNIQUE INDEX multiplayer_message_once ON multiplayer_message (game_id, player_id, idempotency_key);
CREATE INDEX multiplayer_message_player ON multiplayer_message (game_id, player_id, message_id);
CREATE INDEX multiplayer_message_sent ON multiplayer_message (sent_at_ms);

-- Who is in a channel, and how far the player has read. `last_id` is the channel's newest message, for the list of
-- conversations.
CREATE TABLE multiplayer_channel_player (
    game_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    read_id TEXT NOT NULL,
    last_id TEXT NOT NULL,
    PRIMARY KEY (game_id, player_id, channel)
);

CREATE INDEX multiplayer_channel_players ON multiplayer_channel_player (game_id, channel, player_id);

CREATE TABLE multiplayer_block (
    game_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    blocked_id TEXT NOT NULL,
    since_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, player_id, blocked_id)
);

CREATE INDEX multiplayer_block_other ON multiplayer_block (game_id, blocked_id);

CREATE TABLE multiplayer_report (
    game_id TEXT NOT NULL,
    report_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    about_id TEXT NOT NULL,
    message_id TEXT,
    -- What the message said when it was reported.
    message_text TEXT,
    reason TEXT NOT NULL,
    text TEXT NOT NULL,
    reported_at_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, report_id)
);

CREATE INDEX multiplayer_report_by ON multiplayer_report (game_id, player_id);
CREATE INDEX multiplayer_report_about ON multiplayer_report (game_id, about_id);
CREATE INDEX multiplayer_report_at ON multiplayer_report (reported_at_ms);

CREATE TABLE multiplayer_invite (
    game_id TEXT NOT NULL,
    invite_id TEXT NOT NULL,
    from_id TEXT NOT NULL,
    to_id TEXT NOT NULL,
    room_id TEXT,
    party_id TEXT,
    code TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, invite_id)
);

CREATE INDEX multiplayer_invite_to ON multiplayer_invite (game_id, to_id, invite_id);
CREATE INDEX multiplayer_invite_from ON multiplayer_invite (game_id, from_id);
CREATE INDEX multiplayer_invite_expires ON multiplayer_invite (expires_at_ms);

-- When a player was last here, and what the player shows.
CREATE TABLE multiplayer_presence (
    game_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    availability TEXT NOT NULL,
    status TEXT NOT NULL,
    data TEXT NOT NULL,
    seen_at_ms BIGINT NOT NULL,
    PRIMARY KEY (game_id, player_id)
);

CREATE INDEX multiplayer_presence_seen ON multiplayer_presence (seen_at_ms);
