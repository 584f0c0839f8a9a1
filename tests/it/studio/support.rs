//! Support acts for players: exports, erasures, ages; policies of an environment; what stays of it in the log.

use super::{Person, run, with_owner, with_project, with_role};
use crate::privacy::{database, erased, in_tables, unpack};
use aethex_tests::app::password_of;
use aethex_tests::{App, Player, on_both_engines, until};
use aethex_wire::ErrorCode;
use aethex_wire::page::Page;
use aethex_wire::privacy::{Export, ExportStatus, Policies, Policy, PrivacyState, Receipt};
use aethex_wire::studio::audit::AuditEntry;
use http::Method;
use serde_json::{Value, json};

/// A project whose `live` is the server's default game, so that its players are those of the harness.
async fn with_players(app: &App, org: &str, owner: &Person) -> String {
    run(app, &["game", "create", "Game", "--org", org, "--adopt-default"], "").unwrap();
    let listed: Value = owner.get(&format!("/orgs/{org}/projects")).send().await.expect(200).json();
    format!("/orgs/{org}/projects/{}", listed["items"][0]["id"].as_str().unwrap())
}

async fn ready(by: &Person, player: &str, id: &str) -> Export {
    let path = format!("{player}/exports/{id}");
    until("the export", async || {
        let found: Export = by.get(&path).send().await.expect(200).json();
        (found.status == ExportStatus::Ready).then_some(found)
    })
    .await
}

async fn audit(org: &str, by: &Person, filter: &str) -> Vec<AuditEntry> {
    let path = format!("/orgs/{org}/audit?limit=200{filter}");
    by.get(&path).send().await.expect(200).json::<Page<AuditEntry>>().items
}

async fn privacy_of(player: &Player) -> PrivacyState {
    player.get("/api/v1/privacy").send().await.expect(200).json()
}

