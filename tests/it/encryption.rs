//! Encryption at rest: what lies on the disk and in the database, and what happens to keys.

use crate::privacy::{database, erased, in_files, in_tables};
use aethex_backend::config::Config;
use aethex_backend::doctor;
use aethex_backend::ports::kms::KmsKind;
use aethex_backend::ports::sql::{Row, Statement};
use aethex_backend::saves::seal::{prune_encryption_keys, renew_player_key, rotate_encryption_key};
use aethex_tests::app::password_of;
use aethex_tests::player::{bytes_request, noise};
use aethex_tests::vault::{KEY, Vault};
use aethex_tests::{App, Engine, Player, on_both_engines, until};
use aethex_wire::ErrorCode;
use aethex_wire::auth::LoggedIn;
use aethex_wire::privacy::Receipt;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Method;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// What must not be found.
const MARKER: &str = "the dragon sleeps under the seventh hill";
/// The file of the first encryption key.
const FIRST_KEY: &str = "encryption-0000000000000.key";

/// A content that goes to the blob store, with the marker in it.
fn large() -> Vec<u8> {
    [noise(1, 60_000).as_slice(), MARKER.as_bytes(), &noise(2, 60_000)].concat()
}

/// Saves of every kind, with the marker in each.
async fn play(player: &Player) {
    player.put_save("value", MARKER).await;
    player.put_bytes("bytes", MARKER.as_bytes()).await;
    player.put_bytes("large", &large()).await;
    // A patch against what was there.
    let mut changed = large();
    changed.splice(50_000..50_010, MARKER.bytes());
    player.put_bytes("large", &changed).await;
    let part = json!({ "name": "picture", "data_base64": STANDARD.encode(MARKER) });
    let body = json!({ "slot": "parts", "data": "plain", "parts": [part] });
    player.put(body).send().await.expect(201);
}

/// They are what they were.
async fn check(player: &Player) {
    assert_eq!(player.get_save("value").await["data"], MARKER);
    assert_eq!(player.get_frame("bytes", None).await.1, MARKER);
    let versions = player.history("large").await;
    assert_eq!(player.get_frame("large", None).await.1.len(), large().len() - 10 + MARKER.len());
    assert!(player.get_frame("large", Some(&versions[1].version)).await.1 == large());
    let part = player.get(&format!("{}/parts/picture", player.slot_path("parts"))).send().await.expect(200);
    assert_eq!(part.body, MARKER);
}

/// Where the marker stands, in the database and in the data folder.
async fn found(app: &App) -> Vec<String> {
    let sql = database(app).await;
    let mut found = in_tables(&sql, &[MARKER]).await;
    sql.close().await;
    in_files(app.data(), &[MARKER], &mut found);
    found
}

async fn count(app: &App, statement: Statement) -> i64 {
    let sql = database(app).await;
    let rows = sql.all_games().read(statement, vec![], |row: &Row<'_>| row.int(0)).await.unwrap();
    sql.close().await;
    rows[0]
}

async fn execute(app: &App, statement: String) -> u64 {
    let sql = database(app).await;
    let done = sql.all_games().execute(Box::leak(statement.into_boxed_str()), vec![]).await.unwrap();
    sql.close().await;
    done
}

/// The encryption keys that wrap something.
async fn keks(app: &App) -> Vec<String> {
    let sql = database(app).await;
    let found = sql
        .all_games()
        .read("SELECT DISTINCT kek_id FROM saves_key ORDER BY kek_id", vec![], |row| row.text(0))
        .await;
    sql.close().await;
    found.unwrap()
}

async fn guest(app: &App) -> Player {
    let key = URL_SAFE_NO_PAD.encode(aethex_tests::player::noise(7, 32));
    let reply = app.post("/api/v1/auth/guest").json(&json!({ "device_key": key })).send().await;
    Player::new(app.client().clone(), "guest", reply.expect(200).json::<LoggedIn>())
}

async fn refused_start(config: &Config) -> String {
    aethex_backend::Server::start(config.clone()).await.map(drop).unwrap_err().to_string()
}

async fn erase(app: &App, player: &Player) {
    let password = json!({ "password": password_of(&player.name) });
    let asked = player.call(Method::POST, "/api/v1/privacy/erasure").json(&password).send().await;
    erased(app, &asked.expect(202).json::<Receipt>()).await;
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files_under(&path) } else { vec![path] }).collect()
}

