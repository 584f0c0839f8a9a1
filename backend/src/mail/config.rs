//! Limits and settings of mail.

use crate::config::{ConfigError, hide};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Mails kept in the outbox folder; the oldest go when another comes.
pub(crate) const OUTBOX_MAILS_MAX: usize = 1000;
/// Longest value put into a template, in characters; links may be longer.
pub(super) const VALUE_CHARS_MAX: usize = 200;
/// Longest link.
pub(super) const LINK_LEN_MAX: usize = 2048;
/// Longest subject, in characters.
pub(super) const SUBJECT_CHARS_MAX: usize = 200;
/// Largest template of an operator: the built-in ones are below 3 KiB.
pub(super) const TEMPLATE_LEN_MAX: u64 = 64 * 1024;
/// Most files looked at in the operator's folder of templates.
pub(super) const TEMPLATE_FILES_MAX: usize = 2000;

/// Settings of mail.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MailConfig {
    /// The SMTP server; empty for files in the folder `outbox` of the data folder.
    pub smtp_host: String,
    /// Its port; 0 for the usual one: 587 with `starttls`, 465 with `tls`, 25 with `none`.
    pub smtp_port: u16,
    /// `starttls`, `tls` or `none`. When empty: `none` for a server on this machine, where nobody listens in,
    /// else `starttls`. Without TLS no password is sent to another machine.
    pub smtp_security: String,
    /// User name for the SMTP server; empty for none.
    pub smtp_user: String,
    /// Password for the SMTP server.
    pub smtp_password: String,
    /// PEM file with further certificate roots, for a private server.
    pub smtp_ca_file: String,
    /// Deadline for one mail, from the connection to the server's word that it has it.
    pub timeout_ms: u64,
    /// The sender: an address, or a name and an address: `Studio <noreply@example.com>`. Without a name the
    /// game's is shown. Must be set with `smtp_host`.
    pub from: String,
    /// Where answers go; empty for the sender.
    pub reply_to: String,
    /// How mails call what sends them, and a game that has no name.
    pub product_name: String,
    /// Folder of templates that win over the built-in ones: `<locale>/<template>.txt`, `layout.html`.
    pub templates: PathBuf,
}

impl Default for MailConfig {
    fn default() -> MailConfig {
        MailConfig {
            smtp_host: String::new(),
            smtp_port: 0,
            smtp_security: String::new(),
            smtp_user: String::new(),
            smtp_password: String::new(),
            smtp_ca_file: String::new(),
            timeout_ms: 30_000,
            from: String::new(),
            reply_to: String::new(),
            product_name: "AeThex Cloud".into(),
            templates: PathBuf::new(),
        }
    }
}

impl std::fmt::Debug for MailConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailConfig")
            .field("smtp_host", &self.smtp_host)
            .field("smtp_port", &self.smtp_port)
            .field("smtp_security", &self.smtp_security)
            .field("smtp_user", &self.smtp_user)
            .field("smtp_password", &hide(&self.smtp_password))
            .field("smtp_ca_file", &self.smtp_ca_file)
            .field("timeout_ms", &self.timeout_ms)
            .field("from", &self.from)
            .field("reply_to", &self.reply_to)
            .field("product_name", &self.product_name)
            .field("templates", &self.templates)
            .finish()
    }
}

/// How a connection to the SMTP server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    StartTls,
    Tls,
    None,
}

impl MailConfig {
    /// Refuses settings with which no mail could leave, or with which a password would be seen by others.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.smtp_host.is_empty() {
            return Ok(());
        }
        if self.from.is_empty() {
            return Err(ConfigError("set `mail.from`: the address that mails come from".into()));
        }
        if self.smtp_user.is_empty() != self.smtp_password.is_empty() {
            return Err(ConfigError("set both `mail.smtp_user` and `mail.smtp_password`, or neither".into()));
        }
        if self.security()? == Security::None && !self.smtp_user.is_empty() && !self.is_here() {
            return Err(ConfigError(
                "`mail.smtp_security` is `none`: the password would be sent in the clear; use `starttls` or `tls`".into(),
            ));
        }
        Ok(())
    }

    pub(crate) fn security(&self) -> Result<Security, ConfigError> {
        match self.smtp_security.as_str() {
            "" if self.is_here() => Ok(Security::None),
            "" | "starttls" => Ok(Security::StartTls),
            "tls" => Ok(Security::Tls),
            "none" => Ok(Security::None),
            other => {
                Err(ConfigError(format!("`mail.smtp_security` is starttls, tls or none, not `{other}`")))
            }
        }
    }

    pub(crate) fn port(&self, security: Security) -> u16 {
        match (self.smtp_port, security) {
            (0, Security::StartTls) => 587,
            (0, Security::Tls) => 465,
            (0, Security::None) => 25,
            (port, _) => port,
        }
    }

    /// Whether the server is on this machine.
    fn is_here(&self) -> bool {
        let address = self.smtp_host.parse::<std::net::IpAddr>();
        self.smtp_host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smtp(host: &str, security: &str, user: &str) -> MailConfig {
        MailConfig {
            smtp_host: host.into(),
            smtp_security: security.into(),
            smtp_user: user.into(),
            smtp_password: user.into(),
            from: "a@example.com".into(),
            ..MailConfig::default()
        }
    }

    #[test]
    fn only_a_server_on_this_machine_is_spoken_to_in_the_clear_unasked() {
        for (host, security, expected) in [
            ("mail.example.com", "", Security::StartTls),
            ("10.0.0.1", "", Security::StartTls),
            ("localhost.example.com", "", Security::StartTls),
            ("localhost", "", Security::None),
            ("127.0.0.1", "", Security::None),
            ("::1", "", Security::None),
            ("127.0.0.1", "starttls", Security::StartTls),
            ("mail.example.com", "none", Security::None),
        ] {
            assert_eq!(smtp(host, security, "").security().unwrap(), expected, "{host} {security}");
            assert!(smtp(host, security, "").check().is_ok(), "{host} {security}");
        }
        assert!(smtp("mail.example.com", "none", "u").check().is_err());
        assert!(smtp("127.0.0.1", "none", "u").check().is_ok());
        assert!(smtp("mail.example.com", "ssl", "").check().unwrap_err().0.contains("ssl"));
        let nobody = MailConfig { from: String::new(), ..smtp("mail.example.com", "", "") };
        assert!(nobody.check().unwrap_err().0.contains("mail.from"));
    }

    #[test]
    fn the_password_is_not_shown() {
        let shown = format!("{:?}", smtp("h", "", "hunter22"));
        assert_eq!(shown.matches("hunter22").count(), 1, "{shown}");
    }
}
