//! A real OpenID provider (npm oidc-provider), and the person's browser that logs in at it.
//!
//! [`Provider::start`] gives one on a free port. It knows the confidential [`Provider::client`] (PKCE required,
//! redirects to loopback with any port) and some [others](Provider::client_named), and the accounts that the test
//! sets. [`Provider::browse`] is the browser: it follows an authorization URL, is logged in without a human, and
//! gives the URL that it was sent back to. [`Provider::misbehave`] makes the provider lie; the lies are told with
//! its own key. GitHub and Discord cannot be run here: [`Double`] stands for them, with answers of the documented
//! shapes. It is NOT the real service.

use crate::client::{Client, Reply};
use crate::service::{Service, With};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// A browser gives up after as many.
const REDIRECTS_MAX: usize = 12;

/// A running provider.
#[derive(Debug)]
pub struct Provider {
    service: Mutex<Service>,
    issuer: String,
}

/// How to start one.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    redirects: Option<Vec<String>>,
    claims_in_id_token: bool,
}

/// A registered client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// `client_id`.
    pub id: String,
    /// `client_secret`; empty for the public client.
    pub secret: String,
}

/// Lies about identity. Several may be told at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Another nonce in the id token.
    WrongNonce,
    /// None.
    NoNonce,
    /// An id token for the client `other`.
    OtherAudience,
    /// For us and for `other`, which is the authorised party.
    ForeignParty,
    /// For nobody.
    NoAudience,
    /// Expired an hour ago.
    Expired,
    /// Without an end.
    NoExpiry,
    /// Valid (`nbf`) in an hour.
    NotYet,
    /// Of another issuer.
    WrongIssuer,
    /// Without `sub`.
    NoSubject,
    /// `alg: none`.
    Unsigned,
    /// Signed by a key that is not the provider's, under the id of one that is.
    ForeignKey,
    /// Other claims under the signature of the true ones.
    Tampered,
    /// HS256 with the public key as the secret.
    HmacOfPublicKey,
    /// An answer without an id token.
    NoIdToken,
    /// The discovery document names another issuer.
    DiscoveryIssuer,
    /// Userinfo tells of somebody else.
    UserinfoOfAnother,
}

impl Fault {
    /// Everything that is wrong with an id token, each a reason to refuse it.
    pub const ID_TOKEN: &[Fault] = &[
        Fault::WrongNonce,
        Fault::NoNonce,
        Fault::OtherAudience,
        Fault::ForeignParty,
        Fault::NoAudience,
        Fault::Expired,
        Fault::NoExpiry,
        Fault::NotYet,
        Fault::WrongIssuer,
        Fault::NoSubject,
        Fault::Unsigned,
        Fault::ForeignKey,
        Fault::Tampered,
        Fault::HmacOfPublicKey,
        Fault::NoIdToken,
    ];

    fn name(self) -> &'static str {
        match self {
            Fault::WrongNonce => "wrong_nonce",
            Fault::NoNonce => "no_nonce",
            Fault::OtherAudience => "other_audience",
            Fault::ForeignParty => "foreign_party",
            Fault::NoAudience => "no_audience",
            Fault::Expired => "expired",
            Fault::NoExpiry => "no_expiry",
            Fault::NotYet => "not_yet",
            Fault::WrongIssuer => "wrong_issuer",
            Fault::NoSubject => "no_subject",
            Fault::Unsigned => "unsigned",
            Fault::ForeignKey => "foreign_key",
            Fault::Tampered => "tampered",
            Fault::HmacOfPublicKey => "hmac_of_public_key",
            Fault::NoIdToken => "no_id_token",
            Fault::DiscoveryIssuer => "discovery_issuer",
            Fault::UserinfoOfAnother => "userinfo_of_another",
        }
    }
}

/// What the product asks a provider for, each at its own address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `/.well-known/openid-configuration`
    Discovery,
    /// The keys.
    Jwks,
    /// Code for tokens.
    Token,
    /// Userinfo.
    Userinfo,
}

