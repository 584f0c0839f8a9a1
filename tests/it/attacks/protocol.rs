//! HTTP itself, abused.

use aethex_tests::raw::{Raw, Said};
use aethex_tests::{App, Engine, app, on_both_engines};
use aethex_wire::ErrorCode;
use http::Method;
use std::time::Duration;

const LOGIN: &str = "/api/v1/auth/login";

/// Deadlines short enough for a test.
fn impatient(config: &mut app::Config) {
    config.http.header_timeout_ms = 300;
    config.http.body_timeout_ms = 300;
}

on_both_engines! {
    async fn only_known_methods_are_served(app) {
        let ann = app.as_player("ann").await;
        for method in ["TRACE", "CONNECT", "PATCH", "PROPFIND", "DEBUG", "get", "TRACK", "X"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            if method == Method::CONNECT {
                continue;
            }
            let reply = ann.call(method, "/api/v1/auth/profile").send().await;
            reply.refused(ErrorCode::MethodNotAllowed);
            assert!(!String::from_utf8_lossy(&reply.body).contains(&ann.tokens.access_token), "an echo of the token");
        }
        let raw = Raw::say(app.url(), "TRACE / HTTP/1.1\r\nhost: x\r\nx-secret: 1\r\n\r\n").await;
        assert_eq!(raw.status(), 405, "{raw:?}");
        Raw::say(app.url(), "CONNECT example.com:443 HTTP/1.1\r\nhost: x\r\n\r\n").await.refused();
        ann.call(Method::DELETE, "/api/v1/auth/profile").send().await.refused(ErrorCode::MethodNotAllowed);
        // A method in a header or a parameter is no method.
        for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
            ann.put_save("s", "stays").await;
            ann.get(&ann.slot_path("s")).header(name, "DELETE").send().await.expect(200);
        }
        assert_eq!(ann.get_save("s").await["data"], "stays");
    }
}

fn with_app(configure: fn(&mut app::Config), test: impl AsyncFnOnce(&App)) {
    app::run(Engine::Sqlite, configure, test);
}

/// After a message whose end is ambiguous nothing else may be read from the connection: what one side
/// takes for a body the other takes for a request.
#[test]
fn a_message_of_two_lengths_is_the_last_of_its_connection() {
    with_app(
        |_| {},
        async |app| {
            let smuggled = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
            let ambiguous = [
                ("length, then chunked", "content-length: 4\r\ntransfer-encoding: chunked"),
                ("chunked, then length", "transfer-encoding: chunked\r\ncontent-length: 4"),
                ("two lengths", "content-length: 5\r\ncontent-length: 6"),
                ("two lengths in one", "content-length: 5, 6"),
                ("a signed length", "content-length: +5"),
                ("a negative length", "content-length: -1"),
                ("a length in hexadecimal", "content-length: 0x5"),
                ("a length past 64 bits", "content-length: 18446744073709551617"),
                ("an unknown coding", "transfer-encoding: xchunked"),
                ("chunked not last", "transfer-encoding: chunked, identity"),
                ("chunked twice", "transfer-encoding: chunked\r\ntransfer-encoding: identity"),
                ("a space before the colon", "transfer-encoding : chunked"),
                ("a folded line", "x: y\r\n transfer-encoding: chunked"),
                ("a bare line feed in a name", "x\n: y"),
                ("a NUL in a value", "x: a\0b"),
            ];
            for (what, header) in ambiguous {
                let mut raw = Raw::connect(app.url()).await;
                let head = format!(
                    "POST {LOGIN} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{header}\r\n\r\n"
                );
                raw.send(format!("{head}0\r\n\r\n{smuggled}")).await;
                let first = raw.next().await;
                first.refused();
                if first != Said::Closed {
                    let second = raw.next().await;
                    assert_eq!(second, Said::Closed, "{what}: a second answer on the connection");
                }
            }
            // HTTP/1.0 knows no chunks.
            let old = format!("POST {LOGIN} HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n");
            Raw::say(app.url(), old).await.refused();
        },
    );
}

/// Who is asked must be said once (RFC 9112 section 3.2): two hosts are two answers to a cache in between.
#[test]
fn a_request_names_one_host() {
    with_app(
        |_| {},
        async |app| {
            for (head, status) in [
                ("GET /healthz HTTP/1.1\r\n", 400),
                ("GET /healthz HTTP/1.1\r\nhost: a\r\nhost: b\r\n", 400),
                ("GET /healthz HTTP/1.1\r\nhost: a\r\nhost: a\r\n", 400),
                ("GET /healthz HTTP/1.0\r\nhost: a\r\nhost: b\r\n", 400),
                ("GET /healthz HTTP/1.1\r\nhost: a\r\n", 200),
                ("GET /healthz HTTP/1.0\r\n", 200),
            ] {
                let said = Raw::say(app.url(), format!("{head}\r\n")).await;
                assert_eq!(said.status(), status, "{head:?}: {said:?}");
            }
        },
    );
}