on_both_engines! {
    async fn no_content_lies_in_plain_text(app) {
        let ann = app.as_player("ann").await;
        play(&ann).await;
        check(&ann).await;
        assert_eq!(found(app).await, [""; 0]);
        assert!(count(app, "SELECT COUNT(*) FROM saves_version WHERE blob_key IS NOT NULL").await > 0);
        assert_eq!(count(app, "SELECT COUNT(*) FROM saves_key").await, 1, "a player has one key");
        assert_eq!(count(app, "SELECT COUNT(*) FROM saves_version WHERE sealed_by IS NULL").await, 0);
        app.stop().await;
        app.start_again().await;
        check(&ann).await;
        assert_eq!(found(app).await, [""; 0]);
    }

    async fn what_was_stored_without_encryption_stays_readable(app, |config| config.saves.encryption.enabled = false) {
        let ann = app.as_player("ann").await;
        play(&ann).await;
        assert!(!found(app).await.is_empty(), "the search finds what is there");
        assert_eq!(count(app, "SELECT COUNT(*) FROM saves_key").await, 0);
        assert!(!app.data().join("keys").join(FIRST_KEY).exists());
        let mut config = app.config.clone();
        config.saves.encryption.enabled = true;
        app.stop().await;
        let on = aethex_backend::Server::start(config).await.unwrap();
        check(&ann).await;
        ann.put_save("value", "encrypted from now on").await;
        on.stop().await;
        // And off again: what is encrypted stays readable as well.
        app.start_again().await;
        assert_eq!(ann.get_save("value").await["data"], "encrypted from now on");
        let history = ann.history("value").await;
        ann.get_frame("value", Some(&history[1].version)).await;
    }

    async fn encryption_keys_rotate_under_load(app) {
        let (ann, stop) = (app.as_player("ann").await, AtomicBool::new(false));
        play(&ann).await;
        let load = async {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                // As many new players as may register from one address at once.
                if number < 10 {
                    let player = app.as_player(&format!("player{number}")).await;
                    player.put_save("slot", MARKER).await;
                    assert_eq!(player.get_save("slot").await["data"], MARKER);
                }
                ann.put_save("value", MARKER).await;
                number += 1;
            }
            number
        };
        let rotation = async {
            let before = keks(app).await;
            let said = rotate_encryption_key(&app.config).await.unwrap();
            let newest = until("every key to be wrapped anew", async || {
                let now = keks(app).await;
                (now.len() == 1 && now != before).then(|| now[0].clone())
            })
            .await;
            assert!(said.contains(&newest), "{said}");
            let pruned = prune_encryption_keys(&app.config).await.unwrap();
            assert!(pruned.contains("no encryption key was replaced over an hour ago"), "{pruned}");
            stop.store(true, Ordering::Relaxed);
        };
        let (players, ()) = tokio::join!(load, rotation);
        assert!(players > 0);
        // What pruning does an hour later.
        std::fs::remove_file(app.data().join("keys").join(FIRST_KEY)).unwrap();
        app.stop().await;
        app.start_again().await;
        check(&ann).await;
        assert_eq!(found(app).await, [""; 0]);
    }

    async fn a_players_new_key_seals_what_comes_and_the_old_one_opens_what_was(app) {
        let ann = app.as_player("ann").await;
        play(&ann).await;
        let game = execute_text(app, "SELECT game_id FROM saves_key").await;
        let said = renew_player_key(&app.config, &game, ann.id()).await.unwrap();
        assert!(renew_player_key(&app.config, &game, &game).await.is_err(), "nobody");
        app.stop().await;
        app.start_again().await;
        check(&ann).await;
        ann.put_save("value", MARKER).await;
        assert_eq!(count(app, "SELECT COUNT(DISTINCT sealed_by) FROM saves_version").await, 2, "{said}");
        check(&ann).await;
    }

    async fn an_erasure_shreds_every_copy(app, |config| {
        config.privacy.erasure_grace_s = 0;
        config.http.request_timeout_ms = 3_000;
    }) {
        let (ann, bob) = (app.as_player("ann").await, app.as_player("bob").await);
        let (mallory, eve) = (app.as_player("mallory").await, app.as_player("eve").await);
        play(&ann).await;
        play(&bob).await;
        // Copies of the contents, as a thief or a backup has them; without the keys.
        let tables = ["saves_version", "saves_part", "saves_version_part"];
        for table in tables {
            execute(app, format!("CREATE TABLE copy_{table} AS SELECT * FROM {table}")).await;
        }
        let copies: Vec<_> =
            files_under(&app.data().join("blobs")).into_iter().map(|path| (std::fs::read(&path).unwrap(), path)).collect();
        erase(app, &ann).await;
        assert_eq!(count(app, "SELECT COUNT(*) FROM saves_key").await, 1, "bob's");
        for (copy, path) in copies {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, copy).unwrap();
        }
        // They are put before the server, as other players' contents.
        for (from, to) in [(&ann, &mallory), (&bob, &eve)] {
            for table in tables {
                let (from, to) = (from.id(), to.id());
                execute(app, format!("UPDATE copy_{table} SET player_id = '{to}' WHERE player_id = '{from}'")).await;
                let back = format!("INSERT INTO {table} SELECT * FROM copy_{table} WHERE player_id = '{to}'");
                assert!(execute(app, back).await > 0);
            }
        }
        // What a server has in memory ends with it.
        app.stop().await;
        app.start_again().await;
        check(&eve).await;
        for slot in ["value", "bytes", "large"] {
            let (mallory, path) = (mallory.clone(), mallory.slot_path(slot));
            let read = tokio::spawn(async move { mallory.get(&path).send().await });
            assert!(read.await.is_err_and(|failed| failed.is_panic()), "{slot}: 500, which the harness minds");
        }
        for table in tables {
            execute(app, format!("DROP TABLE copy_{table}")).await;
        }
    }

    async fn a_merge_of_accounts_keeps_both_readable(app) {
        let (ann, guest) = (app.as_player("ann").await, guest(app).await);
        play(&guest).await;
        ann.put_save("mine", MARKER).await;
        let body = json!({ "other_refresh_token": guest.tokens.refresh_token });
        ann.call(Method::POST, "/api/v1/auth/merge").json(&body).send().await.expect(200);
        let keys = format!("SELECT COUNT(*) FROM saves_key WHERE player_id = '{}'", ann.id());
        assert_eq!(count(app, Box::leak(keys.into_boxed_str())).await, 2);
        check(&ann).await;
        app.stop().await;
        app.start_again().await;
        check(&ann).await;
        assert_eq!(ann.get_save("mine").await["data"], MARKER);
        ann.put_save("mine", "after").await;
        assert_eq!(found(app).await, [""; 0]);
    }

    async fn a_lost_encryption_key_is_an_error_and_no_new_one(app) {
        let ann = app.as_player("ann").await;
        play(&ann).await;
        let file = app.data().join("keys").join(FIRST_KEY);
        let key = std::fs::read(&file).unwrap();
        app.stop().await;
        std::fs::remove_file(&file).unwrap();
        let refused = refused_start(&app.config).await;
        for part in ["keys folder misses encryption key file:", "wraps 1 players' keys", FIRST_KEY] {
            assert!(refused.contains(part), "{refused}");
        }
        let checks = doctor::run(&app.config).await;
        let said = checks.into_iter().find(|check| check.what == "encryption").unwrap();
        assert!(said.outcome.unwrap_err().contains("misses"));
        assert!(!file.exists(), "no key was made");
        // A key of that name, and another one.
        std::fs::write(&file, "11".repeat(32)).unwrap();
        assert!(refused_start(&app.config).await.contains("misses encryption key"));
        std::fs::write(&file, "damaged").unwrap();
        assert!(refused_start(&app.config).await.contains("damaged"));
        std::fs::write(&file, key).unwrap();
        app.start_again().await;
        check(&ann).await;
        let checks = doctor::run(&app.config).await;
        let said = checks.into_iter().find(|check| check.what == "encryption").unwrap();
        assert!(said.outcome.unwrap().starts_with("keys folder: file:"));
    }
}

