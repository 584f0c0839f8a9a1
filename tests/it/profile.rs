//! What players show of themselves: names, public profiles, preferences, avatars.

use aethex_backend::app::{now_ms, open_sql};
use aethex_backend::args;
use aethex_tests::client::Call;
use aethex_tests::{App, Player, on_both_engines};
use aethex_wire::auth::profile::{AVATAR_LEN_MAX, Preferences, PublicProfile};
use aethex_wire::auth::{LoggedIn, User, Visibility};
use aethex_wire::{CLIENT_KEY_HEADER, ErrorCode};
use http::Method;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};
use std::io::Cursor;

const PROFILE: &str = "/api/v1/auth/profile";
const PREFERENCES: &str = "/api/v1/auth/preferences";
const AVATAR: &str = "/api/v1/auth/avatar";
const REGISTER: &str = "/api/v1/auth/register";

fn named<'a>(app: &'a App, email: &str, username: &str) -> Call<'a> {
    app.post(REGISTER).json(&json!({ "email": email, "password": "correct horse", "username": username }))
}

fn change<'a>(player: &'a Player, change: &Value) -> Call<'a> {
    player.call(Method::PUT, PROFILE).json(change)
}

fn set<'a>(player: &'a Player, values: &Value) -> Call<'a> {
    player.call(Method::PUT, PREFERENCES).json(&json!({ "values": values }))
}

fn send_avatar(player: &Player, file: Vec<u8>) -> Call<'_> {
    player.call(Method::PUT, AVATAR).body("application/octet-stream", file)
}

fn shown(of: &str) -> String {
    format!("/api/v1/auth/profiles/{of}")
}

pub(crate) fn picture(format: ImageFormat, colour: [u8; 3]) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    DynamicImage::from(RgbImage::from_pixel(48, 32, Rgb(colour))).write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// How many files the blob store holds.
fn blobs(app: &App) -> usize {
    fn count(folder: &std::path::Path) -> usize {
        let entries = std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap);
        entries.map(|entry| if entry.path().is_dir() { count(&entry.path()) } else { 1 }).sum()
    }
    count(&app.data().join("blobs"))
}

