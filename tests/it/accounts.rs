//! Ways into an account: guests, links, merges; the list of sessions; what a mail's code can do.

use crate::mailbox::{code_in, mails_to};
use aethex_tests::app::password_of;
use aethex_tests::{App, Client, Player, Reply, on_both_engines};
use aethex_wire::ErrorCode;
use aethex_wire::auth::identities::Identities;
use aethex_wire::auth::sessions::Session;
use aethex_wire::auth::{LoggedIn, Tokens, User};
use aethex_wire::page::Page;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};

const PROFILE: &str = "/api/v1/auth/profile";
const GUEST: &str = "/api/v1/auth/guest";
const IDENTITIES: &str = "/api/v1/auth/identities";
const LINK_EMAIL: &str = "/api/v1/auth/email/link";
const MERGE: &str = "/api/v1/auth/merge";
const SESSIONS: &str = "/api/v1/auth/sessions";

fn device_key(seed: u8) -> String {
    let bytes: Vec<u8> = (0..32).map(|at| seed.wrapping_mul(31).wrapping_add(at)).collect();
    URL_SAFE_NO_PAD.encode(bytes)
}

async fn guest_from(client: &Client, seed: u8) -> Player {
    let body = json!({ "device_key": device_key(seed), "device_name": "phone" });
    let logged_in: LoggedIn = client.post(GUEST).json(&body).send().await.expect(200).json();
    Player::new(client.clone(), "guest", logged_in)
}

pub(crate) async fn guest(app: &App, seed: u8) -> Player {
    guest_from(app.client(), seed).await
}

async fn ways(player: &Player) -> Vec<String> {
    let found: Identities = player.get(IDENTITIES).send().await.expect(200).json();
    found.items.into_iter().map(|way| way.provider).collect()
}

async fn sessions(player: &Player) -> Vec<Session> {
    player.get(SESSIONS).send().await.expect(200).json::<Page<Session>>().items
}

async fn is_logged_in(player: &Player) -> bool {
    player.get(PROFILE).send().await.status == 200
}

fn post<'p>(player: &'p Player, path: &str, body: &Value) -> aethex_tests::client::Call<'p> {
    player.call(Method::POST, path).json(body)
}

