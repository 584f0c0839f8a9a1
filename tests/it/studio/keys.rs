//! Client keys, server keys, and players as support and servers see them.

use super::{Person, run, with_owner, with_project, with_role};
use aethex_tests::client::Call;
use aethex_tests::{App, on_both_engines, until};
use aethex_wire::ErrorCode;
use aethex_wire::auth::LoggedIn;
use serde_json::{Value, json};

async fn server_key(base: &str, by: &Person, scopes: &[&str]) -> (String, String) {
    let body = json!({ "name": "server", "scopes": scopes });
    let made: Value = by.post(&format!("{base}/server-keys"), &body).send().await.expect(201).json();
    (made["key"]["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}

async fn client_key(base: &str, by: &Person) -> String {
    let keys: Value = by.get(&format!("{base}/client-keys")).send().await.expect(200).json();
    keys["items"][0]["key"].as_str().unwrap().to_owned()
}

async fn register(app: &App, key: &str, email: &str) -> LoggedIn {
    app.register(email, "correct horse").header("x-aethex-key", key).send().await.expect(201).json()
}

fn player<'a>(app: &'a App, id: &str, key: &str) -> Call<'a> {
    app.get(&format!("/api/v1/server/players/{id}")).bearer(key)
}

on_both_engines! {
    async fn server_keys_have_scopes_one_game_and_an_end(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (org, owner) = with_owner(app, "Studio").await;
        let (project, _) = with_project(&org, &owner, "Game").await;
        let live = format!("/orgs/{org}/projects/{project}/live");
        let dev = format!("/orgs/{org}/projects/{project}/dev");
        let ann = register(app, &client_key(&live, &owner).await, "ann@example.com").await;
        let id = ann.user.id.as_str();
        let (_, reads) = server_key(&live, &owner, &["players:read"]).await;
        let found: Value = player(app, id, &reads).send().await.expect(200).json();
        assert_eq!(found["email"], "ann@example.com");
        let sessions = format!("/api/v1/server/players/{id}/sessions");
        let problem = app.client().request(http::Method::DELETE, &sessions).bearer(&reads).send().await.refused(ErrorCode::MissingScope);
        assert!(problem.detail.contains("players:write"), "{}", problem.detail);
        // Another game's key finds nobody.
        let (_, elsewhere) = server_key(&dev, &owner, &["players:read", "players:write"]).await;
        player(app, id, &elsewhere).send().await.refused(ErrorCode::NotFound);
        for wrong in ["sk_", "sk_x.y", &format!("{reads}x"), &reads[..reads.len() - 1], &ann.tokens.access_token] {
            player(app, id, wrong).send().await.refused(ErrorCode::InvalidServerKey);
        }
        app.get(&format!("/api/v1/server/players/{id}")).send().await.refused(ErrorCode::InvalidServerKey);
        // Reports are read by the game that they are of.
        let bob = register(app, &client_key(&live, &owner).await, "bob@example.com").await;
        let body = json!({ "player_id": bob.user.id, "reason": "spam", "text": "again" });
        let report = app.post("/api/v1/multiplayer/reports").header("x-aethex-key", &client_key(&live, &owner).await);
        report.bearer(&ann.tokens.access_token).json(&body).send().await.expect(201);
        let reports = async |key: &str| app.get("/api/v1/server/reports").bearer(key).send().await;
        let found: Value = reports(&reads).await.expect(200).json();
        assert_eq!((&found["items"][0]["from_id"], &found["items"][0]["player_id"]), (&json!(id), &json!(bob.user.id)));
        let none: Value = reports(&elsewhere).await.expect(200).json();
        assert_eq!(none["items"], json!([]));
        // Ending sessions ends access.
        let (_, writes) = server_key(&live, &owner, &["players:write"]).await;
        reports(&writes).await.refused(ErrorCode::MissingScope);
        player(app, id, &writes).send().await.refused(ErrorCode::MissingScope);
        let ended: Value = app.client().request(http::Method::DELETE, &sessions).bearer(&writes).send().await.expect(200).json();
        assert_eq!(ended["ended"], 1);
        let key = client_key(&live, &owner).await;
        let profile = app.get("/api/v1/auth/profile").header("x-aethex-key", &key).bearer(&ann.tokens.access_token);
        profile.send().await.refused(ErrorCode::SessionEnded);
        let log: Value = owner.get(&format!("/orgs/{org}/audit?action=player.sessions.end")).send().await.expect(200).json();
        assert_eq!(log["items"][0]["actor_kind"], "server_key");
        // A key that is over when it is made is refused.
        let over = json!({ "name": "k", "scopes": ["players:read"], "expires_at_ms": 1 });
        owner.post(&format!("{live}/server-keys"), &over).send().await.refused(ErrorCode::InvalidRequest);
    }

    async fn a_rotation_overlaps_and_a_revocation_does_not(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (org, owner) = with_owner(app, "Studio").await;
        let (project, _) = with_project(&org, &owner, "Game").await;
        let live = format!("/orgs/{org}/projects/{project}/live");
        let ann = register(app, &client_key(&live, &owner).await, "ann@example.com").await;
        let id = ann.user.id.as_str();
        let (key, first) = server_key(&live, &owner, &["players:read"]).await;
        player(app, id, &first).send().await.expect(200);
        let path = format!("{live}/server-keys/{key}");
        let rotate = async |body: Value| -> String {
            let made: Value = owner.post(&format!("{path}/rotate"), &body).send().await.expect(200).json();
            made["secret"].as_str().unwrap().to_owned()
        };
        let second = rotate(json!({})).await;
        player(app, id, &first).send().await.expect(200);
        player(app, id, &second).send().await.expect(200);
        // The one before the one before does not hold.
        let third = rotate(json!({ "overlap_s": 0 })).await;
        player(app, id, &first).send().await.refused(ErrorCode::InvalidServerKey);
        player(app, id, &second).send().await.refused(ErrorCode::InvalidServerKey);
        player(app, id, &third).send().await.expect(200);
        let far = json!({ "overlap_s": 31 * 24 * 3600 });
        owner.post(&format!("{path}/rotate"), &far).send().await.refused(ErrorCode::InvalidRequest);
        let listed: Value = owner.get(&format!("{live}/server-keys")).send().await.expect(200).json();
        assert!(listed["items"][0]["last_used_at_ms"].is_i64(), "{listed}");
        assert!(!listed.to_string().contains(third.split_once('.').unwrap().1), "a secret is listed");
        owner.delete(&path).send().await.expect(204);
        player(app, id, &third).send().await.refused(ErrorCode::InvalidServerKey);
        owner.delete(&path).send().await.refused(ErrorCode::NotFound);
        owner.post(&format!("{path}/rotate"), &json!({})).send().await.refused(ErrorCode::InvalidRequest);
        // A secret is worth its scopes: who does not have them cannot get one.
        let (key, _) = server_key(&live, &owner, &["players:write"]).await;
        let dev = with_role(app, &org, &owner, "dev", "developer").await;
        dev.post(&format!("{live}/server-keys/{key}/rotate"), &json!({})).send().await.refused(ErrorCode::Forbidden);
        let more = json!({ "name": "k", "scopes": ["players:write"] });
        dev.post(&format!("{live}/server-keys"), &more).send().await.refused(ErrorCode::Forbidden);
        server_key(&live, &dev, &["players:read"]).await;
    }

    async fn keys_revoked_by_another_process_end_soon(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (org, owner) = with_owner(app, "Studio").await;
        let (project, _) = with_project(&org, &owner, "Game").await;
        let live = format!("/orgs/{org}/projects/{project}/live");
        let client = client_key(&live, &owner).await;
        let ann = register(app, &client, "ann@example.com").await;
        let (key, secret) = server_key(&live, &owner, &["players:read"]).await;
        player(app, ann.user.id.as_str(), &secret).send().await.expect(200);
        run(app, &["key", "revoke", &key], "").unwrap();
        run(app, &["key", "revoke", &client], "").unwrap();
        until("the revoked keys to be refused", async || {
            let server = player(app, ann.user.id.as_str(), &secret).send().await.status;
            let client = app.login("ann@example.com", "correct horse").header("x-aethex-key", &client).send().await.status;
            (server == 401 && client == 401).then_some(())
        }).await;
        let refused = run(app, &["key", "revoke", &key], "").unwrap_err();
        assert!(refused.contains("revoked before"), "{refused}");
    }

    async fn client_keys_are_several_and_end(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (org, owner) = with_owner(app, "Studio").await;
        let (project, [dev_game, live_game]) = with_project(&org, &owner, "Game").await;
        assert_ne!(dev_game, live_game);
        let live = format!("/orgs/{org}/projects/{project}/live");
        let first = client_key(&live, &owner).await;
        let made = owner.post(&format!("{live}/client-keys"), &json!({ "name": "second" })).send().await.expect(201);
        let second = made.json::<Value>()["key"].as_str().unwrap().to_owned();
        register(app, &first, "ann@example.com").await;
        let login = |key: &str| app.login("ann@example.com", "correct horse").header("x-aethex-key", key);
        login(&second).send().await.expect(200);
        owner.delete(&format!("{live}/client-keys/{first}")).send().await.expect(204);
        login(&first).send().await.refused(ErrorCode::UnknownClientKey);
        login(&second).send().await.expect(200);
        owner.delete(&format!("{live}/client-keys/{first}")).send().await.refused(ErrorCode::NotFound);
        // Another environment's key is not found by way of this one.
        let dev = client_key(&format!("/orgs/{org}/projects/{project}/dev"), &owner).await;
        owner.delete(&format!("{live}/client-keys/{dev}")).send().await.refused(ErrorCode::NotFound);
        login(&dev).send().await.refused(ErrorCode::InvalidCredentials);
    }

    async fn support_finds_players_and_ends_their_sessions(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (org, owner) = with_owner(app, "Studio").await;
        let (project, _) = with_project(&org, &owner, "Game").await;
        let base = format!("/orgs/{org}/projects/{project}");
        let key = client_key(&format!("{base}/live"), &owner).await;
        let ann = register(app, &key, "ann@example.com").await;
        let sue = with_role(app, &org, &owner, "sue", "support").await;
        let eve = with_role(app, &org, &owner, "eve", "analyst").await;
        let find = |query: &str| format!("{base}/live/players?query={query}");
        for query in [ann.user.id.as_str(), "ANN%40example.com", "ann"] {
            let found: Value = sue.get(&find(query)).send().await.expect(200).json();
            assert_eq!(found["items"][0]["id"], ann.user.id.as_str(), "{query}");
        }
        for query in ["an", "%25", "ann%27--", "nobody%40example.com"] {
            let found: Value = sue.get(&find(query)).send().await.expect(200).json();
            assert_eq!(found["items"], json!([]), "{query}");
        }
        let found: Value = sue.get(&format!("{base}/dev/players?query=ann")).send().await.expect(200).json();
        assert_eq!(found["items"], json!([]), "another environment has other players");
        eve.get(&find("ann")).send().await.refused(ErrorCode::Forbidden);
        let path = format!("{base}/live/players/{}", ann.user.id);
        sue.get(&path).send().await.expect(200);
        eve.delete(&format!("{path}/sessions")).send().await.refused(ErrorCode::Forbidden);
        let ended: Value = sue.delete(&format!("{path}/sessions")).send().await.expect(200).json();
        assert_eq!(ended["ended"], 1);
        let profile = app.get("/api/v1/auth/profile").header("x-aethex-key", &key).bearer(&ann.tokens.access_token);
        profile.send().await.refused(ErrorCode::SessionEnded);
        let log: Value = owner.get(&format!("/orgs/{org}/audit?target_id={}", ann.user.id)).send().await.expect(200).json();
        assert_eq!(log["items"].as_array().unwrap().len(), 5, "three finds, one look, one end: {log}");
    }
}
