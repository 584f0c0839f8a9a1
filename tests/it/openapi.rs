//! The OpenAPI document: complete, true to the endpoint types, and true of the running server.

use aethex_tests::process::{Setup, bounded};
use aethex_tests::{App, Player, on_both_engines};
use aethex_wire::ErrorCode;
use aethex_wire::auth::LoggedIn;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;

/// Names schemathesis, the program that sends what the document allows and what it forbids.
const SCHEMATHESIS: &str = "AETHEX_TEST_SCHEMATHESIS";
/// Requests that it makes up for each operation and kind of test: seconds, not minutes.
const EXAMPLES_MAX: &str = "20";

#[derive(Debug)]
struct Described {
    name: String,
    method: String,
    path: String,
    access: String,
    status: u16,
}

/// Every endpoint that the contract declares for the API's address.
fn all() -> Vec<Described> {
    declared(false)
}

/// Every endpoint that the contract declares for the API's address or the studio's, read from its source, so that
/// none can be forgotten.
fn declared(for_studio: bool) -> Vec<Described> {
    let mut found = Vec::new();
    let files = walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk-core/wire/src"));
    for entry in files.into_iter().filter(|file| file.extension().is_some_and(|ending| ending == "rs")) {
        let source = std::fs::read_to_string(entry).unwrap().replace("\nendpoint! {", "\nendpoint!(");
        for declared in source.split("\nendpoint!(").skip(1) {
            let words = declared.lines().filter(|line| !line.trim_start().starts_with("///"));
            let words: String = words.collect::<Vec<_>>().join(" ");
            let parts: Vec<&str> = words.splitn(7, ',').map(str::trim).collect();
            let (method, path) = parts[2].split_once(' ').unwrap();
            found.push(Described {
                name: parts[1].trim_matches('"').to_owned(),
                method: method.to_uppercase(),
                path: path.trim_matches('"').to_owned(),
                access: parts[3].to_owned(),
                status: parts[4].parse().unwrap(),
            });
        }
    }
    found.retain(|endpoint| endpoint.access.starts_with("Studio") == for_studio);
    assert!(found.len() > 10, "the contract's sources were not understood");
    found
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// Every `$ref` leads somewhere.
fn check_references(node: &Value, document: &Value) {
    match node {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                let pointer = reference.strip_prefix('#').expect("references stay inside the document");
                assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
            }
            fields.values().for_each(|inner| check_references(inner, document));
        }
        Value::Array(items) => items.iter().for_each(|inner| check_references(inner, document)),
        _ => {}
    }
}

on_both_engines! {
    async fn the_document_describes_every_endpoint(app) {
        let document: Value = app.get("/api/v1/openapi.json").send().await.expect(200).json();
        assert_eq!(document["openapi"], "3.1.0");
        let paths = document["paths"].as_object().unwrap();
        for endpoint in all() {
            let path = paths.get(&endpoint.path).unwrap_or_else(|| panic!("{endpoint:?} is not in the document"));
            let operation = &path[endpoint.method.to_lowercase()];
            assert_eq!(operation["operationId"], endpoint.name);
            let success = &operation["responses"][endpoint.status.to_string()];
            assert!(success.is_object(), "{}", endpoint.name);
            assert_eq!(success.get("content").is_some(), endpoint.status != 204, "{}", endpoint.name);
            let secured = operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty());
            assert_eq!(secured, endpoint.access != "Public", "{}", endpoint.name);
            for name in endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                let parameters = operation["parameters"].as_array().unwrap();
                assert!(parameters.iter().any(|p| p["name"] == name && p["in"] == "path"), "{}: {name}", endpoint.name);
            }
        }
        let operations: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
        assert_eq!(operations, all().len(), "the document tells of what does not exist");
        check_references(&document, &document);
        let codes = document["x-error-codes"].as_object().unwrap();
        for code in ErrorCode::ALL.iter().filter(|code| code.status() != 0) {
            assert_eq!(codes[code.as_str()]["number"], code.number(), "{code}");
            assert_eq!(codes[code.as_str()]["status"], code.status(), "{code}");
        }
    }

    async fn the_studios_document_describes_every_endpoint(app, |config| config.studio.listen = "127.0.0.1:0".into()) {
        let document: Value = app.studio().get("/api/v1/studio/openapi.json").send().await.expect(200).json();
        let paths = document["paths"].as_object().unwrap();
        for endpoint in declared(true) {
            let operation = &paths[&endpoint.path][endpoint.method.to_lowercase()];
            assert_eq!(operation["operationId"], endpoint.name);
            assert!(operation["responses"][endpoint.status.to_string()].is_object(), "{}", endpoint.name);
            let secured = operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty());
            assert_eq!(secured, endpoint.access == "Studio", "{}", endpoint.name);
        }
        let operations: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
        assert_eq!(operations, declared(true).len(), "the document tells of what does not exist");
        check_references(&document, &document);
    }

    async fn every_endpoint_of_the_document_is_served_and_guarded(app) {
        for endpoint in all() {
            let path = endpoint.path.replace("{save_id}", "s").replace("{provider}", "google");
            let path: String = path
                .split('/')
                .map(|part| if part.starts_with('{') { "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f" } else { part })
                .collect::<Vec<_>>()
                .join("/");
            let method = http::Method::from_bytes(endpoint.method.as_bytes()).unwrap();
            let call = app.client().request(method, &path).json(&json!({}));
            let reply = call.send().await;
            if endpoint.access == "Public" && endpoint.method == "GET" && reply.status == 200 {
                continue;
            }
            let code = reply.problem().code;
            match endpoint.access.as_str() {
                "Player" => assert_eq!(code, ErrorCode::Unauthenticated, "{}", endpoint.name),
                "Server" => assert_eq!(code, ErrorCode::InvalidServerKey, "{}", endpoint.name),
                _ => assert_ne!(code, ErrorCode::MethodNotAllowed, "{}", endpoint.name),
            }
        }
    }
}

