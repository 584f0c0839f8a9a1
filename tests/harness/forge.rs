//! Forged access tokens: signed with any key, with any header and claims.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::path::Path;

/// A genuine token, taken apart, and the key that signed it.
#[derive(Debug)]
pub struct Forge {
    /// The header of the genuine token.
    pub header: Value,
    /// Its claims.
    pub claims: Value,
    key: SigningKey,
}

impl Forge {
    /// Starts from a genuine token, with the signing key from the server's data folder.
    pub fn new(token: &str, data: &Path) -> Forge {
        let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
        let mut json = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
        Forge { header: json(), claims: json(), key: server_key(data) }
    }

    /// The genuine header with changes; a change to null takes a field away.
    pub fn header(&self, changes: Value) -> Value {
        changed(&self.header, changes)
    }

    /// The genuine claims with changes.
    pub fn claims(&self, changes: Value) -> Value {
        changed(&self.claims, changes)
    }

    /// Signed with the server's own key: only what it says is wrong.
    pub fn signed(&self, header: &Value, claims: &Value) -> String {
        signed_by(&self.key, header, claims)
    }

    /// Signed with an attacker's key.
    pub fn signed_by_another(&self, header: &Value, claims: &Value) -> String {
        signed_by(&attackers_key(), header, claims)
    }

    /// Signed with HMAC-SHA256 under these bytes.
    pub fn hmac(&self, key: &[u8], header: &Value, claims: &Value) -> String {
        let text = signing_input(header, claims);
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    /// Without a signature.
    pub fn unsigned(&self, header: &Value, claims: &Value) -> String {
        format!("{}.", signing_input(header, claims))
    }

    /// The server's public key.
    pub fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }
}

/// The attacker's public key as a JWK.
pub fn attackers_jwk(kid: &str) -> Value {
    let x = URL_SAFE_NO_PAD.encode(attackers_key().verifying_key().to_bytes());
    json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x })
}

fn attackers_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn signed_by(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let text = signing_input(header, claims);
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()).to_bytes()))
}

fn signing_input(header: &Value, claims: &Value) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}", part(header), part(claims))
}

fn changed(json: &Value, changes: Value) -> Value {
    let mut json = json.clone();
    let fields = json.as_object_mut().expect("headers and claims are objects");
    for (name, value) in changes.as_object().expect("changes are an object") {
        match value {
            Value::Null => fields.remove(name),
            value => fields.insert(name.clone(), value.clone()),
        };
    }
    json
}

fn server_key(data: &Path) -> SigningKey {
    let keys = std::fs::read_dir(data.join("keys")).unwrap();
    let file = keys
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("signing-")))
        .expect("the server made a signing key");
    let text = std::fs::read_to_string(file).unwrap();
    let text = text.trim();
    let seed: Vec<u8> =
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect();
    SigningKey::from_bytes(&seed.try_into().unwrap())
}
