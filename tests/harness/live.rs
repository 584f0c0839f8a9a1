//! A live connection as any WebSocket client has it: JSON events in text messages (RFC 6455), and nothing of ours.

use crate::Player;
use crate::wait::in_time;
use aethex_wire::multiplayer::LIVE_PATH;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;

/// A connection.
#[derive(Debug)]
pub struct Live(TcpStream);

impl Live {
    /// Connects to the server at `base` (`http://127.0.0.1:8080`).
    pub async fn connect(base: &str) -> Live {
        let address = base.trim_start_matches("http://");
        let mut stream = in_time("the connection", TcpStream::connect(address)).await.unwrap();
        let head = format!(
            "GET {LIVE_PATH} HTTP/1.1\r\nhost: {address}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(in_time("the upgrade", stream.read_u8()).await.unwrap());
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        Live(stream)
    }

    /// Connects and says who is here.
    pub async fn of(base: &str, player: &Player) -> Live {
        let mut live = Live::connect(base).await;
        live.send("hello", json!({ "token": player.tokens.access_token })).await;
        assert_eq!(live.until("welcome").await["player_id"], player.id());
        live
    }

    /// Sends an event.
    pub async fn send(&mut self, event: &str, data: Value) {
        let text = json!({ "event": event, "data": data }).to_string();
        let mut frame = vec![0x80 | TEXT];
        match u16::try_from(text.len()).unwrap() {
            // The mask is of zeros, which a client may draw.
            short @ ..126 => frame.push(0x80 | short as u8),
            len => {
                frame.push(0x80 | 126);
                frame.extend(len.to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        self.0.write_all(&frame).await.unwrap();
    }

    /// The next event: its name and data; `None` when the connection was closed.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            let kind = self.0.read_u8().await.ok()? & 15;
            let len = match self.0.read_u8().await.ok()? {
                126 => u64::from(self.0.read_u16().await.ok()?),
                127 => self.0.read_u64().await.ok()?,
                short => u64::from(short),
            };
            let mut payload = vec![0; usize::try_from(len).unwrap()];
            self.0.read_exact(&mut payload).await.ok()?;
            match kind {
                TEXT => {
                    let mut event: Value = serde_json::from_slice(&payload).unwrap();
                    return Some((event["event"].as_str().unwrap().to_owned(), event["data"].take()));
                }
                CLOSE => return None,
                PING => {}
                other => panic!("a message of kind {other}"),
            }
        }
    }

    /// The data of the next event of this name; others before it are passed over.
    pub async fn until(&mut self, event: &str) -> Value {
        let found = async {
            loop {
                match self.next().await {
                    Some((name, data)) if name == event => return data,
                    Some((name, data)) => assert_ne!(name, "error", "{data}"),
                    None => panic!("the connection was closed before `{event}`"),
                }
            }
        };
        in_time(event, Box::pin(found)).await
    }
}