on_both_engines! {
    async fn names_that_look_alike_are_taken(app) {
        named(app, "a@example.com", "paypal").send().await.expect(201);
        for (email, alike) in [("b@example.com", "раураӏ"), ("c@example.com", "PayPaI"), ("d@example.com", "ＰａｙＰａｌ")] {
            named(app, email, alike).send().await.refused(ErrorCode::UsernameTaken);
        }
        let bob = app.as_player("bob").await;
        change(&bob, &json!({ "username": "РАУРАL" })).send().await.refused(ErrorCode::InvalidUsername);
        change(&bob, &json!({ "username": "paypa1" })).send().await.refused(ErrorCode::UsernameTaken);
        // A player may write the own name another way, and give it up.
        let renamed: User = change(&bob, &json!({ "username": "ВОВ" })).send().await.expect(200).json();
        assert_eq!(renamed.username, "ВОВ");
        let again: User = change(&bob, &json!({ "username": "Анатолии\u{306}" })).send().await.expect(200).json();
        assert_eq!(again.username, "Анатолий");
        named(app, "e@example.com", "bob").send().await.expect(201);
        // A name made from an email gives way.
        let other: LoggedIn = app.register("paypa1@example.com", "correct horse").send().await.expect(201).json();
        assert!(other.user.username.starts_with("paypa1-"), "{}", other.user.username);
    }

    async fn accounts_from_before_are_compared_too(app) {
        named(app, "a@example.com", "paypal").send().await.expect(201);
        app.stop().await;
        let sql = open_sql(&app.config).await.unwrap();
        let all = sql.all_games();
        all.execute("UPDATE auth_account SET username_skeleton = ''", args![]).await.unwrap();
        // Two that look alike already: the second stays, and is compared with nothing.
        let twin = "INSERT INTO auth_account (game_id, player_id, email, email_folded, username, username_folded,
                display_name, avatar_url, password_hash, version, created_at_ms, updated_at_ms)
            SELECT game_id, 'ffffffff-0000-7000-8000-000000000000', '', '', 'paypa1', 'paypa1', '', '', '', 1, 1, 1
            FROM auth_account";
        all.execute(twin, args![]).await.unwrap();
        sql.close().await;
        app.start_again().await;
        aethex_tests::until("the names of older accounts to be compared", async || {
            let reply = named(app, "b@example.com", "раураӏ").send().await;
            // Until then it may be registered; then that name is the one that is taken.
            (reply.status == 409).then_some(())
        })
        .await;
    }

    async fn names_that_deceive_are_refused(app) {
        let ann = app.as_player("ann").await;
        for username in ["аdmin", "Adm1n", "support", "moderator_", "ann\u{202e}", "ann\u{200b}x", "аnn", "a\u{302}\u{303}\u{304}\u{305}nn"] {
            change(&ann, &json!({ "username": username })).send().await.refused(ErrorCode::InvalidUsername);
        }
        let tower = format!("a{}", "\u{302}".repeat(9));
        for name in ["\u{202e}nna", "\u{200b}", "ann\u{2066}", "\u{3164}", tower.as_str(), "a\nb"] {
            change(&ann, &json!({ "display_name": name })).send().await.refused(ErrorCode::InvalidRequest);
        }
        let user: User = change(&ann, &json!({ "display_name": " Ännchen 🎮 " })).send().await.expect(200).json();
        assert_eq!(user.display_name, "Ännchen 🎮");
        assert_eq!(user.version, 2, "what was refused changed nothing");
    }

    async fn a_profile_says_who_may_see_it_and_in_which_language(app) {
        let ann = app.as_player("ann").await;
        let body = json!({ "visibility": "private", "locale": "pt-BR" });
        let user: User = change(&ann, &body).send().await.expect(200).json();
        assert_eq!((user.visibility, user.locale.as_str()), (Visibility::Private, "pt-BR"));
        let user: User = change(&ann, &json!({ "display_name": "Ann" })).send().await.expect(200).json();
        assert_eq!((user.visibility, user.locale.as_str()), (Visibility::Private, "pt-BR"));
        for locale in ["de_DE", "d", "x\0", &"de-".repeat(20)] {
            change(&ann, &json!({ "locale": locale })).send().await.refused(ErrorCode::InvalidRequest);
        }
        change(&ann, &json!({ "visibility": "nobody" })).send().await.refused(ErrorCode::InvalidRequest);
    }

    async fn a_public_profile_is_what_the_player_shows(app) {
        let (ann, bob) = (app.as_player("ann").await, app.as_player("bob").await);
        let seen: PublicProfile = bob.get(&shown(ann.id())).send().await.expect(200).json();
        assert_eq!((seen.id.as_str(), seen.username.as_str()), (ann.id(), "ann"));
        let text = bob.get(&shown(ann.id())).send().await.without_request_id().1;
        assert!(!text.contains("example.com"), "{text}");
        app.get(&shown(ann.id())).send().await.refused(ErrorCode::Unauthenticated);
        let nobody = bob.get(&shown("0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f")).send().await;
        nobody.refused(ErrorCode::NotFound);
        for hidden in ["friends", "private"] {
            change(&ann, &json!({ "visibility": hidden })).send().await.expect(200);
            let reply = bob.get(&shown(ann.id())).send().await;
            assert_eq!(reply.without_request_id(), nobody.without_request_id(), "hidden is not there");
            ann.get(&shown(ann.id())).send().await.expect(200);
        }
        for wrong in ["x", "..", "%00", &ann.id().to_uppercase()] {
            bob.get(&shown(wrong)).send().await.refused_somehow();
        }
    }

    async fn players_of_another_game_are_not_there(app) {
        let ann = app.as_player("ann").await;
        app.stop().await;
        let sql = open_sql(&app.config).await.unwrap();
        let (game, key) = ("0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f", format!("pk_{}", "b".repeat(32)));
        let all = sql.all_games();
        let insert = "INSERT INTO auth_game (game_id, name, is_default, created_at_ms) VALUES ($1, 'other', 0, 1)";
        all.execute(insert, args![game]).await.unwrap();
        let insert = "INSERT INTO auth_client_key (client_key, game_id, created_at_ms) VALUES ($1, $2, $3)";
        all.execute(insert, args![key.as_str(), game, now_ms()]).await.unwrap();
        sql.close().await;
        app.start_again().await;
        // The same name is free there.
        let eve: LoggedIn = named(app, "ann@example.com", "ann").header(CLIENT_KEY_HEADER, &key).send().await.expect(201).json();
        let eve = Player::new(app.client().clone(), "eve", eve);
        eve.get(&shown(ann.id())).header(CLIENT_KEY_HEADER, &key).send().await.refused(ErrorCode::NotFound);
        ann.get(&shown(eve.id())).send().await.refused(ErrorCode::NotFound);
        set(&eve, &json!({ "a": 1 })).header(CLIENT_KEY_HEADER, &key).send().await.expect(200);
        let own: Preferences = ann.get(PREFERENCES).send().await.expect(200).json();
        assert_eq!(own, Preferences::default());
    }

    async fn preferences_are_merged_and_versioned(app) {
        let ann = app.as_player("ann").await;
        let reply = ann.get(PREFERENCES).send().await.expect(200);
        assert_eq!((reply.header("etag"), reply.json::<Preferences>()), ("\"0\"", Preferences::default()));
        let reply = set(&ann, &json!({ "volume": 0.5, "keys": { "jump": "space" }, "n": i64::MIN })).send().await.expect(200);
        assert_eq!(reply.header("etag"), "\"1\"");
        let reply = set(&ann, &json!({ "volume": 1, "n": null, "name\u{2d}x/y.z_0": "ü\u{0}🎮" })).send().await.expect(200);
        let wanted = json!({ "values": { "volume": 1, "keys": { "jump": "space" }, "name-x/y.z_0": "ü\u{0}🎮" }, "version": 2 });
        assert_eq!(reply.json::<Value>(), wanted);
        assert_eq!(ann.get(PREFERENCES).send().await.expect(200).json::<Value>(), wanted);
        // Nothing changes: nothing is written.
        let same = set(&ann, &json!({ "volume": 1, "never": null })).send().await.expect(200);
        assert_eq!(same.header("etag"), "\"2\"");
        set(&ann, &json!({ "volume": 2 })).header("if-match", "\"1\"").send().await.refused(ErrorCode::PreferencesConflict);
        set(&ann, &json!({ "volume": 2 })).header("if-match", "\"2\"").send().await.expect(200);
        set(&ann, &json!({ "volume": 2 })).header("if-match", "x").send().await.refused(ErrorCode::InvalidRequest);
        let bob = app.as_player("bob").await;
        set(&bob, &json!({ "a": 1 })).header("if-match", "\"1\"").send().await.refused(ErrorCode::PreferencesConflict);
        set(&bob, &json!({ "a": 1 })).header("if-match", "\"0\"").send().await.expect(200);
        app.get(PREFERENCES).send().await.refused(ErrorCode::Unauthenticated);
    }

    async fn preferences_set_at_once_are_all_kept(app) {
        let ann = app.as_player("ann").await;
        let mut running = tokio::task::JoinSet::new();
        for number in 0..5 {
            let ann = ann.clone();
            running.spawn(async move {
                let mut body = json!({});
                body[format!("key{number}")] = json!(number);
                set(&ann, &body).send().await.expect(200);
            });
        }
        running.join_all().await;
        let after: Preferences = ann.get(PREFERENCES).send().await.expect(200).json();
        assert_eq!((after.values.len(), after.version), (5, 5));
    }

    async fn what_is_no_preference_is_refused(app) {
        let ann = app.as_player("ann").await;
        let deep = (0..9).fold(json!(1), |inner, _| json!([inner]));
        for values in [json!({ "": 1 }), json!({ "a b": 1 }), json!({ "ä": 1 }), json!({ "a": u64::MAX }), json!({ "a": [null] }), json!({ "a": deep })] {
            set(&ann, &values).send().await.refused(ErrorCode::InvalidRequest);
        }
        for text in ["{\"values\":{\"a\":1e999}}", "{\"values\":[]}", "{}", "{\"values\":{},\"x\":1}", "{\"values\":{\"a\":NaN}}"] {
            ann.call(Method::PUT, PREFERENCES).body("application/json", text).send().await.refused(ErrorCode::InvalidRequest);
        }
        set(&ann, &json!({ "a": "x".repeat(17_000) })).send().await.refused(ErrorCode::TooLarge);
        let many: serde_json::Map<String, Value> = (0..257).map(|n| (format!("k{n}"), json!(1))).collect();
        set(&ann, &Value::Object(many)).send().await.refused(ErrorCode::TooLarge);
        assert_eq!(ann.get(PREFERENCES).send().await.expect(200).json::<Preferences>(), Preferences::default());
    }

    async fn an_avatar_is_drawn_anew_and_served_to_everyone(app) {
        let ann = app.as_player("ann").await;
        let mut addresses = Vec::new();
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            let user: User = send_avatar(&ann, picture(format, [200, 30, 30])).send().await.expect(200).json();
            assert!(user.avatar_url.starts_with("/api/v1/auth/avatars/"), "{}", user.avatar_url);
            let reply = app.get(&user.avatar_url).send().await.expect(200);
            assert_eq!(reply.header("content-type"), "image/png");
            assert_eq!(reply.header("cache-control"), "public, max-age=31536000, immutable");
            assert_eq!(reply.header("x-content-type-options"), "nosniff");
            let drawn = image::load_from_memory_with_format(&reply.body, ImageFormat::Png).unwrap();
            assert_eq!((drawn.width(), drawn.height()), (256, 256));
            addresses.push(user.avatar_url);
        }
        // Those before are gone, and so are their files.
        for old in &addresses[..2] {
            app.get(old).send().await.refused(ErrorCode::NotFound);
        }
        assert_eq!(blobs(app), 1);
        let bob = app.as_player("bob").await;
        let seen: PublicProfile = bob.get(&shown(ann.id())).send().await.expect(200).json();
        assert_eq!(seen.avatar_url, addresses[2]);
        // Hidden with the profile, but for the player.
        change(&ann, &json!({ "visibility": "private" })).send().await.expect(200);
        app.get(&addresses[2]).send().await.refused(ErrorCode::NotFound);
        bob.get(&addresses[2]).send().await.refused(ErrorCode::NotFound);
        let own = ann.get(&addresses[2]).send().await.expect(200);
        assert_eq!(own.header("cache-control"), "no-store");
        change(&ann, &json!({ "visibility": "public" })).send().await.expect(200);
        app.get(&addresses[2]).send().await.expect(200);
        let user: User = ann.call(Method::DELETE, AVATAR).send().await.expect(200).json();
        assert_eq!(user.avatar_url, "");
        app.get(&addresses[2]).send().await.refused(ErrorCode::NotFound);
        assert_eq!(blobs(app), 0);
        let again: User = ann.call(Method::DELETE, AVATAR).send().await.expect(200).json();
        assert_eq!(again.version, user.version);
    }

    async fn what_is_no_avatar_is_refused_and_changes_nothing(app) {
        let ann = app.as_player("ann").await;
        let png = picture(ImageFormat::Png, [1, 2, 3]);
        let before: User = send_avatar(&ann, png.clone()).send().await.expect(200).json();
        let cut = png[..png.len() - 5].to_vec();
        let polyglot = [png.as_slice(), b"<script>alert(1)</script>"].concat();
        let mut bomb = png.clone();
        bomb[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
        let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec();
        for file in [vec![], svg, b"GIF89a".to_vec(), cut, polyglot, bomb] {
            // Whatever it says it is.
            let call = ann.call(Method::PUT, AVATAR).body("image/png", file);
            call.send().await.refused(ErrorCode::InvalidAvatar);
        }
        // It may hang up before it has been sent all of it.
        if let Ok(reply) = send_avatar(&ann, vec![0; AVATAR_LEN_MAX + 1]).try_send().await {
            reply.refused(ErrorCode::TooLarge);
        }
        app.client().request(Method::PUT, AVATAR).body("image/png", png).send().await.refused(ErrorCode::Unauthenticated);
        let after: User = ann.get(PROFILE).send().await.expect(200).json();
        assert_eq!(after, before);
        assert_eq!(blobs(app), 1);
        let base = before.avatar_url.rsplit_once('/').unwrap().0.to_owned();
        for wrong in ["x.png", "..%2f..%2fkeys.png", "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f.png", "%00.png"] {
            app.get(&format!("{base}/{wrong}")).send().await.refused_somehow();
        }
        app.get(before.avatar_url.trim_end_matches(".png")).send().await.refused(ErrorCode::NotFound);
    }

    async fn avatars_are_addressed_through_the_public_url(app, |config| config.public_url = "https://cloud.example.com/".into()) {
        let ann = app.as_player("ann").await;
        let user: User = send_avatar(&ann, picture(ImageFormat::Png, [1, 2, 3])).send().await.expect(200).json();
        let path = user.avatar_url.strip_prefix("https://cloud.example.com").unwrap();
        app.get(path).send().await.expect(200);
    }

    async fn throw_away_addresses_are_taken_unless_the_operator_minds(app) {
        app.register("ann@mailinator.com", "correct horse").send().await.expect(201);
    }

    async fn throw_away_addresses_are_refused_when_the_operator_minds(app, |config| config.auth.refuse_disposable_addresses = true) {
        app.register("ann@mailinator.com", "correct horse").send().await.refused(ErrorCode::InvalidEmail);
        app.register("ann@x.MAILINATOR.com", "correct horse").send().await.refused(ErrorCode::InvalidEmail);
        app.register("ann@example.com", "correct horse").send().await.expect(201);
    }
}

/// Stored addresses of avatars follow when the server moves.
#[test]
fn avatars_follow_a_new_public_url() {
    aethex_tests::app::run(
        aethex_tests::Engine::Sqlite,
        |_| {},
        async |app: &App| {
            let ann = app.as_player("ann").await;
            send_avatar(&ann, picture(ImageFormat::Png, [1, 2, 3])).send().await.expect(200);
            app.stop().await;
            let mut moved = app.config.clone();
            moved.public_url = "https://new.example.com".into();
            let server = aethex_backend::Server::start(moved).await.unwrap();
            let user = aethex_tests::until("the avatar's new address", async || {
                let user: User = ann.get(PROFILE).send().await.expect(200).json();
                user.avatar_url.starts_with("https://new.example.com/api/").then_some(user)
            })
            .await;
            assert!(user.avatar_url.ends_with(".png"));
            server.stop().await;
        },
    );
}
