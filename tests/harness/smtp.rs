//! A real mail server (aiosmtpd) on a free port, which keeps what it accepts.
//!
//! [`Setup`] says how it is spoken to: plain, with STARTTLS, or TLS from the first byte; with or without a login.
//! Its certificate is made for the test, by an authority of its own ([`MailServer::authority`]). It can be told to
//! refuse mails for a while or for good. [`MailServer::mail_to`] waits for a mail and gives it decoded.

use crate::service::{Service, With};
use crate::wait::until;
use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A running mail server.
#[derive(Debug)]
pub struct MailServer {
    service: Mutex<Service>,
    port: u16,
    setup: Setup,
    folder: TempDir,
}

/// How it wants to be spoken to.
#[derive(Clone)]
pub struct Setup {
    tls: Tls,
    login: Option<(String, String)>,
    hosts: Vec<String>,
}

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Not at all; STARTTLS is not offered.
    None,
    /// By STARTTLS, without which no mail is taken.
    StartTls,
    /// From the first byte.
    Implicit,
}

/// A mail that arrived.
#[derive(Debug, Clone, Deserialize)]
pub struct Mail {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The headers in their order, decoded.
    pub headers: Vec<(String, String)>,
    /// The plain part.
    pub text: Option<String>,
    /// The HTML part.
    pub html: Option<String>,
    /// Whether it came over TLS.
    pub tls: bool,
    /// The user who had logged in.
    pub login: Option<String>,
    /// What the client called itself.
    pub hello: String,
    /// All of it, as it came.
    pub raw: String,
}

/// How many mails were begun, and how many refusals were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Counts {
    /// `MAIL FROM` commands.
    pub attempts: u64,
    /// Refused, as the test had ordered.
    pub refused: u64,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let user = self.login.as_ref().map(|(user, _)| user);
        f.debug_struct("Setup").field("tls", &self.tls).field("user", &user).finish_non_exhaustive()
    }
}

impl Setup {
    /// Spoken to like this, without a login.
    pub fn new(tls: Tls) -> Setup {
        Setup { tls, login: None, hosts: vec!["localhost".into(), "127.0.0.1".into()] }
    }

    /// AUTH (LOGIN or PLAIN) is required. With [`Tls::StartTls`] it is offered after STARTTLS only.
    pub fn login(mut self, user: &str, password: &str) -> Setup {
        self.login = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// With a certificate for this host in place of `localhost` and `127.0.0.1`.
    pub fn certificate_for(mut self, host: &str) -> Setup {
        self.hosts = vec![host.to_owned()];
        self
    }

    /// Starts it.
    pub fn start(self) -> MailServer {
        let folder = TempDir::with_prefix("aethex-mail-").unwrap();
        certify(folder.path(), &self.hosts);
        let tls = match self.tls {
            Tls::None => "none",
            Tls::StartTls => "starttls",
            Tls::Implicit => "implicit",
        };
        let (user, password) = self.login.clone().unzip();
        let (service, ready) = Service::start(
            With::Python,
            "mail.py",
            &json!({
                "tls": tls,
                "user": user,
                "password": password,
                "certificate": folder.path().join("cert.pem"),
                "key": folder.path().join("key.pem"),
            }),
        );
        let port = ready["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap();
        MailServer { service: Mutex::new(service), port, setup: self, folder }
    }
}

/// An authority, and a server's certificate by it.
fn certify(folder: &Path, hosts: &[String]) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.distinguished_name.push(DnType::CommonName, "AeThex test authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(hosts).unwrap().signed_by(&key, &issuer).unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text).unwrap();
    write("authority.pem", authority_certificate.pem());
    write("cert.pem", certificate.pem());
    write("key.pem", key.serialize_pem());
}

impl MailServer {
    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How it is spoken to.
    pub fn tls(&self) -> Tls {
        self.setup.tls
    }

    /// A PEM file with the authority to trust.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// Answers the next `count` mails with this, such as `451 4.3.0 try again later`.
    pub fn refuse_next(&self, count: u32, reply: &str) {
        self.order(json!({ "do": "refuse_next", "count": count, "reply": reply }));
    }

    /// Answers this recipient with this, such as `550 5.1.1 no such mailbox`.
    pub fn refuse_to(&self, address: &str, reply: &str) {
        self.order(json!({ "do": "refuse_to", "address": address, "reply": reply }));
    }

    /// Takes the next `count` mails and cuts the line before it says so: a careful sender sends them again.
    pub fn lose_answers(&self, count: u32) {
        self.order(json!({ "do": "lose_answers", "count": count }));
    }

    /// Answers no `MAIL FROM` from now on, ever.
    pub fn hang(&self) {
        self.order(json!({ "do": "hang" }));
    }

    /// Takes every mail again.
    pub fn accept(&self) {
        self.order(json!({ "do": "accept" }));
    }

    /// What clients tried.
    pub fn counts(&self) -> Counts {
        serde_json::from_value(self.order(json!({ "do": "counts" }))).unwrap()
    }

    /// Everything that arrived, in order.
    pub fn mails(&self) -> Vec<Mail> {
        let mut said = self.order(json!({ "do": "mails", "after": 0 }));
        serde_json::from_value(said["mails"].take()).unwrap()
    }

    /// Waits until `count` mails are there.
    pub async fn arrived(&self, count: usize) -> Vec<Mail> {
        until("mails to arrive", async || Some(self.mails()).filter(|mails| mails.len() >= count)).await
    }

    /// Waits for a mail to this address; the newest.
    pub async fn mail_to(&self, address: &str) -> Mail {
        let is_to = |mail: &Mail| mail.to.iter().any(|to| to == address);
        until("a mail to arrive", async || self.mails().into_iter().rfind(is_to)).await
    }

    fn order(&self, order: Value) -> Value {
        self.service.lock().order(&order)
    }
}

impl Mail {
    /// A header, by its name in any case; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// The text's first word that begins with this, such as `https://`.
    #[track_caller]
    pub fn word(&self, begin: &str) -> &str {
        let text = self.text.as_deref().unwrap_or_default();
        let found = text.split_whitespace().find(|word| word.starts_with(begin));
        found.unwrap_or_else(|| panic!("no word begins with {begin}: {self:?}"))
    }
}
