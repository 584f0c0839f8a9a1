//! Blocks: of whom one blocked one hears nothing, and neither can write to the other, invite or see the other.

mod db;

use super::config::{BLOCK_RATE, READ_RATE};
use crate::app::App;
use crate::auth::usernames;
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use crate::extract::{Caller, Path, Query};
use crate::http::{answer, mount};
use crate::multiplayer::presence;
use crate::page::Window;
use crate::ports::sql::{SqlError, Transaction};
use aethex_wire::ErrorCode;
use aethex_wire::endpoint::None as Nothing;
use aethex_wire::ids::PlayerId;
use aethex_wire::multiplayer::chat::{BLOCKS_MAX, Block, BlockPlayer, ListBlocks, UnblockPlayer};
use aethex_wire::page::PageQuery;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt;
use std::sync::Arc;

pub(super) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = mount::<BlockPlayer, _, _>(router, block_player);
    let router = mount::<UnblockPlayer, _, _>(router, unblock_player);
    mount::<ListBlocks, _, _>(router, list_blocks)
}

pub(super) fn blocked() -> Failure {
    Failure::new(ErrorCode::Blocked, "One of you blocked the other.")
}

/// Whether one of two blocked the other.
pub(super) async fn stands(tx: &mut Transaction, one: &PlayerId, other: &PlayerId) -> Result<bool, SqlError> {
    db::stands(tx, one, other).await
}

async fn block_player(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Outcome<Response> {
    app.multiplayer.limit("block", &caller.game, &caller.player, BLOCK_RATE)?;
    let id = PlayerId::parse(&id).ok_or_else(Failure::not_found)?;
    if id == caller.player {
        return Err(Failure::invalid("Nobody blocks themselves."));
    }
    if usernames(&app, &caller.game, std::slice::from_ref(&id)).await?.is_empty() {
        return Err(Failure::not_found());
    }
    let (player, other, now) = (caller.player.clone(), id.clone(), now_ms());
    let scope = app.sql.game(&caller.game);
    let put = scope.transaction(move |tx| {
        async move { db::put(tx, &player, &other, now, BLOCKS_MAX as i64).await.map_err(Failure::from) }
            .boxed()
    });
    if !put.await? {
        return Err(Failure::new(
            ErrorCode::TooLarge,
            format!("At most {BLOCKS_MAX} players can be blocked."),
        ));
    }
    presence::tell_both(&app, &caller.game, &caller.player, &id);
    Ok(answer::<BlockPlayer>(&Nothing {}))
}

async fn unblock_player(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Outcome<Response> {
    app.multiplayer.limit("block", &caller.game, &caller.player, BLOCK_RATE)?;
    let id = PlayerId::parse(&id).ok_or_else(Failure::not_found)?;
    if db::remove(&app.sql, &caller.game, &caller.player, &id).await? {
        presence::tell_both(&app, &caller.game, &caller.player, &id);
    }
    Ok(answer::<UnblockPlayer>(&Nothing {}))
}

async fn list_blocks(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Outcome<Response> {
    app.multiplayer.limit("chat_read", &caller.game, &caller.player, READ_RATE)?;
    let window = Window::of(&query)?;
    if !window.after.is_empty() && PlayerId::parse(&window.after).is_none() {
        return Err(Failure::invalid("`cursor` is not one of ours."));
    }
    let found = db::list(&app.sql, &caller.game, &caller.player, &window.after, window.rows()).await?;
    let page = window.page(found, |(player, _)| player.as_str().to_owned());
    let ids: Vec<PlayerId> = page.items.iter().map(|(player, _)| player.clone()).collect();
    let mut names = usernames(&app, &caller.game, &ids).await?;
    let told = |(player_id, since_ms): (PlayerId, i64)| {
        let username = names.remove(&player_id).unwrap_or_default();
        Block { player_id, username, since_ms }
    };
    let items = page.items.into_iter().map(told).collect();
    Ok(answer::<ListBlocks>(&aethex_wire::page::Page { items, next_cursor: page.next_cursor }))
}
