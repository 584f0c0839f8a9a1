//! Taking an account over: by what was begun before the owner shut the door, by a session somebody found, by
//! being there first.

use crate::mailbox::{code_in, mails_to};
use aethex_tests::app::password_of;
use aethex_tests::{App, Client, Engine, Player, Reply, app, on_both_engines};
use aethex_wire::ErrorCode;
use aethex_wire::auth::{LoggedIn, User};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const PROFILE: &str = "/api/v1/auth/profile";
const MERGE: &str = "/api/v1/auth/merge";
const LINK_EMAIL: &str = "/api/v1/auth/email/link";
/// Logins that go on while the door is shut.
const LOGINS_AT_ONCE: usize = 6;

async fn post(player: &Player, path: &str, body: Value) -> Reply {
    player.call(Method::POST, path).json(&body).send().await
}

async fn guest(client: &Client, seed: u8) -> Player {
    let key =
        URL_SAFE_NO_PAD.encode((0..32).map(|at| seed.wrapping_mul(7).wrapping_add(at)).collect::<Vec<u8>>());
    let reply = client.post("/api/v1/auth/guest").json(&json!({ "device_key": key })).send().await;
    Player::new(client.clone(), "guest", reply.expect(200).json())
}

async fn verify(app: &App, code: &str) -> Reply {
    app.post("/api/v1/auth/email/verify").json(&json!({ "code": code })).send().await
}

async fn reset(app: &App, email: &str, mails_before: usize, password: &str) {
    app.post("/api/v1/auth/password/forgot").json(&json!({ "email": email })).send().await.expect(204);
    let code = code_in(mails_to(app, email, mails_before + 1).await.last().unwrap());
    let body = json!({ "code": code, "new_password": password });
    app.post("/api/v1/auth/password/reset").json(&body).send().await.expect(204);
}

/// Logs in again and again until told to stop; every session it was given.
async fn log_in(client: Client, path: &'static str, body: Value, stop: Arc<AtomicBool>) -> Vec<LoggedIn> {
    let mut given = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let reply = client.post(path).json(&body).send().await;
        if reply.status == 200 {
            given.push(reply.json());
        }
    }
    given
}

/// Runs `act` amid logins; the sessions that they were given.
async fn amid_logins(
    app: &App,
    path: &'static str,
    body: Value,
    act: impl Future<Output = ()>,
) -> Vec<Player> {
    let stop = Arc::new(AtomicBool::new(false));
    let logins: Vec<_> = (0..LOGINS_AT_ONCE)
        .map(|_| tokio::spawn(log_in(app.client().clone(), path, body.clone(), stop.clone())))
        .collect();
    act.await;
    stop.store(true, Ordering::Relaxed);
    let mut given = Vec::new();
    for login in logins {
        given.extend(login.await.unwrap());
    }
    given.into_iter().map(|logged_in| Player::new(app.client().clone(), "x", logged_in)).collect()
}