async fn execute_text(app: &App, statement: Statement) -> String {
    let sql = database(app).await;
    let rows = sql.all_games().read(statement, vec![], |row: &Row<'_>| row.text(0)).await.unwrap();
    sql.close().await;
    rows[0].clone()
}

/// Settings for a key server.
async fn use_vault(config: &mut Config, vault: &Vault) {
    config.kms.kind = KmsKind::Vault;
    config.kms.vault_url = vault.url();
    config.kms.vault_key = KEY.into();
    config.kms.vault_token = vault.token().await;
}

fn with_vault(engine: Engine, test: impl AsyncFnOnce(&mut App, &Vault)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let vault = Vault::start().await;
        let mut app = App::start(engine, |_| {}).await;
        Box::pin(test(&mut app, &vault)).await;
        app.finish().await;
    });
}

#[test]
fn a_key_server_takes_over_from_the_folder_and_rotates() {
    with_vault(Engine::Postgres, async |app, vault| {
        let ann = app.as_player("ann").await;
        play(&ann).await;
        app.stop().await;
        use_vault(&mut app.config, vault).await;
        app.start_again().await;
        let wrapped_by = async |app: &App, kek: &str| {
            until("every key to be wrapped anew", async || (keks(app).await == [kek]).then_some(())).await;
        };
        wrapped_by(app, "vault:transit/saves:v1").await;
        std::fs::remove_file(app.data().join("keys").join(FIRST_KEY)).unwrap();
        app.stop().await;
        app.start_again().await;
        check(&ann).await;
        let said = rotate_encryption_key(&app.config).await.unwrap();
        assert!(said.contains("vault:transit/saves:v2"), "{said}");
        app.stop().await;
        app.start_again().await;
        wrapped_by(app, "vault:transit/saves:v2").await;
        vault.ask("transit/keys/saves/config", json!({ "min_decryption_version": 2 })).await;
        app.stop().await;
        app.start_again().await;
        check(&ann).await;
        // And back into the folder.
        app.stop().await;
        app.config.kms.kind = KmsKind::File;
        rotate_encryption_key(&app.config).await.unwrap();
        app.start_again().await;
        until("the folder's key", async || keks(app).await[0].starts_with("file:").then_some(())).await;
        check(&ann).await;
        assert_eq!(found(app).await, [""; 0]);
    });
}

