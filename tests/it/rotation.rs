//! Signing keys rotate under load: no request fails, nobody is logged out.

use aethex_tests::process::{Process, Setup, binary, bounded};
use aethex_tests::{Client, Player, until};
use aethex_wire::auth::{LoggedIn, RegisterRequest, Tokens};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tempfile::TempDir;

/// Players that read and refresh all the time.
const PLAYERS: usize = 6;
/// Rotations in one run.
const ROTATIONS: usize = 3;

/// The name of the key that signed a token.
fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

async fn register(client: &Client, number: usize) -> Player {
    let body = RegisterRequest {
        email: format!("player{number}@example.com"),
        password: "correct horse".into(),
        ..RegisterRequest::default()
    };
    let reply = client.post("/api/v1/auth/register").json(&body).send().await.expect(201);
    Player::new(client.clone(), "player", reply.json::<LoggedIn>())
}

/// Reads with the token at hand, then exchanges it, again and again; every answer must be a success.
async fn play(mut player: Player, stop: Arc<AtomicBool>, served: Arc<AtomicU64>) -> Player {
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..5 {
            player.get("/api/v1/auth/profile").send().await.expect(200);
        }
        player.tokens = player.refresh(&player.tokens.refresh_token).await.expect(200).json::<Tokens>();
        served.fetch_add(6, Ordering::Relaxed);
    }
    player
}

fn rotate(folder: &TempDir) -> String {
    let done = bounded(binary())
        .args(["keys", "rotate", "--data"])
        .arg(folder.path().join("data"))
        .output()
        .unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{said}");
    said.split_whitespace().nth(3).unwrap().trim_end_matches(';').to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_keys_rotate_under_load_without_a_failed_request() {
    let folder = TempDir::new().unwrap();
    let setup = Setup::new(&folder.path().join("data")).env("AETHEX_AUTH_SIGNING_KEY_SETTLE_S", "1");
    let server: Process = setup.start();
    let client = server.client();
    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let watcher = register(&client, 99).await;
    let mut players = Vec::new();
    for number in 0..PLAYERS {
        let player = register(&client, number).await;
        players.push(tokio::spawn(play(player, stop.clone(), served.clone())));
    }
    let mut token = watcher.tokens.clone();
    for _ in 0..ROTATIONS {
        let added = rotate(&folder);
        until("the new key to sign", async || {
            token = watcher.refresh(&token.refresh_token).await.expect(200).json();
            // The token from before the rotations is as good as ever.
            watcher.get("/api/v1/auth/profile").send().await.expect(200);
            (kid(&token.access_token) == added).then_some(())
        })
        .await;
        let keys: Value = client.get("/.well-known/jwks.json").send().await.expect(200).json();
        assert!(keys["keys"].as_array().unwrap().iter().any(|key| key["kid"] == added.as_str()));
    }
    stop.store(true, Ordering::Relaxed);
    for player in players {
        let player = player.await.expect("no request failed");
        player.get("/api/v1/auth/profile").send().await.expect(200);
    }
    assert!(served.load(Ordering::Relaxed) > 100);
    assert!(server.stop().success());
}
