//! Another player's things, by every spelling of an id.

use aethex_tests::{App, Player, Reply, on_both_engines};
use aethex_wire::ErrorCode;
use http::Method;
use serde_json::json;

const NOBODY: &str = "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f";

/// Spellings of an id that some server somewhere takes for the id itself.
fn spellings(id: &str) -> Vec<String> {
    let encoded: String = id.bytes().map(|b| format!("%{b:02x}")).collect();
    vec![
        id.to_owned(),
        id.to_uppercase(),
        id.replace('-', ""),
        format!("%7B{id}%7D"),
        format!("urn:uuid:{id}"),
        format!("{id}%20"),
        format!("%20{id}"),
        format!("{id}%0a"),
        format!("{id}%09"),
        format!("{id}."),
        format!("{id};x=1"),
        format!("{id}%3F"),
        format!("{id}%2F"),
        format!("..%2F{id}"),
        format!("%2E%2E%2F{id}"),
        encoded,
        "%2A".to_owned(),
        "%25".to_owned(),
        "me".to_owned(),
        "-1".to_owned(),
        "0".to_owned(),
        "null".to_owned(),
        "'%20OR%20'1'='1".to_owned(),
    ]
}

async fn attempts(eve: &Player, user: &str, slot: &str) -> Vec<Reply> {
    let saves = format!("/api/v1/saves/{user}");
    let mut replies = Vec::new();
    for (method, path) in [
        (Method::GET, saves.clone()),
        (Method::GET, format!("{saves}/{slot}")),
        (Method::GET, format!("{saves}/history")),
        (Method::GET, format!("{saves}/history?slot={slot}")),
        (Method::DELETE, format!("{saves}/{slot}")),
        (Method::POST, saves),
    ] {
        let is_post = method == Method::POST;
        let call = eve.call(method, &path);
        let call = if is_post { call.json(&json!({ "slot": slot, "data": "eve was here" })) } else { call };
        replies.push(call.send().await);
    }
    let below = format!("/api/v1/saves/{user}/{slot}");
    for (method, path, body) in [
        (Method::GET, format!("{below}/diff?from={NOBODY}"), json!({})),
        (Method::PUT, format!("{below}/versions/{NOBODY}"), json!({ "pinned": true })),
        (Method::POST, format!("{below}/restore"), json!({ "version": NOBODY })),
        (Method::POST, format!("{below}/branch"), json!({ "to": "copy" })),
        (Method::GET, format!("/api/v1/saves-quota/{user}"), json!({})),
        (Method::GET, format!("/api/v1/saves-devices/{user}"), json!({})),
        (Method::PUT, format!("/api/v1/saves-devices/{user}/pc"), json!({ "slot": slot })),
    ] {
        let call = eve.call(method.clone(), &path);
        let call = if method == Method::GET { call } else { call.json(&body) };
        replies.push(call.send().await);
    }
    replies
}

async fn attack(app: &App, eve: &Player, victim: &Player) {
    let secret = victim.get_save("slot1").await;
    let nobody = attempts(eve, NOBODY, "slot1").await;
    for reply in &nobody {
        reply.refused(ErrorCode::NotFound);
    }
    for spelling in spellings(victim.id()) {
        for (reply, nobody) in attempts(eve, &spelling, "slot1").await.iter().zip(&nobody) {
            assert_eq!(reply.without_request_id(), nobody.without_request_id(), "{spelling}: {reply}");
        }
    }
    // Nor by one's own spelling: an id has one.
    for spelling in spellings(eve.id()).iter().skip(1).filter(|spelling| !spelling.starts_with('%')) {
        eve.get(&format!("/api/v1/saves/{spelling}")).send().await.refused(ErrorCode::NotFound);
    }
    // Without a token there is not even a difference between players.
    for user in [victim.id(), NOBODY] {
        app.get(&format!("/api/v1/saves/{user}/slot1")).send().await.refused(ErrorCode::Unauthenticated);
        let call = app.post(&format!("/api/v1/saves/{user}")).json(&json!({ "slot": "s", "data": 1 }));
        call.send().await.refused(ErrorCode::Unauthenticated);
    }
    assert_eq!(victim.get_save("slot1").await, secret);
    assert_eq!(victim.history("slot1").await.len(), 1);
}