#[test]
fn a_key_server_that_is_away_holds_up_new_players_only() {
    with_vault(Engine::Sqlite, async |app, vault| {
        app.stop().await;
        use_vault(&mut app.config, vault).await;
        let token = app.config.kms.vault_token.clone();
        app.start_again().await;
        let (ann, bob) = (app.as_player("ann").await, app.as_player("bob").await);
        play(&ann).await;
        vault.pause(true);
        ann.put_save("value", MARKER).await;
        check(&ann).await;
        bob.put(json!({ "slot": "slot", "data": MARKER })).send().await.refused(ErrorCode::Overloaded);
        let checks = doctor::run(&app.config).await;
        let said = checks.into_iter().find(|check| check.what == "encryption").unwrap().outcome.unwrap_err();
        assert!(said.contains("cannot be reached"), "{said}");
        vault.pause(false);
        bob.put_save("slot", MARKER).await;
        // A server starts without it; saves wait.
        app.stop().await;
        vault.pause(true);
        app.start_again().await;
        ann.get(&ann.slot_path("value")).send().await.refused(ErrorCode::Overloaded);
        vault.pause(false);
        check(&ann).await;
        // Its token ends: the operator has to do something.
        vault.revoke(&token).await;
        app.as_player("eve")
            .await
            .put(json!({ "slot": "slot", "data": MARKER }))
            .send()
            .await
            .refused(ErrorCode::Overloaded);
        app.stop().await;
        let refused = refused_start(&app.config).await;
        assert!(refused.contains("forbidden") && !refused.contains(&token), "{refused}");
        app.config.kms.vault_token = vault.token().await;
        app.start_again().await;
        check(&ann).await;
    });
}

