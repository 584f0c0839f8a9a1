//! What players show of themselves, and their settings.
//!
//! An avatar is drawn anew and put into the blob store, then a row names it, then the one before goes; one cut
//! off in between is swept. Its address holds a new id each time, so it can be kept by everyone for ever; it is
//! served to anyone while the profile is public, and to the player alone otherwise. Addresses begin with the
//! configured `public_url`; when that changes, stored ones follow at the next start.

mod avatar;
mod db;
mod preferences;

use super::limits::Rate;
use super::names;
use super::routes::refused_account;
use crate::app::App;
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::extract::{Caller, Json, MaybeCaller, Path, off_thread, read_body};
use crate::http::{answer, mount};
use crate::ports::sql::SqlError;
use aethex_wire::ErrorCode;
use aethex_wire::auth::profile::{
    AVATAR_LEN_MAX, DeleteAvatar, GetPreferences, GetPublicProfile, Preferences, PreferencesChange,
    PublicProfile, PutAvatar, PutPreferences,
};
use aethex_wire::auth::{GetProfile, ProfileChange, PutProfile, User, Visibility};
use aethex_wire::ids::{GameId, PlayerId, is_canonical};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing;
use http::{HeaderMap, HeaderValue, header};
use std::sync::Arc;
use std::time::Duration;

/// Where avatars are served.
const AVATARS_PATH: &str = "/api/v1/auth/avatars/";
/// First part of the keys of avatars in the blob store.
const FOLDER: &str = "avatar";
/// New avatars of a player: drawing one takes tens of milliseconds and tens of megabytes.
const AVATAR_RATE: Rate = Rate::of(20, 30_000);
/// Times a change of preferences is tried again when another came in between.
const PREFERENCES_TRIES: usize = 5;
/// How old an avatar without a row must be: far older than any request on its way to its row.
const ORPHAN_AGE: Duration = Duration::from_secs(3600);
/// Avatars looked at in one sweep.
const SWEEP_MAX: usize = 100_000;
/// Accounts looked at in one statement.
const BATCH: i64 = 1000;

pub(super) fn mount_routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = mount::<GetProfile, _, _>(router, get_profile);
    let router = mount::<PutProfile, _, _>(router, put_profile);
    let router = mount::<GetPublicProfile, _, _>(router, get_public_profile);
    let router = mount::<GetPreferences, _, _>(router, get_preferences);
    let router = mount::<PutPreferences, _, _>(router, put_preferences);
    let router = mount::<PutAvatar, _, _>(router, put_avatar);
    let router = mount::<DeleteAvatar, _, _>(router, delete_avatar);
    router.route("/api/v1/auth/avatars/{game_id}/{user_id}/{file}", routing::get(get_avatar))
}

async fn get_profile(State(app): State<Arc<App>>, caller: Caller) -> Outcome<Response> {
    let user = own(&app, &caller).await?;
    Ok(with_etag(answer::<GetProfile>(&user), user.version))
}

async fn own(app: &App, caller: &Caller) -> Outcome<User> {
    super::db::account(&app.sql, &caller.game, &caller.player).await?.ok_or_else(Failure::unauthenticated)
}

async fn put_profile(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Json(mut change): Json<ProfileChange>,
) -> Outcome<Response> {
    change.username = change.username.as_deref().map(names::clean_username).transpose()?;
    change.display_name = change.display_name.as_deref().map(names::clean_display_name).transpose()?;
    names::check_locale(change.locale.as_deref())?;
    let expected = expected_version(&headers)?;
    let changed =
        super::db::update_profile(&app.sql, &caller.game, &caller.player, change, expected, now_ms())
            .await
            .map_err(refused_account)?;
    match changed {
        Some(user) => Ok(with_etag(answer::<PutProfile>(&user), user.version)),
        None if expected.is_some() => Err(Failure::new(
            ErrorCode::ProfileConflict,
            "The profile changed since it was read: read it again, then repeat the change.",
        )),
        None => Err(Failure::unauthenticated()),
    }
}