on_both_engines! {
    async fn a_device_key_opens_one_account_again_and_again(app) {
        let first = guest(app, 1).await;
        assert!(first.user.is_guest && first.user.email.is_empty() && !first.user.username.is_empty());
        first.put_save("slot1", "kept").await;
        let again = guest(app, 1).await;
        assert_eq!(again.user, first.user);
        assert_eq!(again.head("slot1").await, first.head("slot1").await);
        assert_ne!(guest(app, 2).await.id(), first.id(), "another key is another account");
        assert_eq!(ways(&first).await, ["device"]);
    }

    async fn what_is_not_a_device_key_is_refused(app) {
        for bad in ["", "short", &"A".repeat(43), &"?".repeat(43), &device_key(1)[..42], &format!("{}=", device_key(1))] {
            app.post(GUEST).json(&json!({ "device_key": bad })).send().await.refused(ErrorCode::InvalidRequest);
        }
    }

    async fn requests_at_once_with_one_device_key_make_one_account(app) {
        let (a, b, c, d) = tokio::join!(guest(app, 9), guest(app, 9), guest(app, 9), guest(app, 9));
        assert!([b, c, d].iter().all(|player| player.id() == a.id()));
    }

    async fn a_guest_links_an_email_and_nothing_is_lost(app) {
        let player = guest(app, 1).await;
        let saved = player.put_save("slot1", "kept").await;
        let body = json!({ "email": "ann@example.com", "password": "correct horse", "username": "ann" });
        let user: User = post(&player, LINK_EMAIL, &body).send().await.expect(200).json();
        assert_eq!((user.id.as_str(), user.username.as_str(), user.is_guest), (player.id(), "ann", false));
        assert_eq!((user.email_verified, user.display_name.as_str()), (false, "ann"));
        let reply = app.login("Ann@example.com", "correct horse").send().await.expect(200);
        let other = Player::new(app.client().clone(), "ann", reply.json());
        assert_eq!(other.id(), player.id());
        assert_eq!(other.head("slot1").await, saved);
        assert_eq!(guest(app, 1).await.id(), player.id(), "the device still opens it");
        assert_eq!(ways(&player).await, ["password", "device"]);
        post(&player, LINK_EMAIL, &body).send().await.refused(ErrorCode::AlreadyLinked);
    }

    async fn an_email_of_another_account_is_not_linked(app) {
        let ann = app.as_player("ann").await;
        let player = guest(app, 1).await;
        let body = json!({ "email": ann.user.email, "password": "correct horse" });
        post(&player, LINK_EMAIL, &body).send().await.refused(ErrorCode::IdentityTaken);
        assert!(player.get(PROFILE).send().await.expect(200).json::<User>().is_guest, "nothing changed");
        assert_eq!(ways(&player).await, ["device"]);
    }

    async fn the_last_way_in_cannot_be_removed(app) {
        let player = guest(app, 1).await;
        let unlink = |provider: &str| player.call(Method::DELETE, &format!("{IDENTITIES}/{provider}"));
        unlink("device").send().await.refused(ErrorCode::LastIdentity);
        unlink("google").send().await.refused(ErrorCode::NotFound);
        let body = json!({ "email": "ann@example.com", "password": "correct horse" });
        post(&player, LINK_EMAIL, &body).send().await.expect(200);
        // Both at once: one goes, one stays.
        let (one, two) = tokio::join!(unlink("device").send(), unlink("password").send());
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
        assert_eq!(ways(&player).await.len(), 1);
    }

    async fn an_account_without_a_password_is_not_entered_by_one(app) {
        let player = guest(app, 1).await;
        let body = json!({ "email": "ann@example.com", "password": "correct horse" });
        post(&player, LINK_EMAIL, &body).send().await.expect(200);
        player.call(Method::DELETE, "/api/v1/auth/identities/password").send().await.expect(200);
        for password in ["correct horse", "", " "] {
            app.login("ann@example.com", password).send().await.refused(ErrorCode::InvalidCredentials);
        }
        for email in ["", "@"] {
            app.login(email, "").send().await.refused(ErrorCode::InvalidCredentials);
        }
    }

    async fn merging_shows_the_slots_that_both_have_and_changes_nothing_without_a_choice(app) {
        let (ann, player) = (app.as_player("ann").await, guest(app, 1).await);
        let mine = ann.put_save("slot1", "mine").await;
        let theirs = player.put_save("slot1", "theirs").await;
        player.put_save("only", "guest").await;
        let body = json!({ "other_refresh_token": player.tokens.refresh_token });
        let problem = post(&ann, MERGE, &body).send().await.refused(ErrorCode::MergeConflict);
        let conflict = problem.merge.expect("the conflict is shown");
        assert_eq!(conflict.other.as_str(), player.id());
        assert_eq!(conflict.slots.len(), 1);
        assert_eq!(conflict.slots[0].slot, "slot1");
        assert_eq!(conflict.slots[0].mine_saved_at_ms, mine.saved_at_ms);
        assert_eq!(conflict.slots[0].other_saved_at_ms, theirs.saved_at_ms);
        assert_eq!(player.head("slot1").await, theirs);
        assert_eq!(ann.list().await.items.len(), 1);
        assert!(is_logged_in(&player).await);
    }

    async fn merging_keeps_every_version_whatever_is_chosen(app) {
        for (number, choice, head, slots) in
            [(1, "keep_mine", "mine", 2), (2, "keep_other", "theirs", 2), (3, "keep_both", "mine", 3)]
        {
            let (ann, player) = (app.as_player(&format!("ann{number}")).await, guest(app, number).await);
            ann.put_save("slot1", "mine").await;
            player.put_save("slot1", "before").await;
            player.put_save("slot1", "theirs").await;
            player.put_bytes("only", &aethex_tests::player::noise(1, 100_000)).await;
            let body = json!({ "other_refresh_token": player.tokens.refresh_token, "slots": choice });
            post(&ann, MERGE, &body).send().await.expect(200);
            assert_eq!(ann.get_save("slot1").await["data"], head, "{choice}");
            assert_eq!(ann.list().await.items.len(), slots, "{choice}");
            let kept = ann.history("slot1").await.len() + ann.history("slot1 (2)").await.len();
            assert_eq!(kept, 3, "{choice}: every version is there");
            let (_, only) = ann.get_frame("only", None).await;
            assert_eq!(only, aethex_tests::player::noise(1, 100_000), "a large content moves as well");
            ann.put_save("slot1", "after").await;
            // The guest is gone: its session ended, and its device opens the merged account.
            assert!(!is_logged_in(&player).await);
            player.refresh(&player.tokens.refresh_token).await.refused(ErrorCode::SessionEnded);
            assert_eq!(guest(app, number).await.id(), ann.id());
        }
    }

    async fn merging_needs_both_accounts(app) {
        let (ann, bea, player) = (app.as_player("ann").await, app.as_player("bea").await, guest(app, 1).await);
        player.put_save("slot1", "kept").await;
        for token in ["", "rt1.x", &ann.tokens.access_token, &player.tokens.access_token] {
            post(&bea, MERGE, &json!({ "other_refresh_token": token })).send().await.refused_somehow();
        }
        post(&bea, MERGE, &json!({ "other_refresh_token": bea.tokens.refresh_token })).send().await
            .refused(ErrorCode::InvalidRequest);
        // A token that was exchanged for its child is no proof any more.
        player.refresh(&player.tokens.refresh_token).await.expect(200);
        post(&bea, MERGE, &json!({ "other_refresh_token": player.tokens.refresh_token })).send().await
            .refused(ErrorCode::Unauthenticated);
        assert_eq!(player.head("slot1").await.slot, "slot1");
    }

    async fn two_merges_of_one_guest_at_once_move_it_once(app) {
        let (ann, bea, player) = (app.as_player("ann").await, app.as_player("bea").await, guest(app, 1).await);
        player.put_save("slot1", "kept").await;
        let body = json!({ "other_refresh_token": player.tokens.refresh_token });
        let (one, two) = tokio::join!(post(&ann, MERGE, &body).send(), post(&bea, MERGE, &body).send());
        assert_eq!([one.status, two.status].iter().filter(|status| **status == 200).count(), 1);
        assert_eq!(ann.list().await.items.len() + bea.list().await.items.len(), 1);
    }

    async fn sessions_are_listed_and_ended_by_their_player_only(app) {
        let ann = app.as_player("ann").await;
        let body = json!({ "email": ann.user.email, "password": password_of("ann"), "device_name": "Steam Deck" });
        let reply = app.post("/api/v1/auth/login").json(&body).send().await.expect(200);
        let deck = Player::new(app.client().clone(), "ann", reply.json());
        let listed = sessions(&ann).await;
        assert_eq!(listed.len(), 2);
        let current: Vec<&str> = listed.iter().filter(|s| s.current).map(|s| s.id.as_str()).collect();
        assert_eq!(current, [ann.tokens.session_id.as_str()]);
        assert!(listed.iter().any(|session| session.device_name == "Steam Deck" && session.method == "password"));
        let bea = app.as_player("bea").await;
        let path = format!("{SESSIONS}/{}", deck.tokens.session_id);
        bea.call(Method::DELETE, &path).send().await.refused(ErrorCode::NotFound);
        bea.call(Method::DELETE, &path.to_uppercase().replace("/API/V1/AUTH/SESSIONS", SESSIONS)).send().await
            .refused(ErrorCode::NotFound);
        assert!(is_logged_in(&deck).await);
        ann.call(Method::DELETE, &path).send().await.expect(204);
        assert!(!is_logged_in(&deck).await, "access ends at once");
        deck.refresh(&deck.tokens.refresh_token).await.refused(ErrorCode::SessionEnded);
        ann.call(Method::DELETE, &path).send().await.refused(ErrorCode::NotFound);
    }

    async fn sessions_come_in_pages_and_end_but_for_one(app) {
        let ann = app.as_player("ann").await;
        for _ in 0..4 {
            app.on_other_device(&ann).await;
        }
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page: Page<Session> =
                ann.get(&format!("{SESSIONS}?limit=2{cursor}")).send().await.expect(200).json();
            seen.extend(page.items.into_iter().map(|session| session.id));
            let Some(next) = page.next_cursor else { break };
            cursor = format!("&cursor={next}");
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 5);
        for bad in ["limit=0", "limit=201", "cursor=x", "cursor=1.x", "cursor="] {
            ann.get(&format!("{SESSIONS}?{bad}")).send().await.refused(ErrorCode::InvalidRequest);
        }
        ann.call(Method::DELETE, SESSIONS).send().await.expect(204);
        assert_eq!(sessions(&ann).await.len(), 1);
        assert!(is_logged_in(&ann).await);
    }

    async fn a_changed_password_ends_access_everywhere_and_answers_with_a_new_session(app) {
        let ann = app.as_player("ann").await;
        let other = app.on_other_device(&ann).await;
        async fn change(player: &Player, old: &str, new: &str) -> Reply {
            let body = json!({ "password": old, "new_password": new });
            post(player, "/api/v1/auth/password/change", &body).send().await
        }
        change(&ann, "wrong horse", "another horse").await.refused(ErrorCode::InvalidCredentials);
        change(&ann, &password_of("ann"), "short").await.refused(ErrorCode::WeakPassword);
        post(&ann, "/api/v1/auth/password/change", &json!({ "new_password": "another horse" })).send().await
            .refused(ErrorCode::LoginRequired);
        assert!(is_logged_in(&other).await);
        let reply = change(&ann, &password_of("ann"), "another horse").await.expect(200);
        let renewed = Player::new(app.client().clone(), "ann", reply.json());
        assert!(is_logged_in(&renewed).await);
        for old in [&ann, &other] {
            assert!(!is_logged_in(old).await);
            old.refresh(&old.tokens.refresh_token).await.refused(ErrorCode::SessionEnded);
        }
        app.login(&ann.user.email, &password_of("ann")).send().await.refused(ErrorCode::InvalidCredentials);
        app.login(&ann.user.email, "another horse").send().await.expect(200);
    }

    async fn guesses_at_the_old_password_are_limited(app) {
        let ann = app.as_player("ann").await;
        let body = json!({ "password": "wrong horse", "new_password": "another horse" });
        let mut codes = Vec::new();
        for _ in 0..12 {
            codes.push(post(&ann, "/api/v1/auth/password/change", &body).send().await.problem().code);
        }
        assert_eq!(codes.last(), Some(&ErrorCode::RateLimited), "{codes:?}");
    }

    async fn a_token_used_twice_is_told_to_its_player(app) {
        let ann = app.as_player("ann").await;
        let code = code_in(&mails_to(app, &ann.user.email, 1).await[0]);
        app.post("/api/v1/auth/email/verify").json(&json!({ "code": code })).send().await.expect(204);
        let child: Tokens = ann.refresh(&ann.tokens.refresh_token).await.expect(200).json();
        ann.refresh(&child.refresh_token).await.expect(200);
        ann.refresh(&ann.tokens.refresh_token).await.refused(ErrorCode::SessionEnded);
        mails_to(app, &ann.user.email, 2).await;
        // Once: the session is over, and there is nothing new to tell.
        ann.refresh(&ann.tokens.refresh_token).await.refused(ErrorCode::SessionEnded);
        assert_eq!(mails_to(app, &ann.user.email, 2).await.len(), 2);
    }

    async fn an_address_is_verified_by_its_code_once(app) {
        let ann = app.as_player("ann").await;
        assert!(!ann.user.email_verified);
        let code = code_in(&mails_to(app, &ann.user.email, 1).await[0]);
        let verify = |code: &str| app.post("/api/v1/auth/email/verify").json(&json!({ "code": code })).send();
        for wrong in ["", "x", "0000-0000-0000-0000", &code[1..], &format!("{code}0")] {
            verify(wrong).await.refused(ErrorCode::InvalidCode);
        }
        verify(&code.to_lowercase().replace('-', " ")).await.expect(204);
        assert!(ann.get(PROFILE).send().await.expect(200).json::<User>().email_verified);
        verify(&code).await.refused(ErrorCode::InvalidCode);
    }

    async fn a_forgotten_password_is_reset_by_mail(app) {
        let ann = app.as_player("ann").await;
        mails_to(app, &ann.user.email, 1).await;
        let forgot = |email: &str| app.post("/api/v1/auth/password/forgot").json(&json!({ "email": email })).send();
        let known = forgot(&ann.user.email.to_uppercase()).await.expect(204);
        let unknown = forgot("nobody@example.com").await.expect(204);
        assert_eq!(known.without_request_id(), unknown.without_request_id());
        let mails = mails_to(app, &ann.user.email, 2).await;
        let code = code_in(&mails[1]);
        let reset = |code: &str, new: &str| {
            app.post("/api/v1/auth/password/reset").json(&json!({ "code": code, "new_password": new })).send()
        };
        reset(&code, "short").await.refused(ErrorCode::WeakPassword);
        reset("0000-0000-0000-0000", "another horse").await.refused(ErrorCode::InvalidCode);
        // A verification's code resets nothing.
        reset(&code_in(&mails[0]), "another horse").await.refused(ErrorCode::InvalidCode);
        reset(&code, "another horse").await.expect(204);
        assert!(!is_logged_in(&ann).await, "whoever was logged in is not any more");
        app.login(&ann.user.email, &password_of("ann")).send().await.refused(ErrorCode::InvalidCredentials);
        let reply = app.login(&ann.user.email, "another horse").send().await.expect(200);
        assert!(reply.json::<LoggedIn>().user.email_verified, "who reads the mail owns the address");
        reset(&code, "third horse!").await.refused(ErrorCode::InvalidCode);
    }

    async fn a_reset_takes_an_account_back_from_whoever_made_it_with_a_foreign_address(app) {
        let squatter = guest(app, 1).await;
        let body = json!({ "email": "victim@example.com", "password": "squatting horse" });
        post(&squatter, LINK_EMAIL, &body).send().await.expect(200);
        app.post("/api/v1/auth/password/forgot").json(&json!({ "email": "victim@example.com" })).send().await.expect(204);
        let code = code_in(&mails_to(app, "victim@example.com", 2).await[1]);
        app.post("/api/v1/auth/password/reset").json(&json!({ "code": code, "new_password": "honest horse" })).send()
            .await.expect(204);
        assert!(!is_logged_in(&squatter).await);
        let reply = app.login("victim@example.com", "honest horse").send().await.expect(200);
        let victim = Player::new(app.client().clone(), "victim", reply.json());
        assert_eq!(ways(&victim).await, ["password"], "the squatter's device opens it no more");
        assert_ne!(guest(app, 1).await.id(), victim.id());
    }

    async fn a_new_address_counts_when_its_code_is_given(app) {
        let ann = app.as_player("ann").await;
        let first = code_in(&mails_to(app, &ann.user.email, 1).await[0]);
        app.post("/api/v1/auth/email/verify").json(&json!({ "code": first })).send().await.expect(204);
        let change = |email: &str, password: &str| {
            post(&ann, "/api/v1/auth/email/change", &json!({ "email": email, "password": password })).send()
        };
        change("new@example.com", "wrong horse").await.refused(ErrorCode::InvalidCredentials);
        change("not an address", &password_of("ann")).await.refused(ErrorCode::InvalidEmail);
        change("new@example.com", &password_of("ann")).await.expect(204);
        let user: User = ann.get(PROFILE).send().await.expect(200).json();
        assert_eq!(user.email, ann.user.email, "not before the code");
        let code = code_in(&mails_to(app, "new@example.com", 1).await[0]);
        app.post("/api/v1/auth/email/verify").json(&json!({ "code": code })).send().await.expect(204);
        let user: User = ann.get(PROFILE).send().await.expect(200).json();
        assert_eq!((user.email.as_str(), user.email_verified), ("new@example.com", true));
        mails_to(app, &ann.user.email, 2).await;
        app.login(&ann.user.email, &password_of("ann")).send().await.refused(ErrorCode::InvalidCredentials);
        app.login("new@example.com", &password_of("ann")).send().await.expect(200);
    }

    async fn an_address_of_another_account_is_not_taken_over_and_not_told_of(app) {
        let (ann, bea) = (app.as_player("ann").await, app.as_player("bea").await);
        let change = |email: &str| {
            post(&ann, "/api/v1/auth/email/change", &json!({ "email": email, "password": password_of("ann") })).send()
        };
        let taken = change(&bea.user.email).await.expect(204);
        let free = change("free@example.com").await.expect(204);
        assert_eq!(taken.without_request_id(), free.without_request_id());
        mails_to(app, "free@example.com", 1).await;
        assert_eq!(mails_to(app, &bea.user.email, 1).await.len(), 1, "no code that would move the address");
    }

    async fn a_code_is_good_in_its_game_only_and_guesses_are_limited(app) {
        let verify = |code: String| app.post("/api/v1/auth/email/verify").json(&json!({ "code": code })).send();
        let mut codes = Vec::new();
        for number in 0..110 {
            codes.push(verify(format!("0000-0000-0000-{number:04}")).await.problem().code);
        }
        assert_eq!(codes[0], ErrorCode::InvalidCode);
        assert_eq!(codes.last(), Some(&ErrorCode::RateLimited));
    }

    async fn pages_of_mailed_links_load_nothing_from_elsewhere(app) {
        for page in ["verify", "reset", "parent"] {
            let reply = app.get(&format!("/account/{page}")).send().await.expect(200);
            assert!(reply.header("content-type").starts_with("text/html"));
            let policy = reply.header("content-security-policy");
            assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
            let html = String::from_utf8_lossy(&reply.body).into_owned();
            assert!(!html.contains("http://") && !html.contains("https://"), "{html}");
        }
        app.get("/account/page.js").send().await.expect(200);
        app.get("/account/page.css").send().await.expect(200);
    }
}

