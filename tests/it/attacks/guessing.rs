//! Guessed passwords, and whether an account exists.

use aethex_tests::app::{login, password_of};
use aethex_tests::{App, on_both_engines};
use aethex_wire::ErrorCode;
use aethex_wire::auth::User;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const REGISTER: &str = "/api/v1/auth/register";
const LOGIN: &str = "/api/v1/auth/login";
const PROFILE: &str = "/api/v1/auth/profile";

on_both_engines! {
    async fn an_unknown_account_answers_as_a_wrong_password_does(app) {
        let ann = app.as_player("ann").await;
        let wrong = app.login(&ann.user.email, "wrong password").send().await;
        wrong.refused(ErrorCode::InvalidCredentials);
        for email in ["nobody@example.com", "", "not an email", "ann@example.com\0", "' OR 1=1 --", &"x".repeat(5000)] {
            let unknown = app.login(email, "wrong password").send().await;
            assert_eq!(unknown.without_request_id(), wrong.without_request_id(), "{email:?}");
            let names = |reply: &aethex_tests::Reply| {
                let mut names: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
                names.sort_unstable();
                names
            };
            assert_eq!(names(&unknown), names(&wrong), "{email:?}");
        }
    }

    async fn guesses_at_one_account_are_limited_across_addresses(app, |config| {
        config.auth.limits.login_failures_per_account = 5;
        config.auth.limits.login_failure_per_account_s = 3600;
    }) {
        let ann = app.as_player("ann").await;
        let mut refused = 0;
        for address in 10..20 {
            let stranger = app.client_from(address);
            let reply = login(&stranger, &ann.user.email, "guess").send().await;
            if reply.status == 429 {
                reply.refused(ErrorCode::RateLimited);
                assert!(reply.header("retry-after").parse::<u64>().unwrap() > 0);
                refused += 1;
            } else {
                reply.refused(ErrorCode::InvalidCredentials);
            }
        }
        assert_eq!(refused, 5, "ten guesses, five allowed");
        // Spelled otherwise it is the same account.
        login(&app.client_from(30), "ANN@EXAMPLE.COM", "guess").send().await.refused(ErrorCode::RateLimited);
        // Other accounts are not touched, and the owner's device still gets in.
        app.as_player("bob").await;
        app.on_other_device(&ann).await;
        // A limit tells nothing of an account either: one that is not there has it too.
        for address in 40..45 {
            login(&app.client_from(address), "nobody@example.com", "guess").send().await.refused(ErrorCode::InvalidCredentials);
        }
        login(&app.client_from(45), "nobody@example.com", "guess").send().await.refused(ErrorCode::RateLimited);
    }

    async fn guesses_from_one_address_are_limited_across_accounts(app, |config| {
        config.auth.limits.login_failures_per_address = 8;
        config.auth.limits.login_failure_per_address_s = 3600;
    }) {
        app.as_player("ann").await;
        let stranger = app.client_from(66);
        for number in 0..8 {
            let email = format!("player{number}@example.com");
            login(&stranger, &email, "guess").send().await.refused(ErrorCode::InvalidCredentials);
        }
        // The address in a header is the sender's invention: it changes nothing.
        for name in ["x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip", "x-client-ip"] {
            let call = login(&stranger, "ann@example.com", "guess").header(name, "127.0.0.99");
            call.send().await.refused(ErrorCode::RateLimited);
        }
        // Success is no way around it, and others are not touched.
        login(&stranger, "ann@example.com", &password_of("ann")).send().await.refused(ErrorCode::RateLimited);
        login(&app.client_from(67), "ann@example.com", &password_of("ann")).send().await.expect(200);
    }

    async fn successes_do_not_use_up_the_allowance(app, |config| {
        config.auth.limits.login_failures_per_account = 3;
        config.auth.limits.login_failures_per_address = 3;
        config.auth.limits.login_failure_per_account_s = 3600;
        config.auth.limits.login_failure_per_address_s = 3600;
    }) {
        let ann = app.as_player("ann").await;
        for _ in 0..20 {
            app.on_other_device(&ann).await;
        }
    }

    async fn correct_logins_made_at_once_all_succeed(app, |config| {
        config.auth.limits.login_failures_per_account = 4;
        config.auth.limits.login_failure_per_account_s = 3600;
        config.auth.limits.login_failures_per_address = 4;
        config.auth.limits.login_failure_per_address_s = 3600;
    }) {
        let ann = app.as_player("ann").await;
        // From many addresses the account's allowance is short, from one the address's.
        for addresses in [100..=139, 99..=99] {
            let mut running = tokio::task::JoinSet::new();
            for number in 0..40 {
                let address = addresses.clone().nth(number).unwrap_or(99);
                let (client, email) = (app.client_from(address), ann.user.email.clone());
                running.spawn(async move { login(&client, &email, &password_of("ann")).send().await.status });
            }
            let answers = running.join_all().await;
            assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
        }
    }

    async fn guesses_made_at_once_are_all_counted(app, |config| {
        config.auth.limits.login_failures_per_account = 5;
        config.auth.limits.login_failure_per_account_s = 3600;
    }) {
        let ann = app.as_player("ann").await;
        let mut running = tokio::task::JoinSet::new();
        for number in 0..40 {
            let (client, email) = (app.client_from(100 + number), ann.user.email.clone());
            running.spawn(async move { login(&client, &email, "guess").send().await.status });
        }
        let answers = running.join_all().await;
        assert_eq!(answers.iter().filter(|status| **status == 401).count(), 5, "{answers:?}");
    }

    async fn registrations_from_one_address_are_limited(app, |config| {
        config.auth.limits.registrations_per_address = 3;
        config.auth.limits.registration_per_address_s = 3600;
    }) {
        for number in 0..3 {
            app.register(&format!("p{number}@example.com"), "correct horse").send().await.expect(201);
        }
        let call = app.register("p3@example.com", "correct horse").header("x-forwarded-for", "10.1.1.1");
        call.send().await.refused(ErrorCode::RateLimited);
        let body = json!({ "email": "p3@example.com", "password": "correct horse" });
        app.client_from(9).post(REGISTER).json(&body).send().await.expect(201);
    }

    async fn only_the_fields_of_a_request_are_taken(app) {
        let ann = app.as_player("ann").await;
        let with = |extra: Value| {
            let mut body = json!({ "email": "eve@example.com", "password": "correct horse" });
            body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            body
        };
        for extra in [
            json!({ "id": ann.id() }), json!({ "player_id": ann.id() }), json!({ "role": "admin" }), json!({ "is_admin": true }),
            json!({ "version": 9 }), json!({ "created_at_ms": 0 }), json!({ "game_id": "x" }), json!({ "__proto__": {} }),
            json!({ "password_hash": "x" }), json!({ "email_folded": "x" }),
        ] {
            app.post(REGISTER).json(&with(extra.clone())).send().await.refused(ErrorCode::InvalidRequest);
            let change = ann.call(http::Method::PUT, PROFILE).json(&extra);
            change.send().await.refused(ErrorCode::InvalidRequest);
        }
        let change = ann.call(http::Method::PUT, PROFILE).json(&json!({ "display_name": "x", "email": "x@example.com" }));
        change.send().await.refused(ErrorCode::InvalidRequest);
        let unchanged: User = ann.get(PROFILE).send().await.expect(200).json();
        assert_eq!(unchanged, ann.user);
        app.login("eve@example.com", "correct horse").send().await.refused(ErrorCode::InvalidCredentials);
    }

    async fn another_type_is_not_the_value(app) {
        let ann = app.as_player("ann").await;
        let (email, password) = (ann.user.email.as_str(), password_of("ann"));
        let values = [
            json!(true), json!(0), json!(1), json!(null), json!([]), json!({}), json!([password]), json!({ "$ne": "" }),
            json!({ "$gt": "" }), json!({ "length": 9 }), json!(1e300),
        ];
        for value in &values {
            app.post(LOGIN).json(&json!({ "email": email, "password": value })).send().await.refused(ErrorCode::InvalidRequest);
            app.post(LOGIN).json(&json!({ "email": value, "password": password })).send().await.refused(ErrorCode::InvalidRequest);
            let refresh = json!({ "refresh_token": value });
            app.post("/api/v1/auth/refresh").json(&refresh).send().await.refused(ErrorCode::InvalidRequest);
        }
        for body in [json!([]), json!([email, password]), json!("x"), json!(1), json!(null), json!({})] {
            app.post(LOGIN).json(&body).send().await.refused(ErrorCode::InvalidRequest);
        }
    }
}