on_both_engines! {
    async fn nobody_reaches_another_players_saves(app) {
        let ann = app.as_player("ann").await;
        let eve = app.as_player("eve").await;
        ann.put_save("slot1", "ann's secret").await;
        attack(app, &eve, &ann).await;
        // Eve has a slot of that name herself: it stays apart.
        eve.put_save("slot1", "eve's own").await;
        attack(app, &eve, &ann).await;
        assert_eq!(eve.get_save("slot1").await["data"], "eve's own");
    }

    async fn another_players_versions_and_keys_mean_nothing(app) {
        let ann = app.as_player("ann").await;
        let eve = app.as_player("eve").await;
        let call = ann.put(json!({ "slot": "s", "data": "secret" })).header("idempotency-key", "key");
        let anns: aethex_wire::saves::SaveVersion = call.send().await.expect(201).json();
        eve.put_save("s", "own").await;
        let path = format!("{}?version={}", eve.slot_path("s"), anns.version);
        eve.get(&path).send().await.refused(ErrorCode::VersionNotFound);
        eve.put_on("s", "x", &[&anns.version]).await.refused(ErrorCode::UnknownParent);
        let slot = eve.slot_path("s");
        let own = eve.head("s").await.version;
        for query in [format!("from={}", anns.version), format!("from={own}&to={}", anns.version)] {
            eve.get(&format!("{slot}/diff?{query}")).send().await.refused(ErrorCode::VersionNotFound);
        }
        for (method, rest, body) in [
            (Method::PUT, format!("versions/{}", anns.version), json!({ "pinned": true })),
            (Method::POST, "restore".to_owned(), json!({ "version": anns.version })),
            (Method::POST, "branch".to_owned(), json!({ "to": "t", "version": anns.version })),
        ] {
            let reply = eve.call(method, &format!("{slot}/{rest}")).json(&body).send().await;
            reply.refused(ErrorCode::VersionNotFound);
        }
        assert!(!ann.history("s").await[0].pinned);
        let call = eve.put(json!({ "slot": "s", "data": "secret" })).header("idempotency-key", "key");
        let eves: aethex_wire::saves::SaveVersion = call.send().await.expect(201).json();
        assert_ne!(eves.version, anns.version);
        let history = format!("/api/v1/saves/{}/history?cursor={}", eve.id(), anns.version);
        let page: aethex_wire::page::Page<aethex_wire::saves::SaveVersion> = eve.get(&history).send().await.expect(200).json();
        assert!(page.items.iter().all(|version| version.version != anns.version));
        eve.get(&format!("{}?if=x", eve.slot_path("s"))).send().await.refused(ErrorCode::InvalidRequest);
        let etag = format!("\"{}\"", anns.version);
        eve.get(&eve.slot_path("s")).header("if-none-match", etag).send().await.expect(200);
    }

    async fn a_name_never_becomes_a_path(app) {
        let ann = app.as_player("ann").await;
        let before = files(app.data());
        let content = aethex_tests::player::noise(5, 100_000);
        let names = [
            "../../../../../../tmp/aethex-escaped", "..\\..\\escaped", "/etc/aethex-escaped", "a/../../b", "%2e%2e%2fescaped",
            "....//escaped", "file:///tmp/escaped", "keys/secret.key", "aethex.sqlite", "C:\\escaped", "~/escaped", "$HOME/escaped",
            "`id`", "escaped;id", "\u{2025}/escaped", "..%c0%afescaped", "CON", "a.",
        ];
        for name in names {
            ann.put_bytes(name, &content).await;
            assert_eq!(ann.get_frame(name, None).await.1, content, "{name}");
        }
        let blobs: Vec<String> = files(app.data()).into_iter().filter(|file| !before.contains(file)).collect();
        let blobs: Vec<&String> = blobs.iter().filter(|file| file.contains("/blobs/")).collect();
        assert_eq!(blobs.len(), names.len());
        for blob in blobs {
            let under = blob.split("/blobs/").nth(1).unwrap();
            assert!(under.split('/').all(aethex_wire::ids::is_canonical), "{blob} is not made of ids");
        }
        assert!(!std::path::Path::new("/tmp/aethex-escaped").exists());
        for path in ["/api/v1/../../etc/passwd", "/..%2f..%2fetc/passwd", "/api/v1/saves/..%2f..", "//etc/passwd", "/.git/config"] {
            app.get(path).bearer(&ann.tokens.access_token).send().await.refused(ErrorCode::NotFound);
        }
        // Bytes that are no text name nothing.
        let reply = ann.get(&format!("{}/%ff%fe", ann.saves_path())).send().await;
        reply.refused(ErrorCode::InvalidRequest);
    }
}

fn files(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)),
            path => found.push(path.to_string_lossy().into_owned()),
        }
    }
    found
}