/// Where addresses must be verified first, registration tells nothing of who is there.
#[test]
fn a_verified_registration_answers_the_same_for_known_and_unknown_addresses() {
    for engine in [aethex_tests::Engine::Sqlite, aethex_tests::Engine::Postgres] {
        aethex_tests::app::run(
            engine,
            |config| config.auth.require_verified_email = true,
            async |app: &App| {
                let first = app.register("ann@example.com", "correct horse").send().await;
                let again = app.register("ann@example.com", "another horse").send().await;
                first.refused(ErrorCode::EmailUnverified);
                assert_eq!(first.without_request_id(), again.without_request_id());
                app.login("ann@example.com", "another horse")
                    .send()
                    .await
                    .refused(ErrorCode::InvalidCredentials);
                app.login("ann@example.com", "correct horse")
                    .send()
                    .await
                    .refused(ErrorCode::EmailUnverified);
                let mails = mails_to(app, "ann@example.com", 2).await;
                let code = mails.iter().map(code_in).find(|code| !code.is_empty()).unwrap();
                app.post("/api/v1/auth/email/verify").json(&json!({ "code": code })).send().await.expect(204);
                app.login("ann@example.com", "correct horse").send().await.expect(200);
            },
        );
    }
}

/// An account with an owner is not merged away by a session that somebody found.
#[test]
fn an_account_that_is_no_guests_is_merged_after_a_fresh_login_only() {
    aethex_tests::app::run(
        aethex_tests::Engine::Postgres,
        |_| {},
        async |app: &App| {
            let (ann, bea) = (app.as_player("ann").await, app.as_player("bea").await);
            let mut conn = PgConnection::connect(&app.config.database.url).await.unwrap();
            conn.execute("SELECT set_config('aethex.game', '*', false)").await.unwrap();
            conn.execute("UPDATE auth_session SET created_at_ms = created_at_ms - 660000").await.unwrap();
            conn.close().await.unwrap();
            let body = json!({ "other_refresh_token": bea.tokens.refresh_token });
            post(&ann, MERGE, &body).send().await.refused(ErrorCode::LoginRequired);
            let ann = app.on_other_device(&ann).await;
            post(&ann, MERGE, &body).send().await.refused(ErrorCode::LoginRequired);
            let again = app.on_other_device(&bea).await;
            let body = json!({ "other_refresh_token": again.tokens.refresh_token });
            post(&ann, MERGE, &body).send().await.expect(200);
        },
    );
}
