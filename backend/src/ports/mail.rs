//! Where mails go: a folder, or an SMTP server.
//!
//! [`Mail::send`] returns when the server has said that it has the mail, or the file is on the disk. Errors are
//! told apart: what the server refuses for good is not tried again. What a server says may repeat the address
//! it was asked for, so of its answers only the code is kept.

use crate::mail::config::{MailConfig, OUTBOX_MAILS_MAX, Security};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Answers that are about the login and not about the mail: with the right password it goes out.
const LOGIN_CODES: &[u16] = &[530, 534, 535, 538];

/// The engines.
#[derive(Debug, Clone)]
pub enum Mail {
    /// Files in a folder, one a mail (RFC 5322); the newest are kept.
    Outbox(PathBuf),
    /// A server.
    Smtp(Smtp),
}

/// A connection to a server for each mail: they are few, and none is left open that may have died.
#[derive(Clone)]
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    timeout: Duration,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The transport holds the password.
        f.debug_struct("Smtp").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// Why a mail was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The server refuses it for good.
    #[error("the mail server refused it for good: {0}")]
    Refused(String),
    /// Another time it may be taken.
    #[error("{0}")]
    Passing(String),
}

impl Mail {
    /// The engine that the settings name. Reaches no server and makes no folder yet.
    pub fn open(config: &MailConfig, data: &Path) -> Result<Mail, String> {
        match config.smtp_host.is_empty() {
            true => Ok(Mail::Outbox(data.join("outbox"))),
            false => Smtp::open(config).map(Mail::Smtp),
        }
    }

    /// Hands a mail over. `id` is the same each time the same mail is sent, and sorts by time.
    pub async fn send(&self, id: &str, mail: Message) -> Result<(), SendError> {
        match self {
            Mail::Outbox(folder) => {
                let path = folder.join(format!("{id}.eml"));
                let put = tokio::task::spawn_blocking(move || put_file(&path, &mail.formatted())).await;
                let put = put.map_err(io::Error::other).flatten();
                put.map_err(|error| SendError::Passing(format!("the outbox cannot be written: {error}")))
            }
            Mail::Smtp(smtp) => smtp.send(mail).await,
        }
    }

    /// Whether mails can leave, in words.
    pub async fn probe(&self) -> Result<String, String> {
        let Mail::Smtp(smtp) = self else { return Ok("outbox folder: mails are written to files".into()) };
        match tokio::time::timeout(smtp.timeout, smtp.transport.test_connection()).await {
            Ok(Ok(true)) => Ok("the SMTP server answers".into()),
            Ok(Ok(false)) => Err("the SMTP server does not answer as one".into()),
            Ok(Err(error)) => Err(explain(&error)),
            Err(_) => Err("the SMTP server does not answer in time".into()),
        }
    }
}

impl Smtp {
    fn open(config: &MailConfig) -> Result<Smtp, String> {
        let security = config.security().map_err(|error| error.to_string())?;
        let timeout = Duration::from_millis(config.timeout_ms);
        let tls = match security {
            Security::None => Tls::None,
            Security::StartTls => Tls::Required(tls(config)?),
            Security::Tls => Tls::Wrapper(tls(config)?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.smtp_host)
            .port(config.port(security))
            .timeout(Some(timeout))
            .tls(tls);
        // A name that says more than the address of a machine behind a router.
        if let Some(domain) = sender_domain(config) {
            builder = builder.hello_name(ClientId::Domain(domain));
        }
        if !config.smtp_user.is_empty() {
            let login = Credentials::new(config.smtp_user.clone(), config.smtp_password.clone());
            builder = builder.credentials(login);
        }
        Ok(Smtp { transport: builder.build(), timeout })
    }

    async fn send(&self, mail: Message) -> Result<(), SendError> {
        match tokio::time::timeout(self.timeout, self.transport.send(mail)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if is_final(&error) => Err(SendError::Refused(code(&error))),
            Ok(Err(error)) => Err(SendError::Passing(explain(&error))),
            Err(_) => Err(SendError::Passing("the mail server did not answer in time".into())),
        }
    }
}

fn sender_domain(config: &MailConfig) -> Option<String> {
    let from: Mailbox = config.from.parse().ok()?;
    Some(from.email.domain().to_owned()).filter(|domain| domain.is_ascii())
}

/// TLS 1.2 or 1.3 with the public roots and the configured ones; the name of the server is checked.
fn tls(config: &MailConfig) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(config.smtp_host.clone());
    if !config.smtp_ca_file.is_empty() {
        let file = &config.smtp_ca_file;
        let read = std::fs::read(file)
            .map_err(|error| format!("cannot read `mail.smtp_ca_file` {file}: {error}"))?;
        let root = Certificate::from_pem(&read)
            .map_err(|error| format!("`mail.smtp_ca_file` {file} is not a PEM file: {error}"))?;
        builder = builder.add_root_certificate(root);
    }
    builder.build_rustls().map_err(|error| format!("`mail.smtp_ca_file` cannot be used: {error}"))
}

type SmtpError = lettre::transport::smtp::Error;

fn is_final(error: &SmtpError) -> bool {
    error.is_permanent() && error.status().is_some_and(|code| !LOGIN_CODES.contains(&code.into()))
}

fn code(error: &SmtpError) -> String {
    error.status().map_or_else(String::new, |code| code.to_string())
}

/// What went wrong, without the server's words.
fn explain(error: &SmtpError) -> String {
    match error.status() {
        Some(code) if LOGIN_CODES.contains(&code.into()) => {
            format!(
                "the mail server refused the login: {code}; check `mail.smtp_user` and `mail.smtp_password`"
            )
        }
        Some(code) => format!("the mail server put it off: {code}"),
        None if error.is_response() => "the mail server's answer is none".into(),
        None => {
            let why = error.source().map(ToString::to_string).unwrap_or_default();
            let what = if error.is_tls() {
                "TLS with the mail server failed"
            } else {
                "the mail server cannot be used"
            };
            format!("{what}: {why}")
        }
    }
}

/// Temporary file, fsync, rename. Then the oldest go. Only the owner may look: mails hold codes.
fn put_file(path: &Path, mail: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let temporary = path.with_extension("part");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(mail).and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&temporary, path))?;
    prune(folder, OUTBOX_MAILS_MAX)
}

fn prune(folder: &Path, keep: usize) -> io::Result<()> {
    let mut mails = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "eml" || ending == "part") {
            mails.push(path);
        }
    }
    mails.sort_unstable();
    let surplus = mails.len().saturating_sub(keep);
    for path in &mails[..surplus] {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_outbox_keeps_the_newest_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let mail = || {
            Message::builder()
                .from("a@example.com".parse().unwrap())
                .to("b@example.com".parse().unwrap())
                .body("hello".to_owned())
                .unwrap()
        };
        let port = Mail::open(&MailConfig::default(), folder.path()).unwrap();
        for id in ["1", "2", "2", "3"] {
            port.send(id, mail()).await.unwrap();
        }
        let outbox = folder.path().join("outbox");
        prune(&outbox, 2).unwrap();
        let mut names: Vec<_> = std::fs::read_dir(&outbox).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["2.eml", "3.eml"]);
        #[cfg(unix)]
        for (path, mode) in [(outbox.clone(), 0o700), (outbox.join("3.eml"), 0o600)] {
            use std::os::unix::fs::PermissionsExt;
            let found = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!(found, mode, "{}", path.display());
        }
        let text = std::fs::read_to_string(outbox.join("3.eml")).unwrap();
        assert!(text.contains("To: b@example.com\r\n") && text.ends_with("hello"), "{text}");
    }
}
