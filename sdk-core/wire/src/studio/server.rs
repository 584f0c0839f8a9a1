//! What a game's own server may ask with a secret server key. Served beside the players' API.

use super::games::SessionsEnded;
use crate::auth::User;
use crate::endpoint::{None, endpoint};

endpoint!(
    /// Reads a player of the key's game. Needs the scope `players:read`.
    ServerGetPlayer, "server_get_player", Get "/api/v1/server/players/{user_id}", Server, 200, None, None => User);
endpoint!(
    /// Ends every session of a player of the key's game. Needs the scope `players:write`.
    ServerEndSessions, "server_end_sessions", Delete "/api/v1/server/players/{user_id}/sessions", Server, 200, None, None => SessionsEnded);
