//! The keys of the bucket: of the configuration, or of a file that is read again when an agent may have renewed it.

use super::super::config::{BlobConfig, CREDENTIALS_FRESH};
use super::super::local::run;
use super::sign::Credentials;
use crate::config::ConfigError;
use parking_lot::Mutex;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::time::Instant;

/// Largest file of keys: a few lines.
const FILE_LEN_MAX: usize = 64 * 1024;

/// Where the keys come from, and the last ones.
#[derive(Debug)]
pub(super) struct Keys {
    file: Option<PathBuf>,
    last: Mutex<(Arc<Credentials>, Option<Instant>)>,
}

impl Keys {
    pub(super) fn open(config: &BlobConfig) -> Result<Keys, ConfigError> {
        let (file, first) = match config.credentials_file.as_str() {
            "" => {
                let token = &config.session_token;
                let credentials = Credentials {
                    id: config.access_key_id.clone(),
                    secret: config.access_key_secret.clone(),
                    session_token: (!token.is_empty()).then(|| token.clone()),
                };
                (None, credentials)
            }
            name => {
                let path = PathBuf::from(name);
                let failed =
                    |why: String| ConfigError(format!("cannot use `blob.credentials_file` {name}: {why}"));
                let text = std::fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
                let found = of_file(&text).ok_or_else(|| failed(NOTHING_FOUND.into()))?;
                (Some(path), found)
            }
        };
        Ok(Keys { file, last: Mutex::new((Arc::new(first), None)) })
    }

    /// The keys, as they were last.
    pub(super) fn at_hand(&self) -> Arc<Credentials> {
        self.last.lock().0.clone()
    }

    /// The keys; a file that cannot be read now leaves the ones before.
    pub(super) async fn fresh(&self) -> Arc<Credentials> {
        let Some(file) = &self.file else { return self.at_hand() };
        {
            let mut last = self.last.lock();
            if last.1.is_some_and(|read| read.elapsed() < CREDENTIALS_FRESH) {
                return last.0.clone();
            }
            last.1 = Some(Instant::now());
        }
        let path = file.clone();
        match run(move || std::fs::read_to_string(path)).await.map(|text| of_file(&text)) {
            Ok(Some(found)) => self.last.lock().0 = Arc::new(found),
            Ok(None) => {
                tracing::warn!("`blob.credentials_file`: {NOTHING_FOUND}; the keys before stay in use")
            }
            Err(error) => {
                tracing::warn!(%error, "`blob.credentials_file` cannot be read; the keys before stay in use");
            }
        }
        self.at_hand()
    }
}

const NOTHING_FOUND: &str = "it has no `aws_access_key_id` and `aws_secret_access_key` under [default]";

/// The profile `default` of a file in the format of `~/.aws/credentials`.
fn of_file(text: &str) -> Option<Credentials> {
    if text.len() > FILE_LEN_MAX {
        return None;
    }
    let (mut here, mut id, mut secret, mut token) = (false, None, None, None);
    for line in text.lines().map(str::trim) {
        if let Some(profile) = line.strip_prefix('[') {
            here = profile.trim_end_matches(']').trim() == "default";
            continue;
        }
        let Some((name, value)) = line.split_once('=').filter(|_| here && !line.starts_with(['#', ';']))
        else {
            continue;
        };
        let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        match name.trim() {
            "aws_access_key_id" => id = value,
            "aws_secret_access_key" => secret = value,
            "aws_session_token" => token = value,
            _ => {}
        }
    }
    Some(Credentials { id: id?, secret: secret?, session_token: token })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_profile_is_read() {
        let text = "[other]\naws_access_key_id = no\n# c\n[default]\naws_access_key_id=ID\n aws_secret_access_key = a/b=c \n";
        let found = of_file(text).unwrap();
        assert_eq!((found.id.as_str(), found.secret.as_str(), found.session_token), ("ID", "a/b=c", None));
        let with_token =
            of_file(&format!("{text}aws_session_token = t\n[x]\naws_access_key_id = no")).unwrap();
        assert_eq!((with_token.id.as_str(), with_token.session_token.as_deref()), ("ID", Some("t")));
        for nothing in [
            "",
            "[default]",
            "aws_access_key_id=a\naws_secret_access_key=b",
            "[default]\naws_access_key_id=a",
        ] {
            assert!(of_file(nothing).is_none(), "{nothing}");
        }
    }

    #[tokio::test]
    async fn a_renewed_file_is_read_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let write = |id: &str| {
            let text = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = s\n");
            std::fs::write(file.path(), text).unwrap();
        };
        write("one");
        let config =
            BlobConfig { credentials_file: file.path().display().to_string(), ..BlobConfig::default() };
        let keys = Keys::open(&config).unwrap();
        assert_eq!(keys.fresh().await.id, "one");
        write("two");
        assert_eq!(keys.fresh().await.id, "one");
        keys.last.lock().1 = None;
        assert_eq!(keys.fresh().await.id, "two");
        std::fs::write(file.path(), "").unwrap();
        keys.last.lock().1 = None;
        assert_eq!(keys.fresh().await.id, "two");
    }
}