/// What is shown to nobody is, for others, not there.
async fn get_public_profile(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(user_id): Path<String>,
) -> Outcome<Response> {
    let player = PlayerId::parse(&user_id).ok_or_else(Failure::not_found)?;
    let user = super::db::account(&app.sql, &caller.game, &player).await?;
    let user = user.filter(|user| user.visibility == Visibility::Public || user.id == caller.player);
    let user = user.ok_or_else(Failure::not_found)?;
    Ok(answer::<GetPublicProfile>(&PublicProfile {
        id: user.id,
        username: user.username,
        display_name: user.display_name,
        avatar_url: user.avatar_url,
    }))
}

async fn get_preferences(State(app): State<Arc<App>>, caller: Caller) -> Outcome<Response> {
    let found = stored_preferences(&app, &caller).await?;
    Ok(with_etag(answer::<GetPreferences>(&found), found.version))
}

async fn stored_preferences(app: &App, caller: &Caller) -> Outcome<Preferences> {
    match db::preferences(&app.sql, &caller.game, &caller.player).await? {
        Some((json, version)) => Ok(Preferences { values: preferences::decode(&json)?, version }),
        None => Ok(Preferences::default()),
    }
}

async fn put_preferences(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Json(change): Json<PreferencesChange>,
) -> Outcome<Response> {
    preferences::check(&change.values)?;
    let expected = expected_version(&headers)?;
    for _ in 0..PREFERENCES_TRIES {
        let before = stored_preferences(&app, &caller).await?;
        if expected.is_some_and(|expected| expected != before.version) {
            return Err(Failure::new(
                ErrorCode::PreferencesConflict,
                "The preferences changed since they were read: read them again, then repeat the change.",
            ));
        }
        let values = preferences::merge(before.values.clone(), change.values.clone())?;
        if values == before.values {
            return Ok(with_etag(answer::<PutPreferences>(&before), before.version));
        }
        let json = preferences::encode(&values)?;
        let (game, player) = (&caller.game, &caller.player);
        if db::put_preferences(&app.sql, game, player, json, before.version, now_ms()).await? {
            let after = Preferences { values, version: before.version + 1 };
            return Ok(with_etag(answer::<PutPreferences>(&after), after.version));
        }
    }
    // Others are faster all the time, or the player is gone.
    own(&app, &caller).await?;
    Err(Failure::overloaded())
}

async fn put_avatar(State(app): State<Arc<App>>, caller: Caller, body: Body) -> Outcome<Response> {
    let (game, player) = (&caller.game, &caller.player);
    app.auth.limiter.take(("avatar", game, player), AVATAR_RATE, now_ms()).map_err(Failure::rate_limited)?;
    let file = read_body(&app, body, AVATAR_LEN_MAX).await?;
    // A few wait for the one that is drawn: pictures must not hold up other work.
    let _waiting = app.auth.avatars_waiting.try_acquire().map_err(|_| Failure::overloaded())?;
    let drawing = app.auth.avatar_drawing.lock().await;
    let png = off_thread(&app, move || avatar::redraw(&file.bytes)).await?;
    drop(drawing);
    let key = format!("{FOLDER}/{game}/{player}/{}", new_id());
    let unavailable = |error: std::io::Error| Failure::blob(&error);
    app.blob.put(&key, png).await.map_err(unavailable)?;
    let url = address_of(&app.config.public_url, &key);
    let before = db::set_avatar(&app.sql, game, player, key.clone(), url, now_ms()).await?;
    let Some(before) = before else {
        remove(&app, &key).await;
        return Err(Failure::unauthenticated());
    };
    remove(&app, &before).await;
    let user = own(&app, &caller).await?;
    Ok(with_etag(answer::<PutAvatar>(&user), user.version))
}

async fn delete_avatar(State(app): State<Arc<App>>, caller: Caller) -> Outcome<Response> {
    let (game, player) = (&caller.game, &caller.player);
    let before = db::set_avatar(&app.sql, game, player, String::new(), String::new(), now_ms()).await?;
    remove(&app, &before.ok_or_else(Failure::unauthenticated)?).await;
    let user = own(&app, &caller).await?;
    Ok(with_etag(answer::<DeleteAvatar>(&user), user.version))
}

