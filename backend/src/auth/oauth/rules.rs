//! Decisions about logins with providers: which redirects and URLs are allowed, whether an answer belongs to
//! its flow, whether an id token's claims hold, what is taken over of a person.

use super::flow::{Flow, sha256};
use crate::auth::rules::check_email;
use crate::error::{Failure, Outcome};
use aethex_wire::ErrorCode;
use aethex_wire::auth::DISPLAY_NAME_CHARS_MAX;
use aethex_wire::auth::oauth::{
    OAUTH_CODE_LEN_MAX, OauthRequest, OauthStartRequest, VERIFIER_LEN_MAX, VERIFIER_LEN_MIN,
};
use aethex_wire::ids::GameId;
use reqwest::Url;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

/// Longest redirect URI: a port and a path, not an essay.
pub(super) const REDIRECT_LEN_MAX: usize = 512;
/// Characters of an S256 challenge.
const CHALLENGE_LEN: usize = 43;
/// How far a provider's clock may be from ours, in seconds.
const LEEWAY_S: i64 = 60;
/// Longest subject (OpenID Connect Core section 2).
const SUBJECT_LEN_MAX: usize = 255;
/// Longest `iss` of a redirect.
const ISS_LEN_MAX: usize = 1024;

/// Why a provider's part did not work. The words are for the log; they hold nothing of a player or a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// No answer came, or one that says nothing about the request: it may work later.
    Unavailable(String),
    /// The provider said no, or what it said cannot be trusted.
    Refused(String),
}

impl Fault {
    pub(super) fn unavailable(why: &str) -> Fault {
        Fault::Unavailable(why.to_owned())
    }

    pub(super) fn refused(why: &str) -> Fault {
        Fault::Refused(why.to_owned())
    }
}

/// Somebody whom a provider vouches for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) subject: String,
    pub(super) verified_email: Option<String>,
    pub(super) name: Option<String>,
    /// What the player knows the account there by.
    pub(super) label: String,
}

impl Person {
    /// Only what is fit to keep is taken over; an address only when the provider has verified it.
    pub(super) fn new(
        subject: &str,
        email: Option<&str>,
        verified: bool,
        name: Option<&str>,
        handle: Option<&str>,
    ) -> Result<Person, Fault> {
        if subject.is_empty()
            || subject.len() > SUBJECT_LEN_MAX
            || !subject.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(Fault::refused("the subject is not 1 to 255 visible ASCII characters"));
        }
        let verified_email = email.filter(|email| verified && check_email(email).is_ok()).map(str::to_owned);
        let (name, handle) = (name.and_then(line), handle.and_then(line));
        let label = verified_email.clone().or_else(|| handle.clone()).or_else(|| name.clone());
        Ok(Person {
            subject: subject.to_owned(),
            verified_email,
            name: name.or(handle),
            label: label.unwrap_or_default(),
        })
    }
}

/// A text of elsewhere as one line of ours.
fn line(text: &str) -> Option<String> {
    let clean = text.chars().filter(|c| !c.is_control()).take(DISPLAY_NAME_CHARS_MAX);
    Some(clean.collect::<String>().trim().to_owned()).filter(|text| !text.is_empty())
}

/// Whether the backend may send a request to this URL: https, or http to a loopback address.
pub(super) fn is_allowed_url(url: &Url, loopback_too: bool) -> bool {
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let scheme = match url.scheme() {
        "https" => true,
        "http" => loopback_too && is_loopback(url),
        _ => false,
    };
    plain && scheme && url.has_host()
}

pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// An endpoint named by a discovery document.
pub(super) fn discovered_url(text: &str, issuer: &Url) -> Result<Url, Fault> {
    let url = Url::parse(text).ok().filter(|url| is_allowed_url(url, is_loopback(issuer)));
    url.ok_or_else(|| Fault::refused("the discovery document names an address that is not https"))
}