/// How an endpoint can be out of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// 503.
    Fails,
    /// No answer, ever.
    Hangs,
    /// 256 MiB.
    Huge,
    /// Half of a JSON document.
    Garbage,
    /// A page for people, with 200.
    Html,
    /// 307 to elsewhere.
    Redirects,
    /// The connection is closed without an answer.
    Cuts,
}

/// What a login with the provider came to, with the client's half played by the harness.
#[derive(Debug)]
pub struct Tokens {
    /// The answer of the token endpoint.
    pub answer: Value,
    /// The claims of its id token.
    pub claims: Value,
}

impl Setup {
    /// With these redirects registered, in place of `/` and `/callback` of loopback. The port of a loopback redirect
    /// is free.
    pub fn redirects(mut self, uris: &[&str]) -> Setup {
        self.redirects = Some(uris.iter().map(|uri| (*uri).to_owned()).collect());
        self
    }

    /// With email and profile in the id token too, as Google does; else they are at userinfo only.
    pub fn claims_in_id_token(mut self) -> Setup {
        self.claims_in_id_token = true;
        self
    }

    /// Starts it.
    pub fn start(self) -> Provider {
        let mut setup = json!({ "claims_in_id_token": self.claims_in_id_token });
        if let Some(redirects) = self.redirects {
            setup["redirect_uris"] = redirects.into();
        }
        let (service, ready) = Service::start(With::Node, "provider.mjs", &setup);
        let issuer = ready["issuer"].as_str().unwrap().to_owned();
        Provider { service: Mutex::new(service), issuer }
    }
}

impl Provider {
    /// Starts one with email and profile in the id token.
    pub fn start() -> Provider {
        Setup::default().claims_in_id_token().start()
    }

    /// The issuer: `http://127.0.0.1:port`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The client that the product is.
    pub fn client(&self) -> Registered {
        self.client_named("aethex")
    }

    /// `client_id` of [`client`](Provider::client).
    pub fn client_id(&self) -> String {
        self.client().id
    }

    /// `client_secret` of [`client`](Provider::client).
    pub fn client_secret(&self) -> String {
        self.client().secret
    }

    /// `aethex` and `other` (secret by Basic, RS256), `aethex-post` (secret in the form), `aethex-es256`,
    /// `aethex-public` (no secret).
    pub fn client_named(&self, id: &str) -> Registered {
        let secret = if id == "aethex-public" { String::new() } else { format!("secret-of-{id}") };
        Registered { id: id.to_owned(), secret }
    }

    /// Makes or changes an account: `sub`, and claims such as `email`, `email_verified`, `name`, `picture`. It is the
    /// one that logs in next unless another is named.
    pub fn set_account(&self, account: Value) {
        let sub = account["sub"].as_str().expect("an account has a sub").to_owned();
        let mut claims = account;
        claims.as_object_mut().unwrap().remove("sub");
        self.order(json!({ "do": "account", "sub": sub, "claims": claims }));
    }

    /// Lies from now on.
    pub fn misbehave(&self, fault: Fault) {
        self.order(json!({ "do": "fault", "name": fault.name() }));
    }

    /// Puts an endpoint out of order.
    pub fn break_endpoint(&self, endpoint: Endpoint, outage: Outage) {
        let endpoint = format!("{endpoint:?}").to_lowercase();
        self.order(
            json!({ "do": "break", "endpoint": endpoint, "how": format!("{outage:?}").to_lowercase() }),
        );
    }

    /// Lies no more; every endpoint works.
    pub fn behave(&self) {
        self.order(json!({ "do": "behave" }));
    }

    /// Replaces the keys: the old ones are gone from the key set, new id tokens are signed by the new.
    pub fn rotate_keys(&self) {
        self.order(json!({ "do": "rotate" }));
    }

    /// Signs these claims with the provider's key; members of `header` replace those of the true header.
    pub fn mint(&self, claims: &Value, header: &Value) -> String {
        let said = self.order(json!({ "do": "mint", "claims": claims, "header": header }));
        said["token"].as_str().unwrap().to_owned()
    }

