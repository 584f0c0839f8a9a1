//! AWS Signature Version 4: four HMACs over what is sent.
//!
//! Requests of ours are signed with the hash of their body, so that what arrives altered is refused. Presigned
//! URLs carry their signature in the query; whoever has one may send any body, of the length that it names.
//! Paths are signed as they are: keys and prefixes have no character that needs an escape.

use super::time::stamp;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Url;
use sha2::{Digest, Sha256};
use std::fmt::Write;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Stands for the hash of a body that is not known.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Who signs.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) session_token: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Headers with their values, names in small letters.
pub(super) type Headers = Vec<(&'static str, String)>;

/// A signature's circumstances.
#[derive(Debug)]
pub(super) struct Signer<'s> {
    pub(super) credentials: &'s Credentials,
    pub(super) region: &'s str,
    pub(super) now_ms: i64,
}

impl Signer<'_> {
    /// The headers that a request needs besides these.
    pub(super) fn headers(&self, method: &str, url: &Url, headers: &Headers, body_sha256: &str) -> Headers {
        let stamp = stamp(self.now_ms);
        let mut added = vec![("x-amz-content-sha256", body_sha256.to_owned()), ("x-amz-date", stamp.clone())];
        if let Some(token) = &self.credentials.session_token {
            added.push(("x-amz-security-token", token.clone()));
        }
        let mut all = vec![("host", host_of(url))];
        all.extend(headers.iter().chain(&added).cloned());
        let (names, signature) = self.sign(method, url, all, body_sha256, &stamp);
        let credential = self.credential(&stamp);
        let authorization =
            format!("{ALGORITHM} Credential={credential},SignedHeaders={names},Signature={signature}");
        added.push(("authorization", authorization));
        added
    }

    /// The URL that may be asked for until `ttl_s` is over, with just these headers.
    pub(super) fn presign(&self, method: &str, mut url: Url, headers: &Headers, ttl_s: u64) -> Url {
        let stamp = stamp(self.now_ms);
        let mut all = vec![("host", host_of(&url))];
        all.extend(headers.iter().cloned());
        all.sort();
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        let (names, ttl, credential) = (names.join(";"), ttl_s.to_string(), self.credential(&stamp));
        let mut query = vec![
            ("X-Amz-Algorithm", ALGORITHM),
            ("X-Amz-Credential", &credential),
            ("X-Amz-Date", &stamp),
            ("X-Amz-Expires", &ttl),
            ("X-Amz-SignedHeaders", &names),
        ];
        if let Some(token) = &self.credentials.session_token {
            query.push(("X-Amz-Security-Token", token));
        }
        set_query(&mut url, query);
        let (_, signature) = self.sign(method, &url, all, UNSIGNED, &stamp);
        let signed = format!("{}&X-Amz-Signature={signature}", url.query().unwrap_or_default());
        url.set_query(Some(&signed));
        url
    }

    /// The names of the headers as they are signed, and the signature.
    fn sign(
        &self,
        method: &str,
        url: &Url,
        mut headers: Headers,
        body: &str,
        stamp: &str,
    ) -> (String, String) {
        headers.sort();
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let mut canonical = format!("{method}\n{}\n{}\n", url.path(), url.query().unwrap_or_default());
        for (name, value) in &headers {
            let _ = writeln!(canonical, "{name}:{}", value.trim());
        }
        let _ = write!(canonical, "\n{names}\n{body}");
        let scope = self.scope(stamp);
        let text = format!("{ALGORITHM}\n{stamp}\n{scope}\n{}", sha256_hex(canonical.as_bytes()));
        let secret = format!("AWS4{}", self.credentials.secret);
        let key = scope.split('/').fold(secret.into_bytes(), |key, part| hmac(&key, part));
        (names, hex(&hmac(&key, &text)))
    }

    fn scope(&self, stamp: &str) -> String {
        format!("{}/{}/s3/aws4_request", &stamp[..8], self.region)
    }

    fn credential(&self, stamp: &str) -> String {
        format!("{}/{}", self.credentials.id, self.scope(stamp))
    }
}

/// Sets the query as it is signed: sorted, and everything escaped that is not unreserved (RFC 3986).
pub(super) fn set_query<'q>(url: &mut Url, query: impl IntoIterator<Item = (&'q str, &'q str)>) {
    let mut pairs: Vec<(String, String)> =
        query.into_iter().map(|(name, value)| (escape(name), escape(value))).collect();
    pairs.sort();
    let query = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    url.set_query((!query.is_empty()).then_some(query.as_str()));
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(byte as char),
            byte => {
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
}

fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of Amazon's documentation ("Authenticating Requests", Signature Version 4).
    fn examples() -> Credentials {
        Credentials {
            id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            session_token: None,
        }
    }

    /// 2013-05-24T00:00:00Z.
    const MAY: i64 = 1_369_353_600_000;

    fn url(path: &str) -> Url {
        Url::parse("https://examplebucket.s3.amazonaws.com/").unwrap().join(path).unwrap()
    }

    #[test]
    fn headers_are_signed_as_documented() {
        let credentials = examples();
        let signer = Signer { credentials: &credentials, region: "us-east-1", now_ms: MAY };
        let signed = |url: &Url, headers: &Headers| {
            let added = signer.headers("GET", url, headers, &sha256_hex(b""));
            added.into_iter().find(|(name, _)| *name == "authorization").unwrap().1
        };
        let range = vec![("range", "bytes=0-9".to_owned())];
        assert_eq!(
            signed(&url("test.txt"), &range),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        let mut lifecycle = url("");
        set_query(&mut lifecycle, [("lifecycle", "")]);
        let signature = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543";
        assert!(signed(&lifecycle, &vec![]).ends_with(signature));
        let mut list = url("");
        set_query(&mut list, [("prefix", "J"), ("max-keys", "2")]);
        let signature = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
        assert!(signed(&list, &vec![]).ends_with(signature));
    }

    #[test]
    fn urls_are_signed_as_documented() {
        let credentials = examples();
        let signer = Signer { credentials: &credentials, region: "us-east-1", now_ms: MAY };
        assert_eq!(
            signer.presign("GET", url("test.txt"), &vec![], 86_400).as_str(),
            "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", examples());
        assert!(shown.contains("AKIA") && !shown.contains("wJalr"), "{shown}");
    }
}
