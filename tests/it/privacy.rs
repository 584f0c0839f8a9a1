//! Privacy: what players agree to, what they get of what is known of them, and what stays when they go.

use crate::mailbox::{code_in, mails_to};
use aethex_backend::app::open_sql;
use aethex_backend::ports::sql::{Row, Sql};
use aethex_backend::privacy::{other_tables, personal_tables, policies_for_terminal, publish_from_terminal};
use aethex_tests::app::password_of;
use aethex_tests::player::{files, noise};
use aethex_tests::process::Setup;
use aethex_tests::{App, Player, Reply, on_both_engines, on_every_engine, until};
use aethex_wire::ErrorCode;
use aethex_wire::privacy::{
    AgeBand, Export, ExportStatus, ParentState, Policies, Policy, PrivacyState, Purpose, Receipt,
};
use http::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

const PRIVACY: &str = "/api/v1/privacy";
const CONSENTS: &str = "/api/v1/privacy/consents";
const AGE: &str = "/api/v1/privacy/age";
const PARENT: &str = "/api/v1/privacy/parent";
const ANSWER: &str = "/api/v1/privacy/parent/answer";
const EXPORTS: &str = "/api/v1/privacy/exports";
const ERASURE: &str = "/api/v1/privacy/erasure";

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// The server's database, beside the server.
pub(crate) async fn database(app: &App) -> Sql {
    open_sql(&app.config).await.unwrap()
}

/// Every table with its columns and their types.
async fn tables(sql: &Sql) -> BTreeMap<String, Vec<(String, String)>> {
    let (names, columns) = match sql.engine() {
        "sqlite" => (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
            "SELECT name, type FROM pragma_table_info('{}')",
        ),
        _ => (
            "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace",
            "SELECT column_name::text, data_type::text FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = '{}'",
        ),
    };
    let mut found = BTreeMap::new();
    for table in sql.all_games().read(names, vec![], |row| row.text(0)).await.unwrap() {
        let statement = leak(columns.replace("{}", &table));
        let pair = |row: &Row<'_>| Ok((row.text(0)?, row.text(1)?.to_lowercase()));
        found.insert(table, sql.all_games().read(statement, vec![], pair).await.unwrap());
    }
    found
}

/// Where one of the words stands in any column of any table.
pub(crate) async fn in_tables(sql: &Sql, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (table, columns) in tables(sql).await {
        for (column, kind) in columns.iter().filter(|(_, kind)| kind != "bigint") {
            let text = match (kind.as_str(), sql.engine()) {
                ("bytea", "sqlite") => continue, // The file itself is looked through.
                ("bytea", _) => format!("encode({column}, 'escape')"),
                _ => column.clone(),
            };
            let statement = leak(format!("SELECT COALESCE({text}, '') FROM {table}"));
            let values = sql.all_games().read(statement, vec![], |row| row.text(0)).await.unwrap();
            let hits = words.iter().filter(|word| values.iter().any(|value| value.contains(**word)));
            found.extend(hits.map(|word| format!("{table}.{column}: {word}")));
        }
    }
    found
}

/// Where one of the words stands in any file under a folder, or in its name.
pub(crate) fn in_files(folder: &Path, words: &[&str], found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.display().to_string();
        // What was mailed has left: the folder stands for the mail server.
        if name.ends_with("outbox") {
            continue;
        }
        found.extend(
            words.iter().filter(|word| name.contains(**word)).map(|word| format!("{name} is named {word}")),
        );
        if path.is_dir() {
            in_files(&path, words, found);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        let holds = |word: &&&str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
        found.extend(words.iter().filter(holds).map(|word| format!("{name}: {word}")));
    }
}

async fn state(player: &Player) -> PrivacyState {
    player.get(PRIVACY).send().await.expect(200).json()
}

async fn put(player: &Player, path: &str, body: Value) -> Reply {
    player.call(Method::PUT, path).json(&body).send().await
}

async fn post(player: &Player, path: &str, body: Value) -> Reply {
    player.call(Method::POST, path).json(&body).send().await
}

async fn consent(player: &Player, purpose: Purpose, granted: bool) -> Reply {
    put(player, CONSENTS, json!({ "purpose": purpose, "granted": granted })).await
}