/// Removes an avatar that no row names any more; one that stays is swept later.
async fn remove(app: &App, key: &str) {
    if key.is_empty() {
        return;
    }
    if let Err(error) = app.blob.delete(key).await {
        tracing::warn!(%error, "cannot remove an avatar");
    }
}

/// The address of an avatar: absolute when the operator said where players reach the API.
fn address_of(public_url: &str, key: &str) -> String {
    let ids = key.strip_prefix(FOLDER).unwrap_or_default().trim_start_matches('/');
    format!("{}{AVATARS_PATH}{ids}.png", public_url.trim_end_matches('/'))
}

/// An avatar, for anyone: pictures are asked for without keys and tokens.
async fn get_avatar(
    State(app): State<Arc<App>>,
    MaybeCaller(caller): MaybeCaller,
    Path((game, player, file)): Path<(String, String, String)>,
) -> Outcome<Response> {
    let game = GameId::parse(&game).ok_or_else(Failure::not_found)?;
    let player = PlayerId::parse(&player).ok_or_else(Failure::not_found)?;
    let id = file.strip_suffix(".png").filter(|id| is_canonical(id)).ok_or_else(Failure::not_found)?;
    let key = format!("{FOLDER}/{game}/{player}/{id}");
    let visibility = db::visibility_of_avatar(&app.sql, &game, &player, &key).await?;
    let cached = match visibility.as_deref() {
        Some("public") => "public, max-age=31536000, immutable",
        Some(_) if caller.is_some_and(|caller| caller.game == game && caller.player == player) => "no-store",
        _ => return Err(Failure::not_found()),
    };
    let png = match app.blob.get(&key).await {
        Ok(png) => png,
        // Replaced between row and blob.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Failure::not_found()),
        Err(error) => return Err(Failure::blob(&error)),
    };
    let headers = [(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, cached)];
    Ok((headers, png).into_response())
}

fn with_etag(mut response: Response, version: i64) -> Response {
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

/// `If-Match: "7"`; `*` and none mean any.
fn expected_version(headers: &HeaderMap) -> Outcome<Option<i64>> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    if text == "*" {
        return Ok(None);
    }
    let version = text.trim_matches('"').parse();
    version.map(Some).map_err(|_| Failure::invalid("`If-Match` is not an `ETag` of this."))
}

/// Gives stored avatars the addresses of the present `public_url`.
pub(super) async fn readdress(app: &App) -> Result<(), SqlError> {
    let mut after = (String::new(), String::new());
    loop {
        let batch = db::avatars(&app.sql, after, BATCH).await?;
        let Some(last) = batch.last() else { return Ok(()) };
        after = (last.game.clone(), last.player.clone());
        let public_url = app.config.public_url.clone();
        db::readdress(&app.sql, batch, move |key| address_of(&public_url, key)).await?;
    }
}

/// Removes avatars that no row names: their request was cut off, or their account is gone.
pub(super) async fn sweep(app: &App) -> Result<(), String> {
    let ours = |folder: &str| folder == FOLDER;
    let keys = app.blob.older_than(ORPHAN_AGE, SWEEP_MAX, ours).await.map_err(|error| error.to_string())?;
    for key in keys {
        let mut parts = key.split('/').skip(1);
        let game = parts.next().and_then(GameId::parse);
        let (Some(game), Some(player)) = (game, parts.next().and_then(PlayerId::parse)) else { continue };
        let named = db::visibility_of_avatar(&app.sql, &game, &player, &key).await;
        if named.map_err(|error| error.to_string())?.is_none() {
            remove(app, &key).await;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_avatar_is_addressed_through_the_public_url() {
        let path = "/api/v1/auth/avatars/g/p/a.png";
        assert_eq!(address_of("", "avatar/g/p/a"), path);
        assert_eq!(address_of("https://x.example/", "avatar/g/p/a"), format!("https://x.example{path}"));
    }
}
