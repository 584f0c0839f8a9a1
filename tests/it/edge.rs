//! What every request passes: health, errors' form, CORS, TLS, the stop of a server.

use aethex_tests::process::Setup;
use aethex_tests::raw::Raw;
use aethex_tests::wait::in_time;
use aethex_tests::{App, Engine, Player, app, on_both_engines, until};
use aethex_wire::ErrorCode;
use http::Method;
use rustls::pki_types::ServerName;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

on_both_engines! {
    async fn health_needs_no_token_and_tells_nothing(app) {
        for path in ["/healthz", "/readyz"] {
            let reply = app.get(path).send().await.expect(200);
            assert!(reply.body.len() < 16, "{reply}");
        }
        for path in ["/metrics", "/admin", "/debug", "/", "/api", "/api/v1", "/api/v2/auth/profile", "/API/V1/auth/profile"] {
            app.get(path).send().await.refused(ErrorCode::NotFound);
        }
    }

    async fn every_answer_has_an_id_and_the_headers_of_a_closed_door(app) {
        let ann = app.as_player("ann").await;
        for reply in [ann.get("/api/v1/auth/profile").send().await, app.get("/nothing").send().await] {
            assert!(!reply.header("x-request-id").is_empty(), "{reply}");
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("cache-control", "no-store"),
                ("referrer-policy", "no-referrer"),
            ] {
                assert_eq!(reply.header(name), value, "{reply}");
            }
            assert!(reply.header("content-security-policy").contains("default-src 'none'"));
            assert!(reply.headers.get("server").is_none(), "the answer names its software");
        }
    }

    async fn browsers_may_call_from_any_origin_but_with_no_cookie(app) {
        let preflight = app.client().request(Method::OPTIONS, "/api/v1/auth/profile");
        let preflight = preflight.header("origin", "https://game.example").header("access-control-request-method", "PUT");
        let reply = preflight.header("access-control-request-headers", "authorization,x-aethex-key").send().await;
        assert!(reply.status < 300, "{reply}");
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        assert!(reply.header("access-control-allow-methods").contains("PUT"));
        // `*` does not cover this one: it must be named for a browser to send it.
        assert!(reply.header("access-control-allow-headers").to_lowercase().contains("authorization"), "{:?}", reply.headers);
        assert!(reply.headers.get("access-control-allow-credentials").is_none());
    }

    async fn a_stop_lets_an_open_request_finish(app) {
        let ann = app.as_player("ann").await;
        let body = r#"{"slot":"s","data":"late"}"#;
        let mut raw = Raw::connect(app.url()).await;
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            ann.saves_path(), ann.tokens.access_token, body.len()
        );
        raw.send(format!("{head}{}", &body[..5])).await;
        // The request is under way once the server has answered another one that came later.
        app.get("/healthz").send().await.expect(200);
        let finish = async {
            until("the listener to close", async || tokio::net::TcpStream::connect(&app.config.listen).await.err()).await;
            raw.send(&body[5..]).await;
            raw.next().await
        };
        let ((), said) = tokio::join!(app.stop(), finish);
        assert_eq!(said.status(), 201, "{said:?}");
        app.start_again().await;
        assert_eq!(ann.get_save("s").await["data"], "late");
    }

    async fn two_servers_on_one_database_agree(app) {
        if app.config.database.url.is_empty() {
            return;
        }
        let mut config = app.config.clone();
        config.listen = "127.0.0.1:0".into();
        let second = aethex_backend::Server::start(config).await.unwrap();
        let ann = app.as_player("ann").await;
        let there = Player { client: aethex_tests::Client::new(&second.url()), ..ann.clone() };
        let version = ann.put_save("s", "one").await;
        assert_eq!(there.head("s").await, version);
        there.put_on("s", "two", &[&version.version]).await.expect(201);
        ann.put_on("s", "late", &[&version.version]).await.refused(ErrorCode::SavesConflict);
        // A logout here ends access there, within the second that a poll takes.
        ann.call(Method::POST, "/api/v1/auth/logout").send().await.expect(204);
        until("the logout to reach the other server", async || {
            (there.get("/api/v1/auth/profile").send().await.status == 401).then_some(())
        })
        .await;
        in_time("the second server's stop", second.stop()).await;
    }
}

/// A certificate for `localhost`, in files.
fn certify(app_folder: &std::path::Path) -> (String, String, rustls::pki_types::CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (app_folder.join("cert.pem"), app_folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate.display().to_string(), key.display().to_string(), made.cert.der().clone())
}