on_both_engines! {
    async fn a_change_of_email_under_way_does_not_survive_a_new_password(app) {
        for (number, by_mail) in [(1, true), (2, false)] {
            let ann = app.as_player(&format!("ann{number}")).await;
            let thief = format!("thief{number}@example.com");
            let body = json!({ "email": thief, "password": password_of(&ann.name) });
            post(&ann, "/api/v1/auth/email/change", body).await.expect(204);
            let code = code_in(&mails_to(app, &thief, 1).await[0]);
            if by_mail {
                reset(app, &ann.user.email, 1, "another horse").await;
            } else {
                let body = json!({ "password": password_of(&ann.name), "new_password": "another horse" });
                post(&ann, "/api/v1/auth/password/change", body).await.expect(200);
            }
            verify(app, &code).await.refused(ErrorCode::InvalidCode);
            let again: LoggedIn = app.login(&ann.user.email, "another horse").send().await.expect(200).json();
            assert_eq!(again.user.email, ann.user.email);
        }
    }

    async fn logins_under_way_do_not_survive_a_new_password(app) {
        let ann = app.as_player("ann").await;
        let body = json!({ "email": ann.user.email, "password": password_of("ann") });
        let given = amid_logins(app, "/api/v1/auth/login", body, async {
            let body = json!({ "password": password_of("ann"), "new_password": "another horse" });
            post(&ann, "/api/v1/auth/password/change", body).await.expect(200);
        })
        .await;
        for player in given {
            player.get(PROFILE).send().await.refused(ErrorCode::SessionEnded);
            player.refresh(&player.tokens.refresh_token).await.refused(ErrorCode::SessionEnded);
        }
    }

    async fn logins_under_way_do_not_bring_a_merged_account_back(app) {
        let (ann, other) = (app.as_player("ann").await, guest(app.client(), 1).await);
        let key = URL_SAFE_NO_PAD.encode((0..32).map(|at| 7_u8.wrapping_add(at)).collect::<Vec<u8>>());
        let given = amid_logins(app, "/api/v1/auth/guest", json!({ "device_key": key }), async {
            post(&ann, MERGE, json!({ "other_refresh_token": other.tokens.refresh_token })).await.expect(200);
        })
        .await;
        for player in given.iter().filter(|player| player.id() == other.id()) {
            player.get(PROFILE).send().await.refused(ErrorCode::SessionEnded);
            player.refresh(&player.tokens.refresh_token).await.refused(ErrorCode::SessionEnded);
        }
    }

    async fn who_was_there_before_the_address_was_verified_is_out_after_a_reset(app) {
        let squatter = guest(app.client(), 1).await;
        post(&squatter, LINK_EMAIL, json!({ "email": "victim@example.com", "password": "squatting horse" })).await
            .expect(200);
        // The victim presses the button of the mail, and takes the account over later.
        let code = code_in(&mails_to(app, "victim@example.com", 1).await[0]);
        verify(app, &code).await.expect(204);
        reset(app, "victim@example.com", 1, "honest horse").await;
        squatter.get(PROFILE).send().await.refused(ErrorCode::SessionEnded);
        assert_ne!(guest(app.client(), 1).await.id(), squatter.id(), "the squatter's device opens it no more");
    }

    async fn mails_to_an_address_are_limited_and_the_limit_tells_nothing(app) {
        let bea = app.as_player("bea").await;
        let code = code_in(&mails_to(app, &bea.user.email, 1).await[0]);
        verify(app, &code).await.expect(204);
        let mut counts = Vec::new();
        for (name, target) in [("ann", bea.user.email.as_str()), ("eve", "free@example.com")] {
            let player = app.as_player(name).await;
            let body = json!({ "email": target, "password": password_of(name) });
            let mut codes = Vec::new();
            for _ in 0..8 {
                codes.push(post(&player, "/api/v1/auth/email/change", body.clone()).await.status);
            }
            counts.push(codes);
        }
        assert_eq!(counts[0], counts[1], "a taken address is limited like a free one");
        assert_eq!(counts[0].last(), Some(&429));
        // Another player may go on, but nothing more is sent to that mailbox.
        let tim = app.as_player("tim").await;
        let body = json!({ "email": bea.user.email, "password": password_of("tim") });
        post(&tim, "/api/v1/auth/email/change", body).await.expect(204);
        assert_eq!(mails_to(app, &bea.user.email, 6).await.len(), 6);
    }

    async fn nobody_grows_up_by_a_merge(app) {
        let (kid, other) = (app.as_player("kid").await, guest(app.client(), 1).await);
        for (player, year) in [(&kid, 2020), (&other, 1980)] {
            let age = player.call(Method::PUT, "/api/v1/privacy/age").json(&json!({ "birth_year": year }));
            age.send().await.expect(200);
        }
        post(&other, MERGE, json!({ "other_refresh_token": kid.tokens.refresh_token })).await.expect(200);
        let state: Value = other.get("/api/v1/privacy").send().await.expect(200).json();
        assert_eq!(state["age"], "child");
    }
}

/// A session that somebody found is not the way into an account for good.
#[test]
fn an_old_session_changes_no_ways_in() {
    app::run(
        Engine::Postgres,
        |_| {},
        async |app: &App| {
            let (ann, thief) = (app.as_player("ann").await, guest(app.client(), 1).await);
            let mut conn = PgConnection::connect(&app.config.database.url).await.unwrap();
            conn.execute("SELECT set_config('aethex.game', '*', false)").await.unwrap();
            conn.execute("UPDATE auth_session SET created_at_ms = created_at_ms - 660000").await.unwrap();
            conn.close().await.unwrap();
            let unlinked = ann.call(Method::DELETE, "/api/v1/auth/identities/password").send().await;
            unlinked.refused(ErrorCode::LoginRequired);
            let body = json!({ "email": "thief@example.com", "password": "stolen horse" });
            post(&ann, LINK_EMAIL, body.clone()).await.refused(ErrorCode::LoginRequired);
            let merge = json!({ "other_refresh_token": thief.tokens.refresh_token });
            post(&ann, MERGE, merge).await.refused(ErrorCode::LoginRequired);
            let merge = json!({ "other_refresh_token": ann.tokens.refresh_token });
            post(&thief, MERGE, merge).await.refused(ErrorCode::LoginRequired);
            // A guest has nothing but the session, and may keep the progress at any time.
            let kept: User = post(&thief, LINK_EMAIL, body).await.expect(200).json();
            assert!(!kept.is_guest);
        },
    );
}
