//! The merge of a kept guest into the account of the player who is logged in.
//!
//! First what this device has not sent of the guest's saves goes to the guest's account, as the guest; then
//! the server moves everything, in one step; then this device's offline copies follow. Nothing else sends
//! saves meanwhile. When the answer is lost, the guest's session tells whether it was done: it ends with the
//! guest.

use super::profile;
use crate::cloud::Shared;
use crate::http::Request;
use crate::{Error, MergeChoice, PlayerId, User};
use aethex_wire::ErrorCode;
use aethex_wire::auth::identities::{MergeAccount, MergeRequest};
use aethex_wire::endpoint::None as Nothing;
use std::sync::Arc;

/// How often the merge is asked for when answers are lost.
const ATTEMPTS_MAX: u32 = 3;

pub(crate) async fn merge_guest(shared: &Arc<Shared>, slots: Option<MergeChoice>) -> Result<User, Error> {
    let player = shared.session.player().await?;
    let Some(guest) = shared.session.kept_guest() else {
        return Err(Error::argument("no guest is kept: log in with keep_guest while the guest is logged in"));
    };
    let drained = crate::saves::drain(shared, &guest.id).await.map_err(|error| {
        let message = format!(
            "the guest has a save that cannot be sent, and nothing was merged (as the guest: {})",
            error.message
        );
        Error { message, ..error }
    })?;
    let user = ask(shared, &player, &guest.id, slots).await?;
    if let Err(error) = shared.session.guest_is_merged().await {
        tracing::warn!(code = error.code.as_str(), "the merged guest's session stays on the disk");
    }
    drained.inherit(shared, &player, &guest.id).await;
    profile::keep(shared, user).await
}

/// Asks for the merge until the answer is known.
async fn ask(
    shared: &Arc<Shared>,
    player: &PlayerId,
    guest: &PlayerId,
    slots: Option<MergeChoice>,
) -> Result<User, Error> {
    let mut attempt = 1;
    loop {
        // An earlier call may have been answered, with the answer lost.
        let asked_before = shared.session.merge_was_asked(guest);
        let token = match shared.session.newest_refresh_token(guest).await {
            Err(error) if asked_before && is_over(&error) => return profile::read(shared).await,
            Err(error) if is_over(&error) => return Err(guest_is_over(error)),
            token => token?,
        };
        shared.session.merge_is_asked(guest, true);
        let body = MergeRequest { other_refresh_token: token, slots };
        let request = Request::of::<MergeAccount>(&[], &Nothing {}).json(&body);
        match shared.session.send(player, &request).await {
            Ok(answer) => return answer.json::<MergeAccount>(),
            Err(error) if is_lost(&error) && attempt < ATTEMPTS_MAX => {
                tracing::debug!(code = error.code.as_str(), attempt, "the merge is asked for again");
                attempt += 1;
            }
            Err(error) => {
                if !is_lost(&error) {
                    shared.session.merge_is_asked(guest, false);
                }
                return Err(error);
            }
        }
    }
}

/// Whether the server may have done it all the same.
fn is_lost(error: &Error) -> bool {
    matches!(
        error.code,
        ErrorCode::Offline
            | ErrorCode::Timeout
            | ErrorCode::Internal
            | ErrorCode::Protocol
            | ErrorCode::Unknown
    )
}

/// Whether the guest has no session any more.
fn is_over(error: &Error) -> bool {
    matches!(error.code, ErrorCode::SessionEnded | ErrorCode::Unauthenticated | ErrorCode::NotLoggedIn)
}

fn guest_is_over(error: Error) -> Error {
    let message = "the guest's session has ended: log in as the guest, then here again with keep_guest";
    Error { code: ErrorCode::SessionEnded, message: message.to_owned(), ..error }
}