async fn handshake(
    address: &str,
    trusted: &rustls::pki_types::CertificateDer<'static>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> std::io::Result<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = tokio::net::TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

#[test]
fn tls_1_3_is_served_and_nothing_older() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key, trusted) = certify(folder.path());
    let tls = |config: &mut app::Config| {
        (config.tls.certificate, config.tls.key) = (certificate.clone(), key.clone());
    };
    app::run(Engine::Sqlite, tls, async |app: &App| {
        assert!(app.url().starts_with("https://"));
        let mut stream = handshake(&app.config.listen, &trusted, &[&rustls::version::TLS13]).await.unwrap();
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        // Some servers close without a goodbye; what counts is the answer.
        let _ = stream.read_to_string(&mut answer).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.to_lowercase().contains("strict-transport-security"), "{answer}");
        handshake(&app.config.listen, &trusted, &[&rustls::version::TLS12]).await.unwrap_err();
    });
}

#[test]
fn metrics_have_an_address_of_their_own() {
    let metrics = |config: &mut app::Config| {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        config.metrics_listen = free.to_string();
    };
    app::run(Engine::Sqlite, metrics, async |app: &App| {
        let ann = app.as_player("ann").await;
        ann.put_save("s", "x").await;
        let client = aethex_tests::Client::new(&format!("http://{}", app.config.metrics_listen));
        let page = client.get("/metrics").send().await.expect(200);
        let text = String::from_utf8_lossy(&page.body).into_owned();
        assert!(text.contains("http_request_duration_seconds"), "{text}");
        assert!(text.contains(r#"route="/api/v1/saves/{user_id}""#), "{text}");
        for secret in [ann.id(), "ann@example.com", ann.tokens.access_token.as_str()] {
            assert!(!text.contains(secret), "metrics tell of {secret}");
        }
        // A client's own words are no labels: each would be kept for ever.
        let mut running = tokio::task::JoinSet::new();
        for batch in 0..20 {
            let url = app.url().to_owned();
            running.spawn(async move {
                let mut raw = Raw::connect(&url).await;
                for number in 0..100 {
                    raw.send(format!("WORD-{batch}-{number} /healthz HTTP/1.1\r\nhost: x\r\n\r\n")).await;
                    assert_eq!(raw.next().await.status(), 405);
                }
            });
        }
        running.join_all().await;
        let page = client.get("/metrics").send().await.expect(200);
        let text = String::from_utf8_lossy(&page.body).into_owned();
        assert!(text.contains(r#"method="other""#) && !text.contains("WORD"), "{text}");
    });
}

/// It holds emails, password hashes and keys.
#[test]
fn the_data_folder_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    for engine in [Engine::Sqlite, Engine::Postgres] {
        app::run(
            engine,
            |_| {},
            async |app: &App| {
                let mode = std::fs::metadata(app.data()).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o700, "{mode:o}");
            },
        );
    }
}

#[test]
fn the_effective_configuration_shows_no_password() {
    let output = aethex_tests::process::bounded(aethex_tests::process::binary())
        .arg("config")
        .env("AETHEX_DATABASE_URL", "postgres://ann:hush1@db.example/game?password=hush2&sslpassword=hush3")
        .output()
        .unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success() && text.contains("db.example/game"), "{text}");
    assert!(!text.contains("hush"), "{text}");
}

/// Half a request is nobody's request: a stop does not wait until it times out.
#[test]
fn a_stop_does_not_wait_for_half_a_request() {
    /// A stop waits up to ten seconds for requests under way; here are none.
    const STOPPED_WITHIN: Duration = Duration::from_secs(5);
    let folder = tempfile::TempDir::with_prefix("aethex-test-").unwrap();
    let metrics = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let halves = [
        ("the API", "GET /healthz HTTP/1.1\r\nhost: x\r\n"),
        ("the metrics", "GET /metrics HTTP/1.1\r\nhost: x\r\n"),
        ("the metrics", "POST /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n1"),
    ];
    for (number, (of, half)) in halves.into_iter().enumerate() {
        let setup = Setup::new(&folder.path().join(format!("data {number}")));
        let server = setup.env("AETHEX_METRICS_LISTEN", &metrics).start();
        let address = if of == "the API" { server.url.trim_start_matches("http://") } else { &metrics };
        let mut open = std::net::TcpStream::connect(address).unwrap();
        open.write_all(half.as_bytes()).unwrap();
        // A whole one on another connection: by then the half has arrived too.
        let mut whole = std::net::TcpStream::connect(address).unwrap();
        whole.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        std::io::copy(&mut whole, &mut std::io::sink()).unwrap();
        let asked = Instant::now();
        assert!(server.stop().success());
        let took = asked.elapsed();
        assert!(took < STOPPED_WITHIN, "half a request to {of} held up the stop for {took:?}");
        drop(open);
    }
}
