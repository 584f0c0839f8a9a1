//! Bodies that should break a parser or fill the memory.

use aethex_tests::player::{bytes_request, noise};
use aethex_tests::process::Setup;
use aethex_tests::raw::{Raw, Said};
use aethex_tests::{Client, Player, on_both_engines};
use aethex_wire::ErrorCode;
use aethex_wire::auth::LoggedIn;
use aethex_wire::saves::{Compression, Encoding, FRAME_MEDIA_TYPE, SAVE_LEN_MAX, encode_frame};
use bytes::Bytes;
use serde_json::json;

/// A save's JSON around this text.
fn save_of(data: &str) -> Vec<u8> {
    format!(r#"{{"slot":"s","data":{data}}}"#).into_bytes()
}

fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{}{}", open.repeat(depth), close.repeat(depth))
}

async fn post(player: &Player, body: Vec<u8>) -> aethex_tests::Reply {
    player.call(http::Method::POST, &player.saves_path()).body("application/json", body).send().await
}

/// A zstd frame of zeros that unfolds to `len` bytes and says nothing of it in its head.
fn bomb(len: usize) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..len >> 20 {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.finish().unwrap()
}

on_both_engines! {
    async fn json_that_is_not_json_is_refused(app) {
        let ann = app.as_player("ann").await;
        let broken: Vec<Vec<u8>> = vec![
            b"".to_vec(), b"{".to_vec(), b"\xff\xfe".to_vec(), b"\xef\xbb\xbf{}".to_vec(), b"nul".to_vec(),
            save_of("01"), save_of("1."), save_of("+1"), save_of("NaN"), save_of("Infinity"), save_of("0x10"), save_of("'a'"),
            save_of("[1,]"), save_of("{\"a\":1,}"), save_of("\"\\x41\""), save_of("\"a\nb\""), save_of("1 1"), save_of("1} {"),
            save_of("1e400"), save_of("-1e400"), save_of("[1e99999]"),
            save_of("\"\\ud800\""), save_of("\"\\udc00\\ud800\""), save_of("\"\\ud83d x\""), save_of("\"\\u12\""),
            save_of("// a comment\n1"),
            b"{\"slot\":\"s\",\"data\":\"\xff\"}".to_vec(),
            b"{\"slot\":\"s\",\"data\":\"\xed\xa0\x80\"}".to_vec(),
            b"{\"slot\":\"s\",\"data\":\"\xc0\xaf\"}".to_vec(),
            b"{\"slot\":\"s\",\"data\":1,\"slot\":\"t\"}".to_vec(),
            b"{\"slot\":\"s\",\"data\":1,\"data\":2}".to_vec(),
            b"{\"slot\":\"s\",\"data\":1,\"playtime_ms\":9223372036854775808}".to_vec(),
            b"{\"slot\":\"s\",\"data\":1,\"playtime_ms\":1.5}".to_vec(),
            b"{\"slot\":\"s\",\"data\":1,\"playtime_ms\":\"1\"}".to_vec(),
            b"{\"slot\":\"s\",\"data\":1,\"unknown\":1}".to_vec(),
        ];
        for body in broken {
            let shown = String::from_utf8_lossy(&body).into_owned();
            let reply = post(&ann, body.clone()).await;
            assert!(matches!(reply.status, 400), "{shown}: {reply}");
            reply.refused_somehow();
            let login = app.post("/api/v1/auth/login").body("application/json", body).send().await;
            assert_eq!(login.status, 400, "{shown}: {login}");
        }
        assert!(ann.list().await.items.is_empty());
    }

    async fn a_key_twice_in_a_save_is_refused_or_kept_but_never_guessed(app) {
        let ann = app.as_player("ann").await;
        let reply = post(&ann, save_of(r#"{"a":1,"a":2}"#)).await;
        match reply.status {
            400 => reply.refused_somehow(),
            // Kept whole: an engine's dictionary cannot have a key twice, so the later one counts.
            _ => {
                reply.expect(201);
                assert_eq!(ann.get_save("s").await["data"], json!({ "a": 2 }));
            }
        }
    }

    async fn deep_json_is_refused_without_a_stack_overflow(app) {
        let ann = app.as_player("ann").await;
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}"), (r#"[{"a":"#, "}]")] {
            for depth in [129, 1000, 200_000] {
                let inner = if open.ends_with(':') { format!("{}1{}", open.repeat(depth), close.repeat(depth)) } else { nested(open, close, depth) };
                post(&ann, save_of(&inner)).await.refused_somehow();
                post(&ann, save_of(&open.repeat(depth))).await.refused_somehow();
            }
        }
        post(&ann, save_of(&nested("[", "]", 50))).await.expect(201);
        let login = nested("[", "]", 30_000);
        let reply = app.post("/api/v1/auth/login").body("application/json", login).send().await;
        reply.refused(ErrorCode::InvalidRequest);
    }

    async fn a_nul_is_text_inside_a_save_and_refused_everywhere_else(app) {
        let ann = app.as_player("ann").await;
        let reply = post(&ann, save_of(r#""a\u0000b""#)).await;
        if reply.status == 201 {
            assert_eq!(ann.get_save("s").await["data"], "a\0b", "text was cut at its NUL");
        } else {
            reply.refused_somehow();
        }
        for field in ["label", "device_name"] {
            ann.put(json!({ "slot": "s", "data": 1, field: "a\0b" })).send().await.refused(ErrorCode::InvalidRequest);
        }
        for path in [format!("{}/a%00b", ann.saves_path()), format!("{}/history?slot=a%00b", ann.saves_path()), "/%00".into()] {
            ann.get(&path).send().await.refused_somehow();
        }
        app.register("eve@example.com\0", "correct horse").send().await.refused(ErrorCode::InvalidEmail);
    }

    async fn a_bomb_in_a_frame_is_refused_by_its_size(app) {
        let ann = app.as_player("ann").await;
        let bomb = bomb(1 << 30);
        assert!(bomb.len() < 200_000, "{} bytes", bomb.len());
        for encoding in [Encoding::Bytes, Encoding::Value] {
            let mut request = bytes_request("s");
            (request.encoding, request.compression) = (Some(encoding), Some(Compression::Zstd));
            ann.put_frame(&request, &bomb, "").send().await.refused(ErrorCode::TooLarge);
            let twice = [zstd::encode_all(&b"a"[..], 1).unwrap(), zstd::encode_all(&b"b"[..], 1).unwrap()].concat();
            ann.put_frame(&request, &twice, "").send().await.refused(ErrorCode::InvalidSave);
            // A head that claims 2^60 bytes, a dictionary that nobody has, a window of 2 GiB.
            for head in [&b"\x28\xb5\x2f\xfd\xe0\0\0\0\0\0\0\0\x10"[..], b"\x28\xb5\x2f\xfd\x03\0\xff\xff\xff\xff", b"\x28\xb5\x2f\xfd\0\xff\x01\0\0"] {
                ann.put_frame(&request, head, "").send().await.refused_somehow();
            }
        }
    }

    async fn compressed_requests_are_not_unpacked(app) {
        let ann = app.as_player("ann").await;
        let packed = zstd::encode_all(&save_of("1")[..], 3).unwrap();
        for encoding in ["gzip", "zstd", "br", "deflate", "compress", "gzip, gzip", "GZIP", "x-unknown", "identity, gzip"] {
            let call = ann.call(http::Method::POST, &ann.saves_path()).header("content-encoding", encoding);
            let reply = call.body("application/json", packed.clone()).send().await;
            reply.refused(ErrorCode::UnsupportedMediaType);
        }
        let call = ann.call(http::Method::POST, &ann.saves_path()).header("content-encoding", "identity");
        call.json(&json!({ "slot": "s", "data": 1 })).send().await.expect(201);
    }

    async fn other_media_types_are_refused(app) {
        let ann = app.as_player("ann").await;
        for media_type in ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx", "text/json", "application/xml"] {
            let call = ann.call(http::Method::POST, &ann.saves_path());
            call.body(media_type, save_of("1")).send().await.refused(ErrorCode::UnsupportedMediaType);
            let call = app.post("/api/v1/auth/login");
            call.body(media_type, "{}").send().await.refused(ErrorCode::UnsupportedMediaType);
        }
        let call = ann.call(http::Method::POST, &ann.saves_path());
        call.body("Application/JSON; charset=utf-8", save_of("1")).send().await.expect(201);
    }
}

/// Everything that is meant to fill the memory, at once, against a process whose memory is measured.
#[test]
fn floods_of_bytes_leave_a_small_and_living_process() {
    /// The budgets of large bodies and of large answers, 256 MiB each; far below what the attack sends or unfolds.
    const MEMORY_PEAK_MAX_KIB: u64 = 512 * 1024;
    let folder = tempfile::TempDir::with_prefix("aethex-test-").unwrap();
    let mut server = Setup::new(&folder.path().join("data")).start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let bomb: Bytes = bomb(1 << 30).into();
    let largest: Bytes = noise(3, SAVE_LEN_MAX).into();
    runtime.block_on(async {
        let client = server.client();
        let body = json!({ "email": "ann@example.com", "password": "correct horse" });
        let logged_in: LoggedIn =
            client.post("/api/v1/auth/register").json(&body).send().await.expect(201).json();
        let ann = Player::new(client, "ann", logged_in);
        ann.put_save("s", "before").await;
        let mut running = tokio::task::JoinSet::new();
        for number in 0..8 {
            running.spawn(declare_10_gib(server.url.clone(), ann.clone()));
            running.spawn(stream_256_mib(server.url.clone(), ann.clone()));
            running.spawn(unfold(ann.clone(), number, bomb.clone()));
            running.spawn(sink(ann.clone(), largest.clone()));
        }
        running.join_all().await;
        assert_eq!(ann.get_save("s").await["data"], "before");
        let fresh = Client::new(&server.url);
        fresh.get("/readyz").send().await.expect(200);
    });
    assert!(server.is_alive());
    let peak = server.memory_peak_kib();
    assert!(peak < MEMORY_PEAK_MAX_KIB, "the process grew to {peak} KiB");
    assert!(server.stop().success());
}

fn head(player: &Player, media_type: &str, length: &str) -> String {
    format!(
        "POST {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: {media_type}\r\n{length}\r\n\r\n",
        player.saves_path(),
        player.tokens.access_token
    )
}

async fn declare_10_gib(url: String, player: Player) {
    let head = head(&player, FRAME_MEDIA_TYPE, "content-length: 10737418240");
    let said = Raw::say(&url, head).await;
    assert_eq!(said.status(), 413, "{said:?}");
}

/// Sends until it is stopped; the server must not read on.
async fn stream_256_mib(url: String, player: Player) {
    const PART: usize = 64 * 1024;
    let mut raw = Raw::connect(&url).await;
    raw.send(head(&player, FRAME_MEDIA_TYPE, "transfer-encoding: chunked")).await;
    let chunk = [format!("{PART:x}\r\n").as_bytes(), &vec![b'x'; PART], b"\r\n"].concat();
    let mut sent = 0;
    while sent < 256 << 20 && raw.send(&chunk).await {
        sent += PART;
    }
    assert!(sent < 128 << 20, "{sent} bytes were taken");
    // The answer may be lost with the connection.
    let said = raw.next().await;
    assert!(matches!(said, Said::Closed | Said::Answer(413 | 503, _)), "{said:?}");
}

async fn unfold(player: Player, number: usize, bomb: Bytes) {
    let mut request = bytes_request(&format!("bomb {number}"));
    request.compression = Some(Compression::Zstd);
    let reply = player.put_frame(&request, &bomb, "").send().await;
    assert!(matches!(reply.status, 413 | 503), "{reply}");
}

/// Valid saves of the largest size: memory is bounded by shedding, not by luck.
async fn sink(player: Player, largest: Bytes) {
    let frame = encode_frame(&bytes_request("large"), &largest);
    let call = player.call(http::Method::POST, &player.saves_path()).body(FRAME_MEDIA_TYPE, frame);
    let reply = call.send().await;
    assert!(matches!(reply.status, 201 | 503), "{reply}");
}