/// A flood of logins is shed or queued; who reads a profile meanwhile is served.
#[test]
fn a_login_flood_leaves_other_requests_alone() {
    let costly = |config: &mut aethex_tests::app::Config| {
        config.auth.argon2_memory_kib = 19 * 1024;
        config.auth.argon2_passes = 2;
        config.auth.limits.login_failures_per_address = 100_000;
        config.auth.limits.login_failures_per_account = 100_000;
    };
    aethex_tests::app::run(aethex_tests::Engine::Sqlite, costly, async |app: &App| {
        const FLOOD: usize = 200;
        let ann = app.as_player("ann").await;
        let mut flood = tokio::task::JoinSet::new();
        for number in 0..FLOOD {
            let client = app.client().clone();
            flood.spawn(async move {
                let reply = login(&client, &format!("p{number}@example.com"), "guess").send().await;
                if reply.status == 503 {
                    reply.refused(ErrorCode::Overloaded);
                    assert!(!reply.header("retry-after").is_empty());
                }
                reply.status
            });
        }
        let mut took = Vec::new();
        while took.len() < 100 {
            let started = Instant::now();
            ann.get(PROFILE).send().await.expect(200);
            took.push(started.elapsed());
        }
        let answers = flood.join_all().await;
        assert!(answers.iter().all(|status| matches!(status, 401 | 503)), "{answers:?}");
        assert!(answers.contains(&503), "200 logins at once were all queued");
        took.sort_unstable();
        // Hashes take tens of milliseconds each; who waited behind them would wait for seconds.
        assert!(took[95] < Duration::from_secs(1), "p95 {:?}", took[95]);
    });
}
