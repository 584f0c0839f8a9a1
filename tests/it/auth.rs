//! Accounts and sessions: register, log in, refresh, log out, profile.

use aethex_tests::app::password_of;
use aethex_tests::{App, Player, on_both_engines};
use aethex_wire::ErrorCode;
use aethex_wire::auth::{LoggedIn, Tokens, User};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, VerifyingKey};
use http::Method;
use serde_json::{Value, json};

const PROFILE: &str = "/api/v1/auth/profile";
const LOGOUT: &str = "/api/v1/auth/logout";
const REGISTER: &str = "/api/v1/auth/register";

async fn profile(player: &Player) -> User {
    player.get(PROFILE).send().await.expect(200).json()
}

on_both_engines! {
    async fn a_new_account_is_logged_in_and_has_a_profile(app) {
        let reply = app.register("Ann.Lee@Example.com", "correct horse").send().await.expect(201);
        assert_eq!(reply.header("cache-control"), "no-store", "tokens must not be cached");
        let ann: LoggedIn = reply.json();
        assert_eq!(ann.user.email, "Ann.Lee@Example.com");
        assert_eq!(ann.user.username, "Ann.Lee");
        assert_eq!(ann.user.display_name, ann.user.username);
        assert_eq!(ann.user.version, 1);
        assert_eq!(ann.tokens.token_type, "Bearer");
        assert_eq!(ann.tokens.expires_in, 900);
        let player = Player::new(app.client().clone(), "ann", ann);
        assert_eq!(profile(&player).await, player.user);
        let again = app.login("ann.lee@example.COM", "correct horse").send().await.expect(200);
        assert_eq!(again.json::<LoggedIn>().user, player.user);
    }

    async fn access_tokens_verify_with_the_published_keys(app) {
        let ann = app.as_player("ann").await;
        let token = &ann.tokens.access_token;
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let json = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        let (header, claims) = (json(header), json(claims));
        assert_eq!((header["alg"].as_str(), header["typ"].as_str()), (Some("EdDSA"), Some("at+jwt")));
        assert_eq!(claims["sub"], ann.id());
        assert_eq!(claims["sid"], ann.tokens.session_id.as_str());
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
        let jwks: Value = app.get("/.well-known/jwks.json").send().await.expect(200).json();
        let key = jwks["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap();
        assert!(key.get("d").is_none(), "the private half is published");
        let x: [u8; 32] = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap().try_into().unwrap();
        let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        VerifyingKey::from_bytes(&x).unwrap().verify_strict(signed.as_bytes(), &signature).unwrap();
    }

    async fn emails_are_one_account_in_any_case(app) {
        app.register("ann@example.com", "correct horse").send().await.expect(201);
        for same in ["ann@example.com", "ANN@EXAMPLE.COM", "Ann@Example.Com"] {
            app.register(same, "another horse").send().await.refused(ErrorCode::EmailTaken);
            app.login(same, "correct horse").send().await.expect(200);
        }
        app.register("änn@example.com", "correct horse").send().await.expect(201);
        app.register("ÄNN@example.com", "correct horse").send().await.refused(ErrorCode::EmailTaken);
    }

    async fn usernames_are_unique_in_any_case_and_found_when_none_is_given(app) {
        let named = |email: &str, username: &str| {
            app.post(REGISTER).json(&json!({ "email": email, "password": "correct horse", "username": username }))
        };
        named("a@example.com", "Ann").send().await.expect(201);
        named("b@example.com", "aNN").send().await.refused(ErrorCode::UsernameTaken);
        let other: LoggedIn = app.register("ann@example.com", "correct horse").send().await.expect(201).json();
        assert!(other.user.username.to_lowercase().starts_with("ann-"), "{}", other.user.username);
        // A refused registration leaves nothing behind: the email is free.
        named("b@example.com", "bea").send().await.expect(201);
    }

    async fn what_is_not_an_account_is_refused(app) {
        for (email, password, code) in [
            ("", "correct horse", ErrorCode::InvalidEmail),
            ("ann", "correct horse", ErrorCode::InvalidEmail),
            ("ann@example.com\0", "correct horse", ErrorCode::InvalidEmail),
            ("ann@exam ple.com", "correct horse", ErrorCode::InvalidEmail),
            ("ann@example.com", "", ErrorCode::WeakPassword),
            ("ann@example.com", "seven77", ErrorCode::WeakPassword),
            ("ann@example.com", "password123", ErrorCode::WeakPassword),
            ("ann@example.com", "Ann@Example.com", ErrorCode::WeakPassword),
        ] {
            app.register(email, password).send().await.refused(code);
        }
        app.register("ann@example.com", &"ü7".repeat(129)).send().await.refused(ErrorCode::WeakPassword);
        let long = format!("{}@example.com", "x".repeat(300));
        app.register(&long, "correct horse").send().await.refused(ErrorCode::InvalidEmail);
        for username in ["ab", "ann lee", "ann\n", "-ann", "аnn", "admin", &"x".repeat(33)] {
            let body = json!({ "email": "ann@example.com", "password": "correct horse", "username": username });
            app.post(REGISTER).json(&body).send().await.refused(ErrorCode::InvalidUsername);
        }
    }

    async fn every_character_of_a_password_counts(app) {
        // 256 characters of two bytes: past the 72 bytes that some hashes look at.
        let password = "ü7".repeat(128);
        app.register("ann@example.com", &password).send().await.expect(201);
        app.login("ann@example.com", &password).send().await.expect(200);
        let almost = format!("{}8", &password[..password.len() - 1]);
        let shorter = &password[..password.len() - 1];
        let nul = format!("{password}\0");
        for wrong in [almost.as_str(), shorter, &nul, "", &password.to_uppercase()] {
            app.login("ann@example.com", wrong).send().await.refused(ErrorCode::InvalidCredentials);
        }
    }

    async fn a_refresh_rotates_and_forgives_a_lost_answer(app) {
        let ann = app.as_player("ann").await;
        let first = &ann.tokens.refresh_token;
        let second: Tokens = ann.refresh(first).await.expect(200).json();
        assert_ne!(&second.refresh_token, first);
        assert_eq!(second.session_id, ann.tokens.session_id);
        // The answer was lost: the same token yields the same child, as often as it takes.
        for _ in 0..3 {
            let again: Tokens = ann.refresh(first).await.expect(200).json();
            assert_eq!(again.refresh_token, second.refresh_token);
        }
        // The child is used: from now on its parent is an old token.
        let third: Tokens = ann.refresh(&second.refresh_token).await.expect(200).json();
        assert_ne!(third.refresh_token, second.refresh_token);
        app.get(PROFILE).bearer(&third.access_token).send().await.expect(200);
    }

    async fn an_old_refresh_token_ends_the_whole_session_at_once(app) {
        let ann = app.as_player("ann").await;
        let elsewhere = app.on_other_device(&ann).await;
        let second: Tokens = ann.refresh(&ann.tokens.refresh_token).await.expect(200).json();
        let third: Tokens = ann.refresh(&second.refresh_token).await.expect(200).json();
        ann.refresh(&ann.tokens.refresh_token).await.refused(ErrorCode::SessionEnded);
        for dead in [&third.refresh_token, &second.refresh_token, &ann.tokens.refresh_token] {
            ann.refresh(dead).await.refused(ErrorCode::SessionEnded);
        }
        for dead in [&third.access_token, &second.access_token, &ann.tokens.access_token] {
            app.get(PROFILE).bearer(dead).send().await.refused(ErrorCode::SessionEnded);
        }
        profile(&elsewhere).await;
    }

    async fn parallel_refreshes_yield_one_child(app) {
        let ann = app.as_player("ann").await;
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..12 {
            let ann = ann.clone();
            running.spawn(async move { ann.refresh(&ann.tokens.refresh_token).await.expect(200).json::<Tokens>() });
        }
        let mut children: Vec<String> = running.join_all().await.into_iter().map(|t| t.refresh_token).collect();
        children.dedup();
        assert_eq!(children.len(), 1, "one token, one child");
        ann.refresh(&children[0]).await.expect(200);
    }

    async fn tokens_that_are_not_ours_end_nothing(app) {
        let ann = app.as_player("ann").await;
        let own = &ann.tokens.refresh_token;
        let cut = &own[..own.len() - 1];
        let mut parts: Vec<&str> = own.split('.').collect();
        parts[2] = "9";
        let promoted = parts.join(".");
        for wrong in ["", "rt1", "rt1....", cut, &promoted, &format!("{own}."), &ann.tokens.access_token] {
            ann.refresh(wrong).await.refused(ErrorCode::SessionEnded);
        }
        app.get(PROFILE).bearer(own).send().await.refused(ErrorCode::Unauthenticated);
        profile(&ann).await;
        ann.refresh(own).await.expect(200);
    }

    async fn logout_ends_access_at_once(app) {
        let ann = app.as_player("ann").await;
        let elsewhere = app.on_other_device(&ann).await;
        ann.call(Method::POST, LOGOUT).send().await.expect(204);
        ann.get(PROFILE).send().await.refused(ErrorCode::SessionEnded);
        ann.get(&ann.saves_path()).send().await.refused(ErrorCode::SessionEnded);
        ann.refresh(&ann.tokens.refresh_token).await.refused(ErrorCode::SessionEnded);
        profile(&elsewhere).await;
        app.on_other_device(&ann).await;
    }

    async fn logout_works_with_the_refresh_token_alone(app) {
        let ann = app.as_player("ann").await;
        app.post(LOGOUT).json(&json!({})).send().await.refused(ErrorCode::Unauthenticated);
        app.post(LOGOUT).json(&json!({ "refresh_token": "rt1.x" })).send().await.refused(ErrorCode::Unauthenticated);
        profile(&ann).await;
        app.post(LOGOUT).json(&json!({ "refresh_token": ann.tokens.refresh_token })).send().await.expect(204);
        ann.get(PROFILE).send().await.refused(ErrorCode::SessionEnded);
    }

    async fn logout_everywhere_ends_every_session_of_the_account_and_no_other(app) {
        let ann = app.as_player("ann").await;
        let devices = [app.on_other_device(&ann).await, app.on_other_device(&ann).await];
        let bob = app.as_player("bob").await;
        ann.call(Method::POST, LOGOUT).json(&json!({ "everywhere": true })).send().await.expect(204);
        for device in devices.iter().chain([&ann]) {
            device.get(PROFILE).send().await.refused(ErrorCode::SessionEnded);
            device.refresh(&device.tokens.refresh_token).await.refused(ErrorCode::SessionEnded);
        }
        profile(&bob).await;
    }

    async fn sessions_survive_a_restart_and_ended_ones_stay_ended(app) {
        let ann = app.as_player("ann").await;
        let ended = app.on_other_device(&ann).await;
        ended.call(Method::POST, LOGOUT).send().await.expect(204);
        app.stop().await;
        app.start_again().await;
        assert_eq!(profile(&ann).await, ann.user);
        ended.get(PROFILE).send().await.refused(ErrorCode::SessionEnded);
        ended.refresh(&ended.tokens.refresh_token).await.refused(ErrorCode::SessionEnded);
        let next: Tokens = ann.refresh(&ann.tokens.refresh_token).await.expect(200).json();
        app.get(PROFILE).bearer(&next.access_token).send().await.expect(200);
        app.on_other_device(&ann).await;
    }

    async fn the_oldest_session_ends_when_there_are_too_many(app) {
        const SESSIONS_MAX: usize = 50;
        let ann = app.as_player("ann").await;
        let second = app.on_other_device(&ann).await;
        for _ in 2..SESSIONS_MAX {
            app.login(&ann.user.email, &password_of("ann")).send().await.expect(200);
        }
        profile(&ann).await;
        app.on_other_device(&ann).await;
        ann.get(PROFILE).send().await.refused(ErrorCode::SessionEnded);
        profile(&second).await;
    }

    async fn a_profile_changes_field_by_field_and_not_on_stale_ground(app) {
        let ann = app.as_player("ann").await;
        let bob = app.as_player("bob").await;
        let put = |change: Value| ann.call(Method::PUT, PROFILE).json(&change);
        let read = ann.get(PROFILE).send().await.expect(200);
        let etag = read.header("etag").to_owned();
        let reply = put(json!({ "display_name": "Ann 🎮 Лис" })).header("if-match", &etag).send().await.expect(200);
        let changed: User = reply.json();
        assert_eq!(changed.display_name, "Ann 🎮 Лис");
        assert_eq!(changed.version, ann.user.version + 1);
        assert_ne!(reply.header("etag"), etag);
        put(json!({ "display_name": "late" })).header("if-match", &etag).send().await.refused(ErrorCode::ProfileConflict);
        put(json!({ "username": bob.user.username.to_uppercase() })).send().await.refused(ErrorCode::UsernameTaken);
        put(json!({ "username": "a b" })).send().await.refused(ErrorCode::InvalidUsername);
        for name in ["", "  ", "a\u{0}b", "a\nb", &"x".repeat(65)] {
            put(json!({ "display_name": name })).send().await.refused(ErrorCode::InvalidRequest);
        }
        assert_eq!(profile(&ann).await, changed);
        put(json!({ "username": "ann-2" })).send().await.expect(200);
        assert_eq!(profile(&bob).await, bob.user);
    }

    async fn client_keys_name_the_game(app) {
        let ann = app.as_player("ann").await;
        let with = |key: &str| ann.get(PROFILE).header("x-aethex-key", key);
        with(app.client_key()).send().await.expect(200);
        let unknown = format!("pk_{}", "a".repeat(32));
        for wrong in ["", "pk_", "x", "pk_\u{fc}", unknown.as_str(), &app.client_key().to_uppercase()] {
            with(wrong).send().await.refused(ErrorCode::UnknownClientKey);
        }
    }
}

/// A key published once verifies until it is taken away, so tokens outlive a change of the signing key.
#[test]
fn tokens_outlive_a_new_signing_key() {
    aethex_tests::app::run(
        aethex_tests::Engine::Sqlite,
        |config| config.auth.signing_key_settle_s = 0,
        async |app: &App| {
            let ann = app.as_player("ann").await;
            app.stop().await;
            let name = format!("keys/signing-{:013}.key", aethex_backend::app::now_ms());
            std::fs::write(app.data().join(name), "5a".repeat(32)).unwrap();
            app.start_again().await;
            profile(&ann).await;
            let next: Tokens = ann.refresh(&ann.tokens.refresh_token).await.expect(200).json();
            let header = |token: &str| URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
            assert_ne!(header(&next.access_token), header(&ann.tokens.access_token), "the newest key signs");
            app.get(PROFILE).bearer(&next.access_token).send().await.expect(200);
        },
    );
}
