//! Addresses that are thrown away: refused at registration when the operator says so.
//!
//! Off unless `auth.refuse_disposable_addresses` is set: some players have good reasons for such an address. The
//! built-in list holds the best known services; `auth.disposable_domains_file` adds others. A name stands for
//! its subdomains too, for these services give one to everybody.

use super::config::AuthConfig;
use crate::app::StartError;
use crate::error::{Failure, Outcome};
use aethex_wire::ErrorCode;
use std::collections::HashSet;

/// Well-known services, sorted, one a line.
static KNOWN: &str = include_str!("disposable_domains.txt");
/// Largest file of more: the long public lists have some 4 MiB.
const FILE_LEN_MAX: u64 = 16 * 1024 * 1024;

/// Domains whose addresses are refused; none when they are not to be.
#[derive(Debug, Default)]
pub(super) struct Disposable(HashSet<String>);

impl Disposable {
    pub(super) fn open(config: &AuthConfig) -> Result<Disposable, StartError> {
        if !config.refuse_disposable_addresses {
            return Ok(Disposable::default());
        }
        let path = &config.disposable_domains_file;
        let more = match path.as_str() {
            "" => String::new(),
            path => read(path).map_err(|error| {
                StartError(format!("cannot read `auth.disposable_domains_file` {path}: {error}"))
            })?,
        };
        Ok(Disposable(domains(KNOWN).chain(domains(&more)).collect()))
    }

    /// Refuses an address of a service of throw-away addresses. The address has been checked for its form.
    pub(super) fn check(&self, email: &str) -> Outcome<()> {
        let Some((_, domain)) = email.rsplit_once('@') else { return Ok(()) };
        let domain = domain.to_lowercase();
        let mut names =
            std::iter::successors(Some(domain.as_str()), |name| name.split_once('.').map(|(_, up)| up));
        if names.any(|name| self.0.contains(name)) {
            let detail = "The email is of a service of throw-away addresses: use one that stays yours.";
            return Err(Failure::new(ErrorCode::InvalidEmail, detail));
        }
        Ok(())
    }
}

fn read(path: &str) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > FILE_LEN_MAX {
        return Err(std::io::Error::other("the file is larger than 16 MiB"));
    }
    std::fs::read_to_string(path)
}

/// One domain a line; empty lines and comments (`#`) say nothing.
fn domains(text: &str) -> impl Iterator<Item = String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_holds_domains_only() {
        let names: Vec<&str> = KNOWN.lines().collect();
        assert!(names.is_sorted_by(|a, b| a < b));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
        assert!(names.iter().all(|name| name.contains('.') && name.chars().all(plain)));
        for ordinary in
            ["gmail.com", "outlook.com", "proton.me", "icloud.com", "web.de", "gmx.net", "mail.ru", "qq.com"]
        {
            assert!(!names.contains(&ordinary), "{ordinary}");
        }
    }

    #[test]
    fn throw_away_addresses_are_refused_when_asked_for() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# ours\n\nThrown.Example # away\n").unwrap();
        let mut config = AuthConfig {
            refuse_disposable_addresses: true,
            disposable_domains_file: file.path().to_string_lossy().into_owned(),
            ..AuthConfig::default()
        };
        let strict = Disposable::open(&config).unwrap();
        for bad in ["a@mailinator.com", "a@MAILINATOR.COM", "a@x.y.mailinator.com", "a@thrown.example"] {
            assert!(strict.check(bad).is_err(), "{bad}");
        }
        for good in ["a@example.com", "mailinator.com@example.com", "a@notmailinatorx.com", "a@com"] {
            assert!(strict.check(good).is_ok(), "{good}");
        }
        config.refuse_disposable_addresses = false;
        assert!(Disposable::open(&config).unwrap().check("a@mailinator.com").is_ok());
        config.refuse_disposable_addresses = true;
        config.disposable_domains_file = "/nowhere/to/be/found".into();
        assert!(Disposable::open(&config).is_err());
    }
}