    /// Whether this token has a signature of the provider's that fits.
    pub fn has_signed(&self, token: &str) -> bool {
        self.order(json!({ "do": "signed", "token": token }))["signed"] == true
    }

    /// How often a path was asked for, such as `/token`.
    pub fn asked(&self, path: &str) -> usize {
        let said = self.order(json!({ "do": "requests" }));
        said["requests"].as_array().unwrap().iter().filter(|request| request["path"] == path).count()
    }

    /// The browser: logs in as the newest account (or the login hint's) and gives the URL it is sent back to, with
    /// `code` and `state`.
    pub async fn browse(&self, authorization_url: &str) -> String {
        sent_back(self.walk(authorization_url, "").await)
    }

    /// The same as this account.
    pub async fn browse_as(&self, authorization_url: &str, sub: &str) -> String {
        sent_back(self.walk(authorization_url, &format!("account={}", percent(sub))).await)
    }

    /// The same, but the person says no: sent back with `error=access_denied`.
    pub async fn browse_and_deny(&self, authorization_url: &str) -> String {
        sent_back(self.walk(authorization_url, "deny").await)
    }

    /// The provider's page that refuses an authorization URL without sending the browser back.
    pub async fn browse_refused(&self, authorization_url: &str) -> Reply {
        match self.walk(authorization_url, "").await {
            Err(page) => page,
            Ok(url) => panic!("sent back to {url}"),
        }
    }

    async fn walk(&self, authorization_url: &str, choice: &str) -> Result<String, Reply> {
        let here = format!("{}/", self.issuer);
        let (client, mut cookies) = (Client::new(&self.issuer), Vec::<(String, String)>::new());
        let mut next = authorization_url.to_owned();
        for _ in 0..REDIRECTS_MAX {
            let Some(path) = next.strip_prefix(&here) else { return Ok(next) };
            let mut path = format!("/{path}");
            let chooses = ["/interaction/", "/github/login/oauth/authorize", "/discord/oauth2/authorize"];
            if !choice.is_empty() && chooses.iter().any(|page| path.starts_with(page)) {
                path.push(if path.contains('?') { '&' } else { '?' });
                path.push_str(choice);
            }
            let jar: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let reply = client.get(&path).header("cookie", jar.join("; ")).send().await;
            for cookie in reply.headers.get_all("set-cookie") {
                let pair = cookie.to_str().unwrap().split(';').next().unwrap_or_default();
                let (name, value) = pair.split_once('=').unwrap();
                cookies.retain(|(old, _)| old != name);
                cookies.push((name.to_owned(), value.to_owned()));
            }
            if !matches!(reply.status, 302 | 303) {
                return Err(reply);
            }
            let location = reply.header("location");
            next = match location.starts_with('/') {
                true => format!("{}{location}", self.issuer),
                false => location.to_owned(),
            };
        }
        panic!("the browser is sent around in circles, to {next} at last");
    }

    /// A whole login, with the client's half played by the harness: to get true tokens of any client, as one who
    /// steals them would.
    pub async fn log_in(&self, client: &Registered, nonce: &str) -> Tokens {
        const REDIRECT: &str = "http://127.0.0.1:1/callback";
        const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters";
        let url = self.authorization_url(client, REDIRECT, VERIFIER, nonce);
        let code = query(&self.browse(&url).await, "code").expect("sent back with a code");
        let answer = self.redeem(client, &code, REDIRECT, VERIFIER).await.expect(200);
        let answer = json_of(&answer);
        let token = answer["id_token"].as_str().unwrap_or_default();
        let claims = token.split('.').nth(1).map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
        let claims = claims.map(|text| serde_json::from_slice(&text).unwrap()).unwrap_or_default();
        Tokens { answer, claims }
    }

