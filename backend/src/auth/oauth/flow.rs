//! A flow: what the start of a login settled, sealed and kept by the game until the end.
//!
//! `of1.<contents>.<tag>`: JSON in base64url, and an HMAC under the server's secret. The server keeps nothing
//! until a flow is used; then its id is written down, for it counts once. The contents are no secret (the
//! browser sees the same), but nobody can change them.

use crate::auth::keys::Keys;
use crate::auth::tokens::{digest_of, seal};
use crate::context::{new_id, random};
use aethex_wire::auth::oauth::OauthStartRequest;
use aethex_wire::ids::GameId;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// How long a player may take at the provider: a password, a second factor, a consent.
pub(super) const FLOW_TTL_MS: i64 = 10 * 60 * 1000;
/// No flow of ours is longer: the redirect is by far the largest part.
const FLOW_LEN_MAX: usize = 4096;
/// What the seal is for.
const PURPOSE: &str = "oauth-flow";
const PREFIX: &str = "of1";

/// The contents of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Flow {
    pub(super) id: String,
    pub(super) provider: String,
    pub(super) game: GameId,
    pub(super) nonce: String,
    /// base64url(SHA-256(state)).
    pub(super) state_hash: String,
    pub(super) redirect_uri: String,
    pub(super) code_challenge: String,
    pub(super) expires_at_ms: i64,
}

impl Flow {
    pub(super) fn begin(provider: &str, game: &GameId, request: &OauthStartRequest, now_ms: i64) -> Flow {
        Flow {
            id: new_id(),
            provider: provider.to_owned(),
            game: game.clone(),
            nonce: URL_SAFE_NO_PAD.encode(random::<32>()),
            state_hash: sha256(&request.state),
            redirect_uri: request.redirect_uri.clone(),
            code_challenge: request.code_challenge.clone(),
            expires_at_ms: now_ms + FLOW_TTL_MS,
        }
    }

    pub(super) fn seal(&self, keys: &Keys) -> String {
        let contents = serde_json::to_vec(self).expect("a flow is plain data");
        let text = format!("{PREFIX}.{}", URL_SAFE_NO_PAD.encode(contents));
        let tag = seal(keys, PURPOSE, &text);
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// Opens a flow of ours; `None` for anything else.
    pub(super) fn open(keys: &Keys, flow: &str) -> Option<Flow> {
        if flow.len() > FLOW_LEN_MAX {
            return None;
        }
        let (text, tag) = flow.rsplit_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        let ours: bool = seal(keys, PURPOSE, text).as_slice().ct_eq(&tag).into();
        let contents = text.strip_prefix(PREFIX)?.strip_prefix('.').filter(|_| ours)?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(contents).ok()?).ok()
    }

    /// What is written down when the flow is used.
    pub(super) fn digest(&self) -> String {
        digest_of(PURPOSE, &self.id)
    }
}

/// base64url(SHA-256(text)): PKCE's `S256`, and how a flow keeps the state.
pub(super) fn sha256(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_is_ours_untouched_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path(), 0).unwrap();
        let request = OauthStartRequest {
            redirect_uri: "http://127.0.0.1:1/".into(),
            state: "s".repeat(43),
            code_challenge: sha256("v"),
        };
        let game = GameId::parse(&new_id()).unwrap();
        let flow = Flow::begin("google", &game, &request, 1000);
        let sealed = flow.seal(&keys);
        assert!(sealed.len() < FLOW_LEN_MAX / 2 && !sealed.contains(&request.state));
        assert_eq!(Flow::open(&keys, &sealed), Some(flow.clone()));
        for at in 0..sealed.len() {
            let mut forged = sealed.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(Flow::open(&keys, &String::from_utf8(forged).unwrap()), None, "byte {at}");
        }
        for wrong in ["", ".", "of1..", &sealed[1..], &format!("{sealed}."), &"a".repeat(5000)] {
            assert_eq!(Flow::open(&keys, wrong), None, "{wrong}");
        }
        // A seal for another purpose is none.
        let (text, _) = sealed.rsplit_once('.').unwrap();
        let other = format!("{text}.{}", URL_SAFE_NO_PAD.encode(seal(&keys, "challenge", text)));
        assert_eq!(Flow::open(&keys, &other), None);
        let stranger = tempfile::tempdir().unwrap();
        assert_eq!(Flow::open(&Keys::open(stranger.path(), 0).unwrap(), &sealed), None);
        assert_ne!(Flow::begin("google", &game, &request, 1000).digest(), flow.digest());
    }
}