/// A player whose address is verified.
async fn verified(app: &App, name: &str) -> Player {
    let player = app.as_player(name).await;
    let code = code_in(&mails_to(app, &player.user.email, 1).await[0]);
    app.post("/api/v1/auth/email/verify").json(&json!({ "code": code })).send().await.expect(204);
    player
}

pub(crate) async fn publish(
    app: &App,
    policy: &str,
    version: &str,
    required: bool,
) -> Result<Policy, String> {
    let sql = database(app).await;
    let url = format!("https://example.com/{policy}/{version}");
    let policy = Policy { policy: policy.into(), version: version.into(), url, required, published_at_ms: 0 };
    let published = publish_from_terminal(&sql, policy).await;
    sql.close().await;
    published
}

/// A player with something in every service.
async fn furnished(app: &App, name: &str) -> Player {
    let player = verified(app, name).await;
    publish(app, "terms", &name.len().to_string(), true).await.unwrap();
    player.put_save("slot1", &format!("the story of {name}")).await;
    player.put_bytes("large", &noise(7, 100_000)).await;
    player.put_save("gone", "deleted").await;
    player.delete_save("gone").await.expect(204);
    put(&player, AGE, json!({ "birth_year": 1990 })).await.expect(200);
    consent(&player, Purpose::Analytics, true).await.expect(200);
    let accepted = json!({ "policy": "terms", "version": name.len().to_string() });
    post(&player, "/api/v1/privacy/acceptances", accepted).await.expect(204);
    app.on_other_device(&player).await;
    player
}

async fn ready(player: &Player, export: &Export) -> Export {
    let path = format!("{EXPORTS}/{}", export.id);
    until("the export", async || {
        let found: Export = player.get(&path).send().await.expect(200).json();
        (found.status != ExportStatus::Pending).then_some(found)
    })
    .await
}

/// The files of an archive, checked against its manifest.
pub(crate) fn unpack(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(archive)).unwrap();
    let mut found = BTreeMap::new();
    for at in 0..zip.len() {
        let mut file = zip.by_index(at).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        found.insert(file.name().to_owned(), bytes);
    }
    let manifest: Value = serde_json::from_slice(&found["manifest.json"]).unwrap();
    let listed = manifest["files"].as_array().unwrap();
    assert_eq!(listed.len() + 1, found.len(), "{manifest}");
    for file in listed {
        let bytes = &found[file["path"].as_str().unwrap()];
        assert_eq!(file["size_bytes"], bytes.len());
        let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(file["sha256"], digest.as_str());
    }
    found
}

async fn receipt(app: &App, receipt: &Receipt) -> Reply {
    app.get(&format!("/api/v1/privacy/receipts/{}", receipt.id)).send().await
}

pub(crate) async fn erased(app: &App, asked: &Receipt) -> Receipt {
    until("the erasure", async || {
        let found: Receipt = receipt(app, asked).await.expect(200).json();
        found.erased_at_ms.is_some().then_some(found)
    })
    .await
}

on_both_engines! {
    async fn every_table_is_exported_and_erased_or_names_nobody(app) {
        let sql = database(app).await;
        let found = tables(&sql).await;
        let personal: Vec<&str> = personal_tables().iter().map(|(table, _)| *table).collect();
        let other: Vec<&str> = other_tables().iter().map(|(table, _)| *table).collect();
        let listed: Vec<&str> = personal.iter().chain(&other).copied().collect();
        let there: BTreeSet<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(listed.len(), listed.iter().collect::<BTreeSet<_>>().len(), "a table is listed twice");
        assert_eq!(there, listed.into_iter().collect(), "tables (left) and what privacy/registry.rs lists (right)");
        for (table, columns) in &found {
            let of_player = columns.iter().any(|(column, _)| column == "player_id");
            assert!(!of_player || personal.contains(&table.as_str()), "{table} has a player and is in no holding");
        }
        assert!(other_tables().iter().all(|(_, reason)| !reason.is_empty()));
        sql.close().await;
    }
}