    /// An authorization URL as a correct client makes it.
    pub fn authorization_url(
        &self,
        client: &Registered,
        redirect: &str,
        verifier: &str,
        nonce: &str,
    ) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        format!(
            "{}/auth?response_type=code&client_id={}&redirect_uri={}&scope=openid%20email%20profile&state=state-1\
             &nonce={}&code_challenge={challenge}&code_challenge_method=S256",
            self.issuer,
            client.id,
            percent(redirect),
            percent(nonce),
        )
    }

    /// Asks for tokens as a correct client does.
    pub async fn redeem(&self, client: &Registered, code: &str, redirect: &str, verifier: &str) -> Reply {
        let form = format!(
            "grant_type=authorization_code&code={code}&redirect_uri={}&code_verifier={verifier}",
            percent(redirect)
        );
        let basic =
            base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", client.id, client.secret));
        Client::new(&self.issuer)
            .post("/token")
            .header("authorization", format!("Basic {basic}"))
            .body("application/x-www-form-urlencoded", form)
            .send()
            .await
    }

    /// The double of GitHub.
    pub fn github(&self) -> Double<'_> {
        self.double("github", "login/oauth/authorize", "login/oauth/access_token", "user")
    }

    /// The double of Discord.
    pub fn discord(&self) -> Double<'_> {
        self.double("discord", "oauth2/authorize", "api/oauth2/token", "api/users/@me")
    }

    fn double(&self, name: &'static str, authorize: &str, token: &str, user: &str) -> Double<'_> {
        let said = self.order(json!({ "do": "double", "service": name }));
        let text = |key: &str| said[key].as_str().unwrap().to_owned();
        Double {
            provider: self,
            name,
            client: Registered { id: text("client_id"), secret: text("client_secret") },
            authorize_url: format!("{}/{name}/{authorize}", self.issuer),
            token_url: format!("{}/{name}/{token}", self.issuer),
            user_url: format!("{}/{name}/{user}", self.issuer),
        }
    }

    fn order(&self, order: Value) -> Value {
        self.service.lock().order(&order)
    }
}

/// Stands for GitHub or Discord: answers of the documented shapes, not the real service. [`Provider::browse`] walks
/// its pages too.
#[derive(Debug)]
pub struct Double<'p> {
    provider: &'p Provider,
    name: &'static str,
    /// The client that the product is.
    pub client: Registered,
    /// Where the browser goes.
    pub authorize_url: String,
    /// Code for token.
    pub token_url: String,
    /// Who it is. GitHub's addresses are at `/emails` below it.
    pub user_url: String,
}

impl Double<'_> {
    /// Makes or changes an account. GitHub: `{id: 1, user: {login, name, avatar_url}, emails: [{email, primary,
    /// verified, visibility}]}`; Discord: `{id: "80351110224678912", user: {username, global_name, avatar, email,
    /// verified}}`.
    pub fn set_account(&self, account: Value) {
        self.provider.order(json!({ "do": "double", "service": self.name, "account": account }));
    }

    /// Registers a redirect. GitHub also takes those of the provider's setup, loopback with any port; Discord takes
    /// what is registered, exactly.
    pub fn register_redirect(&self, uri: &str) {
        self.provider.order(json!({ "do": "double", "service": self.name, "redirect": uri }));
    }
}

#[track_caller]
fn sent_back(walked: Result<String, Reply>) -> String {
    walked.unwrap_or_else(|page| panic!("the browser stays at {page}"))
}

/// An answer's JSON: services of others name its media type in their own ways.
#[track_caller]
pub fn json_of(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_else(|error| panic!("{error}: {reply}"))
}

/// A parameter of a URL's query, decoded.
pub fn query(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| decoded(value)).next()
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.filter(|_| *first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(match byte {
            Some(byte) => {
                rest = &after[2..];
                byte
            }
            None if *first == b'+' => b' ',
            None => *first,
        });
    }
    String::from_utf8(bytes).unwrap()
}

/// Escapes what a query's value may not hold.
pub fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            _ => write!(out, "%{byte:02X}").unwrap(),
        }
    }
    out
}