on_both_engines! {
    async fn support_needs_its_permission_in_its_environment(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (org, owner) = with_owner(app, "Studio").await;
        let base = with_players(app, &org, &owner).await;
        let (other, stranger) = with_owner(app, "Other").await;
        with_project(&other, &stranger, "Theirs").await;
        let ann = app.as_player("ann").await;
        let player = format!("{base}/live/players/{}", ann.id());
        let export: Export = owner.post(&format!("{player}/exports"), &json!({})).send().await.expect(202).json();
        ready(&owner, &player, export.id.as_str()).await;
        let far = json!({ "grace_s": -1 });
        let age = json!({ "age": "child" });
        let broken = json!({ "policy": "terms", "version": "1", "url": "ftp://x", "required": true });
        let all = |base: &str, environment: &str, id: &str| {
            let at = format!("{base}/{environment}");
            let player = format!("{at}/players/{id}");
            [
                (Method::POST, format!("{player}/exports"), json!({})),
                (Method::GET, format!("{player}/exports/{}", export.id), Value::Null),
                (Method::GET, format!("{player}/exports/{}/archive", export.id), Value::Null),
                (Method::POST, format!("{player}/erasure"), far.clone()),
                (Method::PUT, format!("{player}/age"), age.clone()),
                (Method::GET, format!("{at}/policies"), Value::Null),
                (Method::POST, format!("{at}/policies"), broken.clone()),
            ]
        };
        let statuses = async |by: &Person, base: &str, environment: &str, id: &str| {
            let mut found = Vec::new();
            for (method, path, body) in all(base, environment, id) {
                let call = by.call(method, &path);
                let call = if body.is_null() { call } else { call.json(&body) };
                found.push(call.send().await.status);
            }
            found
        };
        // What is allowed and complete is done; what is allowed and wrong is 400. Without a permission nothing is.
        for (role, wanted) in [
            //            start read file erase age list publish
            ("admin", [202, 200, 200, 400, 204, 200, 400]),
            ("developer", [403, 403, 403, 403, 403, 200, 403]),
            ("analyst", [403, 403, 403, 403, 403, 200, 403]),
            ("support", [202, 200, 200, 400, 204, 200, 403]),
            ("member", [404; 7]),
        ] {
            let person = with_role(app, &org, &owner, role, role).await;
            assert_eq!(statuses(&person, &base, "live", ann.id()).await, wanted, "{role}");
            let acts = audit(&org, &owner, &format!("&actor_id={}&target_id={}", person.id, ann.id())).await;
            assert_eq!(acts.is_empty(), wanted[0] != 202, "{role}: {acts:?}");
        }
        // Another environment has other players; another organisation finds neither, by either way.
        assert_eq!(statuses(&owner, &base, "dev", ann.id()).await, [404, 404, 404, 404, 404, 200, 400]);
        assert_eq!(statuses(&owner, &base, "live", &owner.id).await[..5], [404; 5]);
        assert_eq!(statuses(&stranger, &base, "live", ann.id()).await, [404; 7]);
        let by_theirs = base.replace(&org, &other);
        assert_eq!(statuses(&stranger, &by_theirs, "live", ann.id()).await, [404; 7]);
        // Another player's export is not this one's.
        let bob = app.as_player("bob").await;
        let path = format!("{base}/live/players/{}/exports/{}", bob.id(), export.id);
        owner.get(&path).send().await.refused(ErrorCode::NotFound);
        owner.get(&format!("{path}/archive")).send().await.refused(ErrorCode::NotFound);
        assert_eq!(audit(&org, &owner, &format!("&target_id={}", bob.id())).await, []);
        // The bounds are the player's own: three a day, whoever asks.
        until("the day's exports to be used up", async || {
            let reply = owner.post(&format!("{player}/exports"), &json!({})).send().await;
            (reply.status != 202).then(|| reply.refused(ErrorCode::RateLimited))
        }).await;
    }

    async fn support_exports_corrects_and_erases_and_the_log_forgets(app, |config| {
        config.studio.listen = "127.0.0.1:0".into();
        config.privacy.erasure_grace_s = 0;
        config.http.request_timeout_ms = 2_000;
    }) {
        let (org, owner) = with_owner(app, "Studio").await;
        let base = with_players(app, &org, &owner).await;
        let sue = with_role(app, &org, &owner, "sue", "support").await;
        let (ann, bob) = (app.as_player("annabelle").await, app.as_player("bob").await);
        let player = format!("{base}/live/players/{}", ann.id());
        sue.get(&format!("{base}/live/players/{}", bob.id())).send().await.expect(200);
        let said = ann.call(Method::PUT, "/api/v1/privacy/age").json(&json!({ "birth_year": 2020 }));
        said.send().await.expect(200);
        let age = format!("{player}/age");
        sue.put(&age, &json!({ "age": "old" })).send().await.refused(ErrorCode::InvalidRequest);
        sue.put(&age, &json!({ "age": "adult" })).send().await.expect(204);
        assert_eq!(serde_json::to_value(privacy_of(&ann).await.age).unwrap(), "adult");
        let asked: Export = sue.post(&format!("{player}/exports"), &json!({})).send().await.expect(202).json();
        let found = ready(&sue, &player, asked.id.as_str()).await;
        let reply = sue.get(&format!("{player}/exports/{}/archive", asked.id)).send().await.expect(200);
        assert_eq!(reply.header("content-type"), "application/zip");
        assert_eq!(reply.body.len() as i64, found.size_bytes);
        let archive = unpack(&reply.body);
        let account: Value = serde_json::from_slice(&archive["auth/account.json"]).unwrap();
        assert_eq!(account["player_id"], ann.id());
        // The player learns what was done to them, and not by whom.
        let acts: Value = serde_json::from_slice(&archive["studio/acts.json"]).unwrap();
        let names: Vec<&str> = acts.as_array().unwrap().iter().map(|act| act["action"].as_str().unwrap()).collect();
        assert_eq!(names, ["player.age", "player.export"]);
        for word in [sue.id.as_str(), "sue@", "127.0.0.1"] {
            assert!(!acts.to_string().contains(word), "{word}: {acts}");
        }
        // The log says who did what to whom, and nothing of the player besides.
        let entries = audit(&org, &owner, &format!("&target_id={}", ann.id())).await;
        let mut done: Vec<&str> = entries.iter().rev().map(|entry| entry.action.as_str()).collect();
        done.dedup();
        assert_eq!(done, ["player.age", "player.export", "player.export.read", "player.export.download"]);
        for entry in &entries {
            assert_eq!((entry.actor.as_str(), entry.target_kind.as_str()), ("sue@people.example", "player"));
            assert_eq!(entry.after.keys().collect::<Vec<_>>(), ["game"]);
            assert!(entry.before.is_empty());
        }
        let refused = sue.post(&format!("{player}/erasure"), &json!({ "grace_s": 1 })).send().await;
        refused.refused(ErrorCode::InvalidRequest);
        let asked: Receipt = sue.post(&format!("{player}/erasure"), &json!({})).send().await.expect(202).json();
        ann.get("/api/v1/privacy").send().await.refused(ErrorCode::SessionEnded);
        let receipt = erased(app, &asked).await;
        assert_eq!(receipt.erased["studio"], entries.len() as i64 + 1);
        sue.get(&player).send().await.refused(ErrorCode::NotFound);
        // The entries stay, and name nobody; another player's are as they were.
        let log = audit(&org, &owner, "").await;
        let gone: Vec<&AuditEntry> = log.iter().filter(|entry| entry.target_id == "erased").collect();
        assert_eq!(gone.len(), entries.len() + 1);
        assert_eq!(gone[0].action, "player.erase");
        assert_eq!(audit(&org, &owner, &format!("&target_id={}", bob.id())).await.len(), 1);
        let sql = database(app).await;
        assert_eq!(in_tables(&sql, &[ann.id(), "annabelle"]).await, [""; 0]);
        sql.close().await;
    }

    async fn support_chooses_the_grace_within_the_configured_one(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (org, owner) = with_owner(app, "Studio").await;
        let base = with_players(app, &org, &owner).await;
        let (ann, bob) = (app.as_player("ann").await, app.as_player("bob").await);
        let path = |player: &Player| format!("{base}/live/players/{}/erasure", player.id());
        for wrong in [json!({ "grace_s": -1 }), json!({ "grace_s": 14 * 24 * 3600 + 1 }), json!({ "grace": 1 })] {
            owner.post(&path(&ann), &wrong).send().await.refused(ErrorCode::InvalidRequest);
        }
        assert_eq!(privacy_of(&ann).await.erasure_at_ms, None);
        let body = json!({ "grace_s": 3600 });
        let asked: Receipt = owner.post(&path(&ann), &body).send().await.expect(202).json();
        assert_eq!(asked.erasure_at_ms - asked.requested_at_ms, 3_600_000);
        let again: Receipt = owner.post(&path(&ann), &json!({ "grace_s": 0 })).send().await.expect(202).json();
        assert_eq!(again, asked, "one that is under way stands as it is");
        let asked: Receipt = owner.post(&path(&bob), &json!({})).send().await.expect(202).json();
        assert_eq!(asked.erasure_at_ms - asked.requested_at_ms, 14 * 24 * 3600 * 1000);
        // The player can take it back, as if it were their own.
        let reply = app.login("ann@example.com", &password_of("ann")).send().await.expect(200);
        let back = Player::new(app.client().clone(), "ann", reply.json());
        back.call(Method::DELETE, "/api/v1/privacy/erasure").send().await.expect(204);
        assert_eq!(privacy_of(&back).await.erasure_at_ms, None);
    }

    async fn what_was_done_to_a_merged_account_was_done_to_its_player(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (org, owner) = with_owner(app, "Studio").await;
        let base = with_players(app, &org, &owner).await;
        let ann = app.as_player("ann").await;
        let body = json!({ "device_key": "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI", "device_name": "phone" });
        let reply = app.post("/api/v1/auth/guest").json(&body).send().await.expect(200);
        let guest = Player::new(app.client().clone(), "guest", reply.json());
        owner.get(&format!("{base}/live/players/{}", guest.id())).send().await.expect(200);
        let body = json!({ "other_refresh_token": guest.tokens.refresh_token });
        ann.call(Method::POST, "/api/v1/auth/merge").json(&body).send().await.expect(200);
        assert_eq!(audit(&org, &owner, &format!("&target_id={}", guest.id())).await, []);
        assert_eq!(audit(&org, &owner, &format!("&target_id={}", ann.id())).await.len(), 1);
    }

    async fn policies_are_published_for_one_environment(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let (org, owner) = with_owner(app, "Studio").await;
        let base = with_players(app, &org, &owner).await;
        let ann = app.as_player("ann").await;
        let path = format!("{base}/live/policies");
        let terms = json!({ "policy": "terms", "version": "1", "url": "https://example.com/terms", "required": true });
        let published: Policy = owner.post(&path, &terms).send().await.expect(201).json();
        assert!(published.published_at_ms > 0);
        owner.post(&path, &terms).send().await.refused(ErrorCode::NameTaken);
        for (field, wrong) in [("policy", "te rms"), ("version", ""), ("url", "http://example.com")] {
            let mut body = terms.clone();
            body[field] = wrong.into();
            owner.post(&path, &body).send().await.refused(ErrorCode::InvalidRequest);
        }
        let listed: Policies = owner.get(&path).send().await.expect(200).json();
        assert_eq!(listed.items, std::slice::from_ref(&published));
        assert_eq!(privacy_of(&ann).await.policies_to_accept, [published]);
        let dev: Policies = owner.get(&format!("{base}/dev/policies")).send().await.expect(200).json();
        assert_eq!(dev.items, [], "another environment has policies of its own");
        let entries = audit(&org, &owner, "&action=policy.publish").await;
        assert_eq!(entries.len(), 1, "what was refused is not in the log: {entries:?}");
        assert_eq!((entries[0].target_id.as_str(), entries[0].after["version"].as_str()), ("terms", "1"));
    }
}