on_every_engine! {
    async fn an_export_has_everything_and_is_the_players_own(app) {
        let ann = furnished(app, "ann").await;
        let bob = app.as_player("bob").await;
        let asked: Export = ann.call(Method::POST, EXPORTS).send().await.expect(202).json();
        let path = format!("{EXPORTS}/{}", asked.id);
        let found = ready(&ann, &asked).await;
        assert_eq!(found.status, ExportStatus::Ready);
        let reply = ann.get(&format!("{path}/archive")).send().await.expect(200);
        assert_eq!(reply.header("content-type"), "application/zip");
        assert!(reply.header("content-disposition").starts_with("attachment; filename=\"player-data-"));
        assert_eq!(reply.body.len() as i64, found.size_bytes);
        let archive = unpack(&reply.body);
        let json = |name: &str| -> Value { serde_json::from_slice(&archive[name]).unwrap() };
        assert_eq!(json("auth/account.json")["email"], "ann@example.com");
        assert_eq!(json("auth/account.json")["player_id"], ann.id());
        assert!(json("auth/account.json")["created_at"].as_str().unwrap().ends_with('Z'));
        assert_eq!(json("auth/sessions.json").as_array().unwrap().len(), 2);
        assert_eq!(json("privacy/age.json")["age"], "adult");
        assert_eq!(json("privacy/consents.json")[0]["purpose"], "analytics");
        assert_eq!(json("privacy/acceptances.json")[0]["version"], "3");
        assert_eq!(json("privacy/exports.json").as_array().unwrap().len(), 1);
        let versions = json("saves/versions.json");
        let of = |slot: &str| -> Vec<Value> {
            versions.as_array().unwrap().iter().filter(|version| version["slot"] == slot).cloned().collect()
        };
        let value = of("slot1")[0]["version"].as_str().unwrap().to_owned();
        assert_eq!(json(&format!("saves/content/{value}.json")), "the story of ann");
        assert!(archive.contains_key(&format!("saves/content/{value}.bin")));
        let large = of("large")[0]["version"].as_str().unwrap().to_owned();
        assert!(archive[&format!("saves/content/{large}.bin")] == noise(7, 100_000), "bytes come as they went");
        assert_eq!(of("gone").len(), 2, "the deleted version's row, and the mark");
        let text = archive.values().map(|bytes| String::from_utf8_lossy(bytes)).collect::<String>();
        for secret in ["password_hash", "$argon2", "refresh_hash", "code_hash"] {
            assert!(!text.contains(secret), "{secret} is in the archive");
        }
        let mail = &mails_to(app, "ann@example.com", 2).await[1];
        assert!(mail.text.contains("ready"), "{}", mail.text);
        // Nobody else's.
        bob.get(&path).send().await.refused(ErrorCode::NotFound);
        bob.get(&format!("{path}/archive")).send().await.refused(ErrorCode::NotFound);
        app.get(&format!("{path}/archive")).send().await.refused(ErrorCode::Unauthenticated);
        ann.get(&format!("{EXPORTS}/..%2f..%2fkeys/archive")).send().await.refused(ErrorCode::NotFound);
        ann.get(&format!("{EXPORTS}/{}", bob.id())).send().await.refused(ErrorCode::NotFound);
    }
}