#[test]
fn broken_chunks_are_refused() {
    with_app(impatient, async |app| {
        let head = format!(
            "POST {LOGIN} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        for body in [
            "x\r\n",
            "-1\r\n",
            "ffffffffffffffffff\r\n",
            "2\r\n{}x\r\n0\r\n\r\n",
            "2\n{}\n0\n\n",
            "0x2\r\n{}\r\n0\r\n\r\n",
        ] {
            Raw::say(app.url(), format!("{head}{body}")).await.refused();
        }
        let endless = format!("{head}2;{}", "x".repeat(100_000));
        Raw::say(app.url(), endless).await.refused();
        app.get("/healthz").send().await.expect(200);
    });
}

#[test]
fn a_bomb_of_headers_is_refused() {
    with_app(
        |_| {},
        async |app| {
            let many: String = (0..200).map(|number| format!("x-{number}: y\r\n")).collect();
            let long = format!("x: {}\r\n", "y".repeat(256 * 1024));
            let same: String = "cookie: a=b\r\n".repeat(2000);
            let path = format!("/{}", "a".repeat(100_000));
            for bomb in [
                format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{many}\r\n"),
                format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{long}\r\n"),
                format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{same}\r\n"),
                format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"),
                format!("{} / HTTP/1.1\r\n\r\n", "A".repeat(100_000)),
                "\r\n".repeat(50_000),
                "\0".repeat(10_000),
                "GET / HTTP/9.9\r\n\r\n".to_owned(),
                "GET /\u{1}HTTP/1.1\r\n\r\n".to_owned(),
            ] {
                Raw::say(app.url(), bomb).await.refused();
            }
            app.get("/healthz").send().await.expect(200);
        },
    );
}

/// Sends this over and over, slowly, until the server cuts the connection.
async fn drip(raw: &mut Raw, drop: &str) {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let dripping = async {
        while raw.send(drop).await {
            ticks.tick().await;
        }
    };
    aethex_tests::wait::in_time("a slow client to be cut off", dripping).await;
}

#[test]
fn a_connection_that_says_nothing_is_cut_off() {
    with_app(impatient, async |app| {
        let said = Raw::connect(app.url()).await.next().await;
        assert!(matches!(said.status(), 0 | 408), "{said:?}");
        // The same after a first request: the next one has the same deadline.
        let mut raw = Raw::connect(app.url()).await;
        raw.send("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert_eq!(raw.next().await.status(), 200);
        assert!(matches!(raw.next().await.status(), 0 | 408));
    });
}

#[test]
fn a_slow_head_is_cut_off() {
    with_app(impatient, async |app| {
        let mut half = Raw::connect(app.url()).await;
        half.send("GET /healthz HTTP/1.1\r\nhost: x\r\n").await;
        let said = half.next().await;
        assert!(matches!(said.status(), 0 | 408), "{said:?}");
        // The deadline is for the whole head, not for its next byte.
        let mut dripping = Raw::connect(app.url()).await;
        dripping.send("GET /healthz HTTP/1.1\r\nx: ").await;
        drip(&mut dripping, "x").await;
        // Half of what begins an HTTP/2 connection, and then nothing.
        let mut preface = Raw::connect(app.url()).await;
        preface.send("PRI * HTTP/2.0\r\n").await;
        preface.next().await.refused();
    });
}

#[test]
fn a_slow_body_is_cut_off() {
    with_app(impatient, async |app| {
        let head = format!(
            "POST {LOGIN} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{{"
        );
        let said = Raw::say(app.url(), &head).await;
        assert_eq!(said.status(), 408, "{said:?}");
        let mut dripping = Raw::connect(app.url()).await;
        dripping.send(&head).await;
        drip(&mut dripping, " ").await;
        app.get("/healthz").send().await.expect(200);
    });
}

#[test]
fn a_crowd_of_idle_connections_does_not_shut_others_out() {
    with_app(
        |_| {},
        async |app| {
            let mut crowd = Vec::new();
            for _ in 0..500 {
                crowd.push(Raw::connect(app.url()).await);
            }
            app.as_player("ann").await;
            assert_eq!(crowd.len(), 500);
        },
    );
}

#[test]
fn lines_and_escapes_in_a_request_do_not_reach_the_answer() {
    with_app(
        |_| {},
        async |app| {
            let ann = app.as_player("ann").await;
            for id in ["a b", "\u{9b}31m", "<script>", "x\ty", &"x".repeat(65), ""] {
                let reply = app.get("/nothing").header("x-request-id", id).send().await;
                reply.refused(ErrorCode::NotFound);
                assert_ne!(reply.header("x-request-id"), id);
            }
            let reply = app.get("/nothing").header("x-request-id", "trace-1.a_b").send().await;
            assert_eq!(reply.header("x-request-id"), "trace-1.a_b");
            let reply = ann.get("/%0d%0aset-cookie:%20a=b").send().await;
            assert!(reply.headers.get("set-cookie").is_none());
            let said =
                Raw::say(app.url(), "GET /<script>alert(1)</script> HTTP/1.1\r\nhost: x\r\n\r\n").await;
            assert!(!format!("{said:?}").contains("<script>"), "{said:?}");
            said.refused();
        },
    );
}