/// What begins a flow.
pub(super) fn check_start(request: &OauthStartRequest, listed: &[String]) -> Outcome<()> {
    if !is_allowed_redirect(&request.redirect_uri, listed) {
        return Err(Failure::invalid(
            "`redirect_uri` is http://127.0.0.1:<port>/<path> or http://[::1]:<port>/<path>, or one that \
             `auth.oauth.redirect_uris` lists.",
        ));
    }
    if !is_verifier(&request.state) {
        return Err(Failure::invalid("`state` is 43 to 128 of the characters A-Z a-z 0-9 - . _ ~"));
    }
    let challenge = &request.code_challenge;
    let base64url = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if challenge.len() != CHALLENGE_LEN || !challenge.bytes().all(base64url) {
        return Err(Failure::invalid("`code_challenge` is base64url(SHA-256(verifier)), 43 characters."));
    }
    Ok(())
}

/// RFC 8252 section 7.3: an address of loopback in its literal spelling, with a port; or one that is listed,
/// to the letter.
fn is_allowed_redirect(uri: &str, listed: &[String]) -> bool {
    if uri.len() > REDIRECT_LEN_MAX {
        return false;
    }
    listed.iter().any(|known| known == uri) || is_loopback_redirect(uri)
}

fn is_loopback_redirect(uri: &str) -> bool {
    let hosts = ["http://127.0.0.1:", "http://[::1]:"];
    let Some(rest) = hosts.iter().find_map(|host| uri.strip_prefix(host)) else { return false };
    // The text itself is looked at: a parser would forgive what a provider or a browser reads otherwise.
    let Some((port, path)) = rest.split_once('/') else { return false };
    let decimal = port.bytes().all(|b| b.is_ascii_digit()) && !port.starts_with('0');
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'/');
    decimal
        && port.parse::<u16>().is_ok_and(|port| port != 0)
        && path.bytes().all(plain)
        && !path.split('/').any(|segment| matches!(segment, "." | ".."))
}

/// The alphabet and length of PKCE verifiers (RFC 7636 section 4.1).
fn is_verifier(text: &str) -> bool {
    (VERIFIER_LEN_MIN..=VERIFIER_LEN_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
}

/// The refusal of a flow, an answer, or a person; what exactly is in the log.
pub(super) fn oauth_refused(detail: &'static str) -> Failure {
    Failure::new(ErrorCode::OauthRefused, detail)
}

/// Whether what the game sends belongs to this flow.
pub(super) fn check_completion(
    flow: Option<Flow>,
    provider: &str,
    game: &GameId,
    request: &OauthRequest,
    now_ms: i64,
) -> Outcome<Flow> {
    let code = &request.code;
    if code.is_empty() || code.len() > OAUTH_CODE_LEN_MAX || !code.bytes().all(|b| matches!(b, 0x20..=0x7e)) {
        return Err(Failure::invalid("`code` is 1 to 2048 visible ASCII characters, from the redirect."));
    }
    if request.iss.as_ref().is_some_and(|iss| iss.len() > ISS_LEN_MAX) {
        return Err(Failure::invalid("`iss` is longer than an issuer can be."));
    }
    if !is_verifier(&request.code_verifier) {
        return Err(Failure::invalid("`code_verifier` is 43 to 128 of the characters A-Z a-z 0-9 - . _ ~"));
    }
    let flow = flow.ok_or_else(|| oauth_refused("The flow is not one of this server: begin again."))?;
    if flow.expires_at_ms <= now_ms {
        return Err(oauth_refused("The flow took too long: begin again."));
    }
    if flow.game != *game || flow.provider != provider {
        return Err(oauth_refused("The flow belongs to another game or provider: begin again."));
    }
    if !same(&sha256(&request.state), &flow.state_hash) {
        return Err(oauth_refused("The state is not the one that the flow began with: begin again."));
    }
    if !same(&sha256(&request.code_verifier), &flow.code_challenge) {
        return Err(oauth_refused("The verifier is not the one that the flow began with: begin again."));
    }
    Ok(flow)
}

/// The redirect's `iss` (RFC 9207): needed when the provider says that it sends one, and never another's.
pub(super) fn check_iss(iss: Option<&str>, issuer: &str, advertised: bool) -> Result<(), Fault> {
    match iss {
        Some(iss) if iss == issuer => Ok(()),
        Some(_) => Err(Fault::refused("the redirect names another issuer")),
        None if advertised => Err(Fault::refused("the redirect names no issuer, though the provider does")),
        None => Ok(()),
    }
}

fn same(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

/// What an id token must say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now_s: i64,
}

/// Checks the claims of an id token whose signature holds (OpenID Connect Core section 3.1.3.7).
pub(super) fn check_claims(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), Fault> {
    let wrong = |why: &str| Err(Fault::Refused(format!("id token: {why}")));
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return wrong("another issuer");
    }
    let audiences = match claims.get("aud") {
        Some(Value::String(one)) => vec![one.as_str()],
        // An entry that is no text is counted, and is nobody.
        Some(Value::Array(all)) => all.iter().map(|one| one.as_str().unwrap_or_default()).collect(),
        _ => return wrong("no audience"),
    };
    if !audiences.contains(&expected.client_id) {
        return wrong("another audience");
    }
    match claims.get("azp") {
        Some(party) if party.as_str() != Some(expected.client_id) => {
            return wrong("another authorised party");
        }
        None if audiences.len() > 1 => return wrong("several audiences and no authorised party"),
        _ => {}
    }
    let Some(expires_at_s) = claims.get("exp").and_then(seconds) else { return wrong("no expiry") };
    if expires_at_s + LEEWAY_S <= expected.now_s {
        return wrong("expired");
    }
    let Some(issued_at_s) = claims.get("iat").and_then(seconds) else { return wrong("no time of issue") };
    if issued_at_s - LEEWAY_S > expected.now_s {
        return wrong("issued in the future");
    }
    match claims.get("nbf").map(seconds) {
        Some(None) => return wrong("a time that is none"),
        Some(Some(from_s)) if from_s - LEEWAY_S > expected.now_s => return wrong("not valid yet"),
        _ => {}
    }
    if !text("nonce").is_some_and(|nonce| same(nonce, expected.nonce)) {
        return wrong("another nonce");
    }
    if text("sub").is_none_or(str::is_empty) {
        return wrong("no subject");
    }
    Ok(())
}