on_both_engines! {
    async fn exports_are_few_at_once_and_a_day(app) {
        let ann = app.as_player("ann").await;
        let mut ids = BTreeSet::new();
        for _ in 0..3 {
            let asked: Export = ann.call(Method::POST, EXPORTS).send().await.expect(202).json();
            ready(&ann, &asked).await;
            ids.insert(asked.id.as_str().to_owned());
        }
        assert_eq!(ids.len(), 3);
        let refused = ann.call(Method::POST, EXPORTS).send().await;
        refused.refused(ErrorCode::RateLimited);
        assert!(refused.header("retry-after").parse::<u64>().unwrap() > 80_000);
    }

    async fn an_erasure_leaves_nothing_but_a_receipt(app, |config| {
        config.privacy.erasure_grace_s = 0;
        config.http.request_timeout_ms = 500;
    }) {
        let ann = furnished(app, "annabelle").await;
        let bob = furnished(app, "bob").await;
        let export: Export = ann.call(Method::POST, EXPORTS).send().await.expect(202).json();
        ready(&ann, &export).await;
        post(&ann, ERASURE, json!({})).await.refused(ErrorCode::LoginRequired);
        post(&ann, ERASURE, json!({ "password": "wrong horse" })).await.refused(ErrorCode::InvalidCredentials);
        let password = json!({ "password": password_of("annabelle") });
        let asked: Receipt = post(&ann, ERASURE, password).await.expect(202).json();
        ann.get(PRIVACY).send().await.refused(ErrorCode::SessionEnded);
        let done = erased(app, &asked).await;
        assert!(done.erased["saves"] >= 4 && done.erased["auth"] >= 2 && done.erased["privacy"] >= 4, "{done:?}");
        app.login("annabelle@example.com", &password_of("annabelle")).send().await.refused(ErrorCode::InvalidCredentials);
        // A word that was only in the save, and everything that names the player.
        let words = [ann.id(), "annabelle", export.id.as_str()];
        let sql = database(app).await;
        assert_eq!(in_tables(&sql, &words).await, [""; 0]);
        assert!(!in_tables(&sql, &["bob@example.com"]).await.is_empty(), "the search finds what is there");
        sql.close().await;
        until("the files to be rid of the player", async || {
            let mut found = Vec::new();
            in_files(app.data(), &words, &mut found);
            found.is_empty().then_some(())
        })
        .await;
        let mails = mails_to(app, "annabelle@example.com", 3).await;
        assert!(mails.last().unwrap().text.contains("erased"));
        // Another player's things stay.
        assert_eq!(bob.get_save("slot1").await["data"], "the story of bob");
        assert_eq!(files(&app.data().join("blobs")), 1);
        app.get("/api/v1/privacy/receipts/0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f").send().await.refused(ErrorCode::NotFound);
        // A server that starts now knows that the session is over, though its access token has not run out.
        app.stop().await;
        app.start_again().await;
        ann.get(PRIVACY).send().await.refused(ErrorCode::SessionEnded);
        ann.put(json!({ "slot": "slot1", "data": "back" })).send().await.refused(ErrorCode::SessionEnded);
        ann.refresh(&ann.tokens.refresh_token).await.refused(ErrorCode::SessionEnded);
        // The name is free again, for a stranger to what was.
        let again = app.as_player("annabelle").await;
        assert!(again.list().await.items.is_empty() && again.id() != ann.id());
    }

    async fn an_erasure_can_be_taken_back_within_its_grace(app) {
        let ann = verified(app, "ann").await;
        ann.put_save("slot1", "kept").await;
        let password = json!({ "password": password_of("ann") });
        let asked: Receipt = post(&ann, ERASURE, password.clone()).await.expect(202).json();
        assert_eq!(asked.erasure_at_ms - asked.requested_at_ms, 14 * 24 * 3600 * 1000);
        ann.get(PRIVACY).send().await.refused(ErrorCode::SessionEnded);
        ann.refresh(&ann.tokens.refresh_token).await.refused(ErrorCode::SessionEnded);
        let mails = mails_to(app, "ann@example.com", 2).await;
        assert!(mails[1].text.contains("will be erased"), "{}", mails[1].text);
        let back = app.on_other_device(&ann).await;
        assert_eq!(state(&back).await.erasure_at_ms, Some(asked.erasure_at_ms));
        let again: Receipt = post(&back, ERASURE, password).await.expect(202).json();
        assert_eq!(again, asked, "there is one erasure");
        let back = app.on_other_device(&ann).await;
        let bob = app.as_player("bob").await;
        bob.call(Method::DELETE, ERASURE).send().await.refused(ErrorCode::NotFound);
        back.call(Method::DELETE, ERASURE).send().await.expect(204);
        back.call(Method::DELETE, ERASURE).send().await.refused(ErrorCode::NotFound);
        receipt(app, &asked).await.refused(ErrorCode::NotFound);
        assert_eq!(state(&back).await.erasure_at_ms, None);
        assert_eq!(back.get_save("slot1").await["data"], "kept");
    }

    async fn policies_are_accepted_in_their_newest_version(app) {
        let ann = app.as_player("ann").await;
        assert_eq!(app.get("/api/v1/privacy/policies").send().await.expect(200).json::<Policies>().items, []);
        publish(app, "terms", "1", true).await.unwrap();
        publish(app, "cookies", "1", false).await.unwrap();
        let to_accept = |state: PrivacyState| -> Vec<String> {
            state.policies_to_accept.into_iter().map(|policy| policy.version).collect()
        };
        assert_eq!(to_accept(state(&ann).await), ["1"], "what is not required is not asked for");
        let accept = async |policy: &str, version: &str| {
            post(&ann, "/api/v1/privacy/acceptances", json!({ "policy": policy, "version": version })).await
        };
        for _ in 0..2 {
            accept("terms", "1").await.expect(204);
            assert_eq!(to_accept(state(&ann).await), [""; 0]);
        }
        publish(app, "terms", "2", true).await.unwrap();
        assert!(publish(app, "terms", "2", true).await.is_err(), "what players accepted does not change");
        assert!(publish(app, "te rms", "2", true).await.is_err());
        assert_eq!(to_accept(state(&ann).await), ["2"]);
        accept("terms", "1").await.refused(ErrorCode::UnknownPolicy);
        accept("privacy", "1").await.refused(ErrorCode::UnknownPolicy);
        accept("terms", "2").await.expect(204);
        let listed: Policies = app.get("/api/v1/privacy/policies").send().await.expect(200).json();
        let names: Vec<_> = listed.items.iter().map(|p| (p.policy.as_str(), p.version.as_str())).collect();
        assert_eq!(names, [("cookies", "1"), ("terms", "2")]);
        let sql = database(app).await;
        assert_eq!(policies_for_terminal(&sql).await.unwrap(), listed.items);
        sql.close().await;
    }

    async fn consents_stand_as_they_were_last_said(app) {
        let ann = app.as_player("ann").await;
        assert_eq!(state(&ann).await.allowed, []);
        let said: PrivacyState = consent(&ann, Purpose::Voice, true).await.expect(200).json();
        assert_eq!((said.allowed, said.consents.len()), (vec![Purpose::Voice], 1));
        consent(&ann, Purpose::Voice, true).await.expect(200);
        let said: PrivacyState = consent(&ann, Purpose::Voice, false).await.expect(200).json();
        assert_eq!(said.allowed, []);
        assert!(!said.consents[0].granted && said.consents[0].by == "player");
        put(&ann, CONSENTS, json!({ "purpose": "everything", "granted": true })).await.refused(ErrorCode::InvalidRequest);
        let sql = database(app).await;
        let count = |row: &Row<'_>| row.int(0);
        let records = sql.all_games().read("SELECT COUNT(*) FROM privacy_consent", vec![], count).await.unwrap();
        assert_eq!(records, [2], "records are added where something changed");
        sql.close().await;
    }

    async fn a_child_needs_a_parent(app) {
        let kid = app.as_player("kid").await;
        consent(&kid, Purpose::Analytics, true).await.expect(200);
        post(&kid, PARENT, json!({ "email": "mum@example.com" })).await.refused(ErrorCode::InvalidRequest);
        for wrong in [json!({ "birth_year": 1800 }), json!({ "birth_year": 2020, "birth_month": 13 }), json!({})] {
            put(&kid, AGE, wrong).await.refused(ErrorCode::InvalidRequest);
        }
        let said: PrivacyState = put(&kid, AGE, json!({ "birth_year": 2020 })).await.expect(200).json();
        assert_eq!((said.age, said.parent), (AgeBand::Child, ParentState::None));
        assert_eq!(said.allowed, [], "what was consented to before does not count");
        put(&kid, AGE, json!({ "birth_year": 1980 })).await.refused(ErrorCode::AgeSaid);
        consent(&kid, Purpose::Voice, true).await.refused(ErrorCode::ParentRequired);
        post(&kid, PARENT, json!({ "email": "KID@example.com" })).await.refused(ErrorCode::InvalidRequest);
        post(&kid, PARENT, json!({ "email": "nobody" })).await.refused(ErrorCode::InvalidEmail);
        post(&kid, PARENT, json!({ "email": "mum@example.com" })).await.expect(204);
        assert_eq!(state(&kid).await.parent, ParentState::Asked);
        let mail = &mails_to(app, "mum@example.com", 1).await[0];
        let code = code_in(mail);
        assert!(mail.text.contains("/account/parent#code="), "{}", mail.text);
        let answer = async |code: &str, granted: bool, purposes: Value| {
            app.post(ANSWER).json(&json!({ "code": code, "granted": granted, "purposes": purposes })).send().await
        };
        answer("0000-0000-0000-0000", true, json!([])).await.refused(ErrorCode::InvalidCode);
        answer("", true, json!([])).await.refused(ErrorCode::InvalidCode);
        answer(&code.to_lowercase(), true, json!(["voice"])).await.expect(204);
        let now = state(&kid).await;
        assert_eq!((now.parent, now.allowed), (ParentState::Granted, vec![Purpose::Voice]));
        consent(&kid, Purpose::Analytics, true).await.refused(ErrorCode::ParentRequired);
        let now: PrivacyState = consent(&kid, Purpose::Voice, false).await.expect(200).json();
        assert_eq!(now.allowed, [], "a child may say no");
        consent(&kid, Purpose::Voice, true).await.expect(200);
        // A parent may change their mind, with the same code.
        answer(&code, false, json!(["voice"])).await.expect(204);
        let now = state(&kid).await;
        assert_eq!((now.parent, now.allowed), (ParentState::Refused, vec![]));
        // The parent's address is kept nowhere once the mail has left.
        let sql = database(app).await;
        until("the parent's mail to leave", async || {
            in_tables(&sql, &["mum@example.com"]).await.is_empty().then_some(())
        })
        .await;
        sql.close().await;
        for _ in 0..2 {
            post(&kid, PARENT, json!({ "email": "dad@example.com" })).await.expect(204);
        }
        post(&kid, PARENT, json!({ "email": "dad@example.com" })).await.refused(ErrorCode::RateLimited);
        answer(&code, true, json!(["voice"])).await.refused(ErrorCode::InvalidCode);
    }

    async fn a_player_of_unknown_age_is_a_child_where_that_is_set(app, |config| config.privacy.unknown_is_child = true) {
        let ann = app.as_player("ann").await;
        consent(&ann, Purpose::Voice, true).await.refused(ErrorCode::ParentRequired);
        put(&ann, AGE, json!({ "birth_year": 1990, "birth_month": 5 })).await.expect(200);
        let now: PrivacyState = consent(&ann, Purpose::Voice, true).await.expect(200).json();
        assert_eq!(now.allowed, [Purpose::Voice]);
    }

    async fn what_is_privacys_own_is_nobody_elses(app) {
        for path in [PRIVACY, EXPORTS, ERASURE, CONSENTS, AGE, PARENT] {
            let method = match path {
                PRIVACY => Method::GET,
                CONSENTS | AGE => Method::PUT,
                _ => Method::POST,
            };
            app.client().request(method, path).json(&json!({})).send().await.refused(ErrorCode::Unauthenticated);
        }
    }
}

