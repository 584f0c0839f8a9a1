//! Invitations to rooms and parties. While one stands it opens a private room to the invited one; it ends with its
//! time, with what it leads to, when it is declined or taken back.

mod db;

use super::config::{INVITE_RATE, INVITES_MAX, LOOK_RATE, SWEEP_BATCH};
use super::rooms::Asker;
use super::{parties, presence, rooms};
use crate::app::App;
use crate::auth::usernames;
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::extract::{Caller, Json, Path, Query};
use crate::http::{answer, mount};
use crate::page::Window;
use crate::ports::sql::{Sql, SqlError, Transaction};
use aethex_wire::ErrorCode;
use aethex_wire::endpoint::None as Nothing;
use aethex_wire::ids::{InviteId, PartyId, PlayerId};
use aethex_wire::multiplayer::events::ServerEvent;
use aethex_wire::multiplayer::presence::{
    DeleteInvite, INVITE_MS, Invite, InviteRequest, ListInvites, SendInvite,
};
use aethex_wire::page::PageQuery;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<App>> {
    let router = mount::<SendInvite, _, _>(Router::new(), send_invite);
    let router = mount::<ListInvites, _, _>(router, list_invites);
    mount::<DeleteInvite, _, _>(router, delete_invite)
}

fn not_found() -> Failure {
    Failure::new(ErrorCode::InviteNotFound, "No invitation with this id stands.")
}

async fn send_invite(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(request): Json<InviteRequest>,
) -> Outcome<Response> {
    app.multiplayer.limit("invite", &caller.game, &caller.player, INVITE_RATE)?;
    let InviteRequest { player_id: to, room_id, party_id } = request;
    if to == caller.player {
        return Err(Failure::invalid("Nobody invites themselves."));
    }
    let asker = Asker::of(&caller);
    let code = match (&room_id, &party_id) {
        (Some(room), None) => rooms::invites_to(&app, asker, room, &to).await?,
        (None, Some(party)) => parties::invites_to(&app, asker, party).await?,
        _ => return Err(Failure::invalid("Name one of `room_id` and `party_id`.")),
    };
    let mut names = usernames(&app, &caller.game, &[to.clone(), caller.player.clone()]).await?;
    if !names.contains_key(&to) {
        return Err(Failure::not_found());
    }
    if presence::blocked_among(&app, &caller.game, &caller.player, std::slice::from_ref(&to))
        .await?
        .contains(&to)
    {
        return Err(Failure::new(ErrorCode::Blocked, "One of you blocked the other."));
    }
    let now = now_ms();
    let invite = Invite {
        id: InviteId::parse(&new_id()).expect("ids are made in their canonical spelling"),
        from_id: caller.player.clone(),
        from_username: names.remove(&caller.player).unwrap_or_default(),
        to_id: to,
        room_id,
        party_id,
        code,
        created_at_ms: now,
        expires_at_ms: now + INVITE_MS,
    };
    let row = invite.clone();
    let scope = app.sql.game(&caller.game);
    let put = scope.transaction(move |tx| {
        async move { db::put(tx, &row, INVITES_MAX).await.map_err(Failure::from) }.boxed()
    });
    if !put.await? {
        return Err(Failure::rate_limited(INVITE_MS.unsigned_abs() / 1000));
    }
    app.multiplayer.hub.tell(&caller.game, &invite.to_id, &ServerEvent::InviteReceived(invite.clone()));
    Ok(answer::<SendInvite>(&invite))
}

async fn list_invites(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Outcome<Response> {
    app.multiplayer.limit("look", &caller.game, &caller.player, LOOK_RATE)?;
    let window = Window::of(&query)?;
    if !window.after.is_empty() && InviteId::parse(&window.after).is_none() {
        return Err(Failure::invalid("`cursor` is not one of ours."));
    }
    let rows = window.rows();
    let found = db::list(&app.sql, &caller.game, &caller.player, &window.after, now_ms(), rows).await?;
    let mut page = window.page(found, |invite| invite.id.as_str().to_owned());
    let from: Vec<PlayerId> = page.items.iter().map(|invite| invite.from_id.clone()).collect();
    let names = usernames(&app, &caller.game, &from).await?;
    for invite in &mut page.items {
        invite.from_username = names.get(&invite.from_id).cloned().unwrap_or_default();
    }
    Ok(answer::<ListInvites>(&page))
}

async fn delete_invite(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Outcome<Response> {
    let id = InviteId::parse(&id).ok_or_else(not_found)?;
    let removed = db::remove(&app.sql, &caller.game, &id, &caller.player).await?;
    let (from, to) = removed.ok_or_else(not_found)?;
    let other = if from == caller.player { to } else { from };
    app.multiplayer.hub.tell(&caller.game, &other, &ServerEvent::InviteEnded { invite_id: id });
    Ok(answer::<DeleteInvite>(&Nothing {}))
}

/// Forgets a player's invitations to a party: they served.
pub(super) async fn forget_party(
    tx: &mut Transaction,
    party: &PartyId,
    player: &PlayerId,
) -> Result<(), SqlError> {
    db::forget_party(tx, party, player).await
}

/// Removes invitations that no longer stand.
pub(super) async fn sweep(sql: &Sql, now_ms: i64) -> Result<(), SqlError> {
    while db::sweep(sql, now_ms, SWEEP_BATCH).await? == SWEEP_BATCH as u64 {}
    Ok(())
}