/// A NumericDate: seconds since 1970, with or without a fraction, within a million years.
fn seconds(value: &Value) -> Option<i64> {
    const SECONDS_MAX: f64 = 3.2e13;
    value.as_f64().filter(|seconds| seconds.abs() < SECONDS_MAX).map(|seconds| seconds as i64)
}

/// Whether a claim says yes: `true`, and the text that some providers send for it.
pub(super) fn is_yes(claim: Option<&Value>) -> bool {
    matches!(claim, Some(Value::Bool(true))) || claim.and_then(Value::as_str) == Some("true")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::new_id;
    use serde_json::json;

    fn start(redirect_uri: &str) -> OauthStartRequest {
        OauthStartRequest {
            redirect_uri: redirect_uri.into(),
            state: "s".repeat(43),
            code_challenge: sha256("verifier"),
        }
    }

    #[test]
    fn redirects_are_loopback_to_the_letter_or_listed() {
        let listed = ["https://play.example.com/cb?x=1".to_owned()];
        for good in [
            "http://127.0.0.1:1/",
            "http://127.0.0.1:65535/callback/a-b_c.d~e",
            "http://[::1]:8080/callback",
            "https://play.example.com/cb?x=1",
        ] {
            assert!(check_start(&start(good), &listed).is_ok(), "{good}");
        }
        let long = format!("http://127.0.0.1:1/{}", "x".repeat(512));
        for bad in [
            "",
            "http://127.0.0.1/",
            "http://127.0.0.1:/",
            "http://127.0.0.1:0/",
            "http://127.0.0.1:65536/",
            "http://127.0.0.1:080/",
            "http://127.0.0.1:+80/",
            "http://127.0.0.1:80",
            "https://127.0.0.1:80/",
            "http://localhost:80/",
            "http://127.0.0.2:80/",
            "http://127.1:80/",
            "http://2130706433:80/",
            "HTTP://127.0.0.1:80/",
            "http://127.0.0.1:80/#x",
            "http://127.0.0.1:80/?x=1",
            "http://u@127.0.0.1:80/",
            "http://127.0.0.1:80@evil.example/",
            "http://127.0.0.1:80\\@evil.example/",
            "http://127.0.0.1.evil.example:80/",
            "http://[::1]:80",
            "http://[::ffff:127.0.0.1]:80/",
            "http://127.0.0.1:80/../x",
            "http://127.0.0.1:80/%0a",
            "http://127.0.0.1:80/\n",
            " http://127.0.0.1:80/",
            "http://evil.example/",
            "javascript://127.0.0.1:80/",
            "https://play.example.com/cb",
            "https://play.example.com/cb?x=1&y=2",
            "https://play.example.com/cb?x=1#",
            "https://PLAY.example.com/cb?x=1",
            &long,
        ] {
            assert!(check_start(&start(bad), &listed).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn states_and_challenges_have_their_alphabets_and_lengths() {
        let good = start("http://127.0.0.1:1/");
        for state in
            ["", &"s".repeat(42), &"s".repeat(129), &"s ".repeat(30), &"ß".repeat(43), &"s\0".repeat(30)]
        {
            assert!(check_start(&OauthStartRequest { state: state.into(), ..good.clone() }, &[]).is_err());
        }
        for challenge in
            ["", &"c".repeat(42), &"c".repeat(44), &format!("{}=", "c".repeat(42)), &"+".repeat(43)]
        {
            let changed = OauthStartRequest { code_challenge: challenge.into(), ..good.clone() };
            assert!(check_start(&changed, &[]).is_err(), "{challenge}");
        }
    }

    #[test]
    fn the_backend_asks_https_and_loopback_only() {
        let url = |text: &str| Url::parse(text).unwrap();
        for good in ["https://a.example/x", "http://127.0.0.1:1/", "http://localhost/", "http://[::1]:1/"] {
            assert!(is_allowed_url(&url(good), true), "{good}");
        }
        for bad in [
            "http://a.example/",
            "ftp://a.example/",
            "file:///etc/passwd",
            "https://u:p@a.example/",
            "https://a.example/#x",
            "http://127.0.0.1.a.example/",
            "http://169.254.169.254/",
            "data:,x",
            "http://localhost.a.example/",
        ] {
            assert!(!is_allowed_url(&url(bad), true), "{bad}");
        }
        let issuer = url("https://a.example");
        assert!(discovered_url("http://127.0.0.1:1/keys", &issuer).is_err(), "no way inside from outside");
        assert!(discovered_url("https://keys.example/keys", &issuer).is_ok());
        assert!(discovered_url("http://127.0.0.1:1/keys", &url("http://127.0.0.1:2")).is_ok());
        assert!(discovered_url("http://a.example/keys", &url("http://127.0.0.1:2")).is_err());
    }

    #[test]
    fn a_completion_belongs_to_its_flow() {
        let game = GameId::parse(&new_id()).unwrap();
        let verifier = "v".repeat(43);
        let begun = OauthStartRequest { code_challenge: sha256(&verifier), ..start("http://127.0.0.1:1/") };
        let flow = Flow::begin("google", &game, &begun, 1_000);
        let request = OauthRequest {
            flow: String::new(),
            code: "code".into(),
            state: begun.state.clone(),
            code_verifier: verifier,
            iss: None,
            device_name: None,
            locale: None,
            proof: None,
        };
        let end = flow.expires_at_ms;
        let code = |flow: Option<Flow>, provider: &str, game: &GameId, request: &OauthRequest, now: i64| {
            check_completion(flow, provider, game, request, now).err().map(|failure| failure.code())
        };
        let refused = Some(ErrorCode::OauthRefused);
        let some = || Some(flow.clone());
        assert_eq!(code(some(), "google", &game, &request, end - 1), None);
        assert_eq!(code(some(), "google", &game, &request, end), refused);
        assert_eq!(code(None, "google", &game, &request, 0), refused);
        assert_eq!(code(some(), "github", &game, &request, 0), refused);
        assert_eq!(code(some(), "google", &GameId::parse(&new_id()).unwrap(), &request, 0), refused);
        let other = OauthRequest { state: "t".repeat(43), ..request.clone() };
        assert_eq!(code(some(), "google", &game, &other, 0), refused);
        let other = OauthRequest { code_verifier: "w".repeat(43), ..request.clone() };
        assert_eq!(code(some(), "google", &game, &other, 0), refused);
        let invalid = Some(ErrorCode::InvalidRequest);
        for wrong in ["", "c\n", "ü", &"c".repeat(2049)] {
            let other = OauthRequest { code: wrong.into(), ..request.clone() };
            assert_eq!(code(some(), "google", &game, &other, 0), invalid, "{wrong}");
        }
        for wrong in ["short", &"v".repeat(129), &"v&".repeat(30)] {
            let other = OauthRequest { code_verifier: wrong.into(), ..request.clone() };
            assert_eq!(code(some(), "google", &game, &other, 0), invalid, "{wrong}");
        }
    }

    #[test]
    fn an_issuer_of_the_redirect_is_the_providers() {
        assert!(check_iss(Some("https://a"), "https://a", true).is_ok());
        assert!(check_iss(None, "https://a", false).is_ok());
        assert!(check_iss(None, "https://a", true).is_err());
        assert!(check_iss(Some("https://b"), "https://a", false).is_err());
        assert!(check_iss(Some("https://a/"), "https://a", false).is_err());
    }

    #[test]
    fn every_claim_counts() {
        const NOW: i64 = 1_800_000_000;
        let expected = Expected { issuer: "https://a", client_id: "me", nonce: "n", now_s: NOW };
        let good = json!({ "iss": "https://a", "aud": "me", "sub": "1", "nonce": "n", "exp": NOW + 600, "iat": NOW });
        let judge = |change: Value| {
            let mut claims = good.as_object().unwrap().clone();
            for (name, value) in change.as_object().unwrap() {
                // `null` takes the claim away.
                if value.is_null() {
                    claims.remove(name)
                } else {
                    claims.insert(name.clone(), value.clone())
                };
            }
            check_claims(&claims, &expected)
        };
        for fine in [
            json!({}),
            json!({ "aud": ["me"] }),
            json!({ "aud": ["me", "you"], "azp": "me" }),
            json!({ "azp": "me" }),
            json!({ "exp": NOW - 59, "iat": NOW + 59, "nbf": NOW + 59 }),
            json!({ "exp": NOW as f64 + 0.5 }),
        ] {
            assert_eq!(judge(fine.clone()), Ok(()), "{fine}");
        }
        for wrong in [
            json!({ "iss": null }),
            json!({ "iss": "https://a/" }),
            json!({ "iss": ["https://a"] }),
            json!({ "aud": null }),
            json!({ "aud": "you" }),
            json!({ "aud": [] }),
            json!({ "aud": ["you"] }),
            json!({ "aud": ["me", "you"] }),
            json!({ "aud": ["me", "you"], "azp": "you" }),
            json!({ "azp": "you" }),
            json!({ "azp": 1 }),
            json!({ "aud": ["me", 7] }),
            json!({ "aud": { "me": 1 } }),
            json!({ "exp": null }),
            json!({ "exp": NOW - 60 }),
            json!({ "exp": "2100" }),
            json!({ "exp": 1e300 }),
            json!({ "iat": null }),
            json!({ "iat": NOW + 61 }),
            json!({ "nbf": NOW + 61 }),
            json!({ "nbf": "x" }),
            json!({ "nonce": null }),
            json!({ "nonce": "m" }),
            json!({ "nonce": "" }),
            json!({ "nonce": 1 }),
            json!({ "sub": null }),
            json!({ "sub": "" }),
            json!({ "sub": 7 }),
        ] {
            assert!(judge(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn of_a_person_only_what_is_fit_is_kept() {
        let person = Person::new("1", Some("a@b.co"), true, Some(" Ann\u{7}\n Lee "), Some("ann")).unwrap();
        assert_eq!(person.verified_email.as_deref(), Some("a@b.co"));
        assert_eq!((person.name.as_deref(), person.label.as_str()), (Some("Ann Lee"), "a@b.co"));
        let person = Person::new("1", Some("a@b.co"), false, None, Some("ann")).unwrap();
        assert_eq!((person.verified_email, person.label.as_str()), (None, "ann"));
        assert_eq!(Person::new("1", Some("a@@b"), true, None, None).unwrap().verified_email, None);
        let long = Person::new("1", None, false, Some(&"x".repeat(5000)), None).unwrap();
        assert_eq!(long.name.unwrap().len(), DISPLAY_NAME_CHARS_MAX);
        for subject in ["", "a b", "a\0", "ü", &"x".repeat(256)] {
            assert!(Person::new(subject, None, false, None, None).is_err(), "{subject:?}");
        }
        assert!(is_yes(Some(&json!(true))) && is_yes(Some(&json!("true"))));
        for no in [json!(false), json!("false"), json!(1), json!("yes"), json!(null)] {
            assert!(!is_yes(Some(&no)), "{no}");
        }
        assert!(!is_yes(None));
    }
}