#[test]
fn no_log_names_an_erased_player() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let setup = Setup::new(&data)
            .env("AETHEX_LOG", "debug")
            .env("AETHEX_PRIVACY_ERASURE_GRACE_S", "0")
            .env("AETHEX_HTTP_REQUEST_TIMEOUT_MS", "500");
        let process = setup.start();
        let client = process.client();
        let request = json!({ "email": "quill@example.com", "password": "correct horse of quill" });
        let logged_in = client.post("/api/v1/auth/register").json(&request).send().await.expect(201).json();
        let quill = Player::new(client.clone(), "quill", logged_in);
        quill.put_bytes("large", &noise(3, 100_000)).await;
        let asked: Export = quill.call(Method::POST, EXPORTS).send().await.expect(202).json();
        ready(&quill, &asked).await;
        let password = json!({ "password": "correct horse of quill" });
        let asked: Receipt = post(&quill, ERASURE, password).await.expect(202).json();
        until("the erasure", async || {
            let found = client.get(&format!("/api/v1/privacy/receipts/{}", asked.id)).send().await;
            found.expect(200).json::<Receipt>().erased_at_ms
        })
        .await;
        let log = process.log();
        assert!(log.contains("serving"), "the log is there");
        for word in [quill.id(), "quill", "correct horse"] {
            assert!(!log.contains(word), "{word} is in the log");
        }
        let words = [quill.id(), "quill@example.com"];
        until("the files to be rid of the player", async || {
            let mut found = Vec::new();
            in_files(&data, &words, &mut found);
            found.is_empty().then_some(())
        })
        .await;
        assert!(process.stop().success());
    });
}