#[test]
fn the_printed_document_is_the_served_one() {
    let printed = bounded(aethex_tests::process::binary()).arg("openapi").output().unwrap();
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    aethex_tests::app::run(
        aethex_tests::Engine::Sqlite,
        |_| {},
        async |app: &App| {
            let served: Value = app.get("/api/v1/openapi.json").send().await.expect(200).json();
            assert_eq!(printed, served);
        },
    );
}

/// What the document allows is accepted or refused in its form, what it forbids is refused, nothing is 500.
#[test]
fn made_up_requests_find_no_difference_between_document_and_server() {
    let Some(program) = std::env::var_os(SCHEMATHESIS) else {
        println!("skipped: {SCHEMATHESIS} does not name schemathesis");
        return;
    };
    let folder = TempDir::with_prefix("aethex-test-").unwrap();
    let server = Setup::new(&folder.path().join("data"))
        .env("AETHEX_AUTH_LIMITS_REGISTRATIONS_PER_ADDRESS", "1000000")
        .env("AETHEX_AUTH_LIMITS_LOGIN_FAILURES_PER_ADDRESS", "1000000")
        .start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ann = runtime.block_on(async {
        let body = json!({ "email": "ann@example.com", "password": "correct horse" });
        let client = server.client();
        let logged_in: LoggedIn =
            client.post("/api/v1/auth/register").json(&body).send().await.expect(201).json();
        let ann = Player::new(client, "ann", logged_in);
        ann.put_save("slot1", "a save to find").await;
        ann
    });
    // An id and a slot that are there, so that requests reach further than the door.
    let settings =
        format!("[parameters]\n\"path.user_id\" = \"{}\"\n\"path.save_id\" = \"slot1\"\n", ann.id());
    std::fs::write(folder.path().join("schemathesis.toml"), settings).unwrap();
    let output = bounded(program)
        .arg("run")
        .arg(format!("{}/api/v1/openapi.json", server.url))
        .args(["--max-examples", EXAMPLES_MAX, "--seed", "1", "--no-color", "--workers", "1"])
        .args(["--exclude-path", "/api/v1/auth/logout"])
        // The document cannot say all that makes a value valid: a slot's name, an email, an ETag.
        .args(["--checks", "all", "--exclude-checks", "positive_data_acceptance"])
        .arg("--header")
        .arg(format!("Authorization: Bearer {}", ann.tokens.access_token))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("schemathesis runs");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    let log = server.log();
    assert!(!log.contains("\"level\":\"ERROR\""), "{log}");
    assert!(server.stop().success());
}
