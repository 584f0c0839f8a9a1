//! Where links go: the backend's own words, completed by the address that the game was given.

use super::LinkError;
use crate::wire::multiplayer::{LIVE_PATH, RelayAddress};
use reqwest::Url;

/// Where a relay is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::multiplayer) struct Places {
    pub(super) websocket: Url,
    pub(super) quic: Option<QuicPlace>,
}

/// Where a relay is by QUIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QuicPlace {
    pub(super) host: String,
    pub(super) port: u16,
    /// The only certificate to accept: its SHA-256.
    pub(super) certificate_sha256: [u8; 32],
}

impl Places {
    pub(super) fn of(server_url: &str, relay: &RelayAddress) -> Result<Places, LinkError> {
        let server = Url::parse(server_url).map_err(|_| LinkError::new("the server's address is no URL"))?;
        let websocket = match relay.websocket.as_str() {
            "" => live_address(server_url)?,
            address => websocket_address(address, server.scheme() == "https")?,
        };
        let quic = match &relay.quic {
            Some(quic) => {
                let host = server.host_str().unwrap_or_default();
                Some(quic_place(&quic.address, host, &quic.certificate_sha256)?)
            }
            None => None,
        };
        Ok(Places { websocket, quic })
    }

    pub(in crate::multiplayer) fn has_quic(&self) -> bool {
        self.quic.is_some()
    }
}

/// The WebSocket where the API is.
pub(in crate::multiplayer) fn live_address(server_url: &str) -> Result<Url, LinkError> {
    let text = match server_url.strip_prefix("http") {
        Some(rest) => format!("ws{rest}{LIVE_PATH}"),
        None => return Err(LinkError::new("the server's address is no URL")),
    };
    websocket_address(&text, server_url.starts_with("https"))
}

fn websocket_address(text: &str, secure: bool) -> Result<Url, LinkError> {
    let url = Url::parse(text).map_err(|_| LinkError::new("the relay's address is no URL"))?;
    match url.scheme() {
        "wss" => {}
        "ws" if !secure => {}
        // A ticket that went out openly would be anyone's.
        "ws" => return Err(LinkError::new("the backend is reached by https, its relay must be by wss")),
        _ => return Err(LinkError::new("the relay's address is not one of a WebSocket")),
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(LinkError::new("the relay's address names no host"));
    }
    Ok(url)
}

fn quic_place(address: &str, server_host: &str, certificate: &str) -> Result<QuicPlace, LinkError> {
    let wrong = || LinkError::new("the relay's QUIC address is not host and port");
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().map_err(|_| wrong())?;
    let host = if host.is_empty() { server_host } else { host };
    let host = host.trim_matches(['[', ']']).to_owned();
    let certificate_sha256 =
        pin(certificate).ok_or_else(|| LinkError::new("the relay's pin is no SHA-256"))?;
    Ok(QuicPlace { host, port, certificate_sha256 })
}

/// 64 hexadecimal digits.
fn pin(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut out = [0; 32];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |c: u8| char::from(c).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::multiplayer::QuicAddress;

    fn relay(websocket: &str, quic: &str) -> RelayAddress {
        let quic = QuicAddress { address: quic.to_owned(), certificate_sha256: "0f".repeat(32) };
        RelayAddress { websocket: websocket.to_owned(), quic: Some(quic) }
    }

    #[test]
    fn empty_parts_are_where_the_api_is() {
        let places = Places::of("https://a.example/cloud", &relay("", ":4433")).unwrap();
        assert_eq!(places.websocket.as_str(), "wss://a.example/cloud/api/v1/multiplayer/live");
        let quic = places.quic.unwrap();
        assert_eq!((quic.host.as_str(), quic.port, quic.certificate_sha256), ("a.example", 4433, [15; 32]));
        let places = Places::of("http://[::1]:8080", &relay("ws://relay.example/x", ":1")).unwrap();
        assert_eq!(places.websocket.as_str(), "ws://relay.example/x");
        assert_eq!(places.quic.unwrap().host, "::1");
        let places = Places::of("http://127.0.0.1:8080", &relay("", "[2001:db8::1]:9")).unwrap();
        assert_eq!(places.quic.unwrap().host, "2001:db8::1");
    }

    #[test]
    fn nothing_secret_goes_openly() {
        assert!(Places::of("https://a.example", &relay("ws://b.example", ":1")).is_err());
        assert!(Places::of("http://a.example", &relay("http://b.example", ":1")).is_err());
        assert!(Places::of("http://a.example", &relay("", "b")).is_err());
        assert!(Places::of("http://a.example", &relay("", "b:99999")).is_err());
        let mut unpinned = relay("", "b:1");
        unpinned.quic.as_mut().unwrap().certificate_sha256.clear();
        assert!(Places::of("http://a.example", &unpinned).is_err());
    }
}
