//! Bytes on a socket, for requests that no HTTP client would send.

use crate::wait::DEADLINE;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection.
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
    /// What has arrived and was not yet looked at.
    seen: Vec<u8>,
}

/// What the server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// An answer with this status and text.
    Answer(u16, String),
    /// It closed the connection.
    Closed,
}

impl Raw {
    /// Connects to `http://address`.
    pub async fn connect(base: &str) -> Raw {
        let address: SocketAddr = base.trim_start_matches("http://").parse().expect("the base is an address");
        let stream = TcpStream::connect(address).await.expect("the server accepts");
        stream.set_nodelay(true).expect("a TCP socket takes options");
        Raw { stream, seen: Vec::new() }
    }

    /// Sends bytes; false when the server has closed.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// The next answer, whole, or the end of the connection.
    pub async fn next(&mut self) -> Said {
        let end = tokio::time::Instant::now() + DEADLINE;
        loop {
            if let Some(said) = self.take_answer() {
                return said;
            }
            let mut part = [0; 4096];
            match tokio::time::timeout_at(end, self.stream.read(&mut part)).await {
                Err(_) => panic!("neither an answer nor an end: {:?}", String::from_utf8_lossy(&self.seen)),
                Ok(Ok(0) | Err(_)) => return Said::Closed,
                Ok(Ok(len)) => self.seen.extend_from_slice(&part[..len]),
            }
        }
    }

    /// Sends a request and says what came of it.
    pub async fn say(base: &str, bytes: impl AsRef<[u8]>) -> Said {
        let mut raw = Raw::connect(base).await;
        raw.send(bytes).await;
        raw.next().await
    }

    fn take_answer(&mut self) -> Option<Said> {
        let text = String::from_utf8_lossy(&self.seen).into_owned();
        let head = text.find("\r\n\r\n")?;
        let length = text[..head]
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length:").map(str::trim)?.parse().ok()
            })
            .unwrap_or(0);
        let end = head + 4 + length;
        if self.seen.len() < end {
            return None;
        }
        let answer = String::from_utf8_lossy(&self.seen[..end]).into_owned();
        self.seen.drain(..end);
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        Some(Said::Answer(status, answer))
    }
}

impl Said {
    /// The status, 0 when the connection was closed.
    pub fn status(&self) -> u16 {
        match self {
            Said::Answer(status, _) => *status,
            Said::Closed => 0,
        }
    }

    /// Fails the test unless the request was refused or cut off.
    #[track_caller]
    pub fn refused(&self) {
        assert!(matches!(self.status(), 0 | 400..=499 | 501), "{self:?}");
    }
}