#[test]
fn another_key_of_the_same_name_is_told_from_the_right_one() {
    with_vault(Engine::Sqlite, async |app, vault| {
        app.stop().await;
        use_vault(&mut app.config, vault).await;
        let right = app.config.clone();
        app.config.kms.vault_key = "nothing".into();
        assert!(refused_start(&app.config).await.contains("forbidden"), "no key is made by the way");
        app.config = right;
        app.start_again().await;
        let ann = app.as_player("ann").await;
        ann.put_bytes("bytes", MARKER.as_bytes()).await;
        app.stop().await;
        vault.stop();
        vault.start_again().await;
        app.config.kms.vault_token = vault.token().await;
        let refused = refused_start(&app.config).await;
        assert!(refused.contains("vault:transit/saves:v1 does not open the keys of 1 players"), "{refused}");
        // Nothing was changed: with encryption turned off it is the same.
        app.config.saves.encryption.enabled = false;
        assert!(refused_start(&app.config).await.contains("does not open"));
        execute(app, "DELETE FROM saves_key".into()).await;
        app.start_again().await;
    });
}

#[test]
fn keys_that_do_not_fit_are_refused_at_the_start() {
    with_vault(Engine::Sqlite, async |app, vault| {
        app.stop().await;
        use_vault(&mut app.config, vault).await;
        vault.ask("transit/keys/signing", json!({ "type": "ed25519" })).await;
        let policy = r#"path "transit/keys/*" { capabilities = ["read"] }"#;
        vault.ask("sys/policies/acl/server", json!({ "policy": policy })).await;
        for (key, words) in [("signing", "of type ed25519"), ("absent", "is not there")] {
            app.config.kms.vault_key = key.into();
            let refused = refused_start(&app.config).await;
            assert!(refused.contains(words), "{refused}");
        }
        let file = app.folder("agent").join("token");
        app.config.kms.vault_key = KEY.into();
        std::fs::write(&file, std::mem::take(&mut app.config.kms.vault_token)).unwrap();
        app.config.kms.vault_token_file = file.display().to_string();
        app.start_again().await;
        app.stop().await;
        std::fs::remove_file(&file).unwrap();
        assert!(refused_start(&app.config).await.contains("cannot read the token"));
        app.config.kms = Config::default().kms;
        app.start_again().await;
    });
}

/// A frame's request is used as it is elsewhere: what the player's devices encrypted is opaque here.
#[test]
fn what_devices_encrypted_is_kept_as_it_came() {
    aethex_tests::app::run(
        Engine::Sqlite,
        |_| {},
        async |app| {
            let ann = app.as_player("ann").await;
            let mut request = bytes_request("slot");
            request.encoding = Some(aethex_wire::saves::Encoding::Sealed);
            let opaque = noise(9, 70_000);
            ann.put_frame(&request, &opaque, "").send().await.expect(201);
            let (frame, payload) = ann.get_frame("slot", None).await;
            assert_eq!(frame.version.encoding, aethex_wire::saves::Encoding::Sealed);
            assert!(payload == opaque);
        },
    );
}
