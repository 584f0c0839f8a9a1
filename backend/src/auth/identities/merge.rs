//! Merging one account into another: everything moves in one transaction, then the other account is gone.
//!
//! The caller is logged in to the account that stays, and proves with a refresh token that the other one is
//! theirs too. Slots that both have are reported first; nothing changes until the player has chosen. No
//! version is lost by any choice.

use super::super::config::FRESH_LOGIN_MS;
use super::super::db as accounts;
use super::super::email::{self, put_notice};
use super::super::sessions;
use super::{db, notice_of_way, own, routes};
use crate::app::App;
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use crate::extract::{Caller, Json};
use crate::http::answer;
use crate::mail::Mail;
use crate::ports::sql::{SqlError, Transaction};
use aethex_wire::ErrorCode;
use aethex_wire::auth::User;
use aethex_wire::auth::identities::{MergeAccount, MergeConflict, MergeRequest};
use aethex_wire::auth::profile::{PREFERENCES_LEN_MAX, PREFERENCES_MAX};
use aethex_wire::ids::{GameId, PlayerId, SessionId};
use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt;
use serde_json::{Map, Value};
use std::sync::Arc;

pub(super) async fn merge_account(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(request): Json<MergeRequest>,
) -> Outcome<Response> {
    let game = &caller.game;
    let (session, other) = routes::session_of(&app, game, Some(&request.other_refresh_token)).await?;
    let other = PlayerId::parse(&other).ok_or_else(Failure::unauthenticated)?;
    if other == caller.player {
        return Err(Failure::invalid("Both sessions are of the same account: there is nothing to merge."));
    }
    let mine = own(&app, &caller).await?;
    email::require_fresh(&app, &caller, &mine).await?;
    let gone = prove_fresh(&app, game, &session, &other).await?;
    // Whoever reads the mail of the account that goes should know.
    let of = caller.player.clone();
    let told =
        notice_of_way(game, &gone, "password", "unlinked").map(|mail| Mail { player: Some(of), ..mail });
    let told = [told, notice_of_way(game, &mine, "device", "linked")];
    let (choice, player, gone) = (request.slots, caller.player.clone(), other.clone());
    let (ended, avatar, left) = app
        .sql
        .game(game)
        .transaction(move |transaction| {
            async move {
                // Always in the same order, so that two merges the other way round do not wait for each other.
                let mut both = [&player, &gone];
                both.sort_unstable();
                for account in both {
                    if !db::hold(transaction, account).await? {
                        return Err(Failure::unauthenticated());
                    }
                }
                let slots = crate::saves::merge(transaction, &gone, &player, choice).await?;
                if !slots.is_empty() {
                    return Err(Failure::merge_conflict(MergeConflict { other: gone, slots }));
                }
                merge_preferences(transaction, &gone, &player).await?;
                db::move_all(transaction, &gone, &player).await?;
                crate::privacy::merge(transaction, &gone, &player).await?;
                crate::studio::merge(transaction, &gone, &player).await?;
                let left = crate::multiplayer::merge(transaction, &gone, &player).await?;
                let ended = sessions::db::end_all(transaction, &gone, now_ms()).await?;
                sessions::db::hand_over(transaction, &gone, &player).await?;
                for mail in &told {
                    put_notice(transaction, mail.as_ref()).await?;
                }
                let avatar = db::remove_account(transaction, &gone).await?;
                db::judge_guest(transaction, &player).await?;
                Ok((ended, avatar, left))
            }
            .boxed()
        })
        .await?;
    app.auth.end_named(&ended);
    crate::saves::forget(&app, game, &other, &caller.player);
    crate::multiplayer::tell_left(&app, game, &other, &left);
    if let Some(avatar) = avatar.filter(|key| !key.is_empty()) {
        let _ = app.blob.delete(&avatar).await;
    }
    crate::privacy::forget_blobs(&app, &crate::privacy::Subject { game: game.clone(), player: other }).await;
    app.jobs.wake();
    Ok(answer::<MergeAccount>(&own(&app, &caller).await?))
}

/// A guest's account may be merged by its session. One with other ways in has an owner who is asked to log in
/// just before, so that a stolen session is not the end of the account.
async fn prove_fresh(app: &App, game: &GameId, session: &SessionId, other: &PlayerId) -> Outcome<User> {
    let account = accounts::account(&app.sql, game, other).await?.ok_or_else(Failure::unauthenticated)?;
    if account.is_guest {
        return Ok(account);
    }
    let began = sessions::db::began_at_ms(&app.sql, game, session).await?;
    match began.is_some_and(|at| now_ms() - at < FRESH_LOGIN_MS) {
        true => Ok(account),
        false => Err(Failure::new(
            ErrorCode::LoginRequired,
            "The other account is not a guest's: log in to it again, then merge within ten minutes.",
        )),
    }
}

/// Settings that only the other account has are kept.
async fn merge_preferences(
    transaction: &mut Transaction,
    from: &PlayerId,
    to: &PlayerId,
) -> Result<(), SqlError> {
    let parse = |json: Option<String>| -> Map<String, Value> {
        json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default()
    };
    let other = parse(db::preferences(transaction, from).await?);
    let mut merged = parse(db::preferences(transaction, to).await?);
    let before = merged.len();
    for (key, value) in other {
        if merged.len() < PREFERENCES_MAX {
            merged.entry(key).or_insert(value);
        }
    }
    let json = Value::Object(merged.clone()).to_string();
    if merged.len() > before && json.len() <= PREFERENCES_LEN_MAX {
        db::set_preferences(transaction, to, &json, now_ms()).await?;
    }
    Ok(())
}
