//! Configuration: defaults, then a TOML file, then `AETHEX_*` variables, then flags; later ones win.
//!
//! Every key has a default, so nothing needs to be configured. A key's variable is its name in capitals
//! with underscores: `database.url` is `AETHEX_DATABASE_URL`. Unknown keys are refused by name.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Everything that can be configured.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address of the API: loopback, until it is opened on purpose.
    pub listen: String,
    /// Where players and browsers reach the API, for links in mails and avatars: `https://cloud.example.com`.
    /// When empty, links in mails name the listening address, and avatars are relative to the API.
    pub public_url: String,
    /// Address of `/metrics` (Prometheus); off when empty.
    pub metrics_listen: String,
    /// Folder of the embedded engines, keys and everything else kept.
    pub data: PathBuf,
    /// What the log says: `error`, `warn`, `info`, `debug`, or a filter such as `info,aethex_backend=debug`.
    pub log: String,
    /// `json` or `text`.
    pub log_format: String,
    /// The database.
    pub database: DatabaseConfig,
    /// The blob store.
    pub blob: crate::ports::blob::config::BlobConfig,
    /// The HTTP edge.
    pub http: HttpConfig,
    /// TLS.
    pub tls: TlsConfig,
    /// Accounts.
    pub auth: crate::auth::config::AuthConfig,
    /// Cloud saves.
    pub saves: crate::saves::config::SavesConfig,
    /// The keys that wrap players' data keys.
    pub kms: crate::ports::kms::KmsConfig,
    /// The studio's side.
    pub studio: crate::studio::config::StudioConfig,
    /// Mail.
    pub mail: crate::mail::config::MailConfig,
    /// Work done after a commit.
    pub jobs: crate::jobs::config::JobsConfig,
    /// Consents, exports, erasures.
    pub privacy: crate::privacy::config::PrivacyConfig,
    /// Rooms and their relay, parties, presence.
    pub multiplayer: crate::multiplayer::config::MultiplayerConfig,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: "127.0.0.1:8080".into(),
            public_url: String::new(),
            metrics_listen: String::new(),
            data: PathBuf::from("aethex-data"),
            log: "info".into(),
            log_format: "json".into(),
            database: DatabaseConfig::default(),
            blob: crate::ports::blob::config::BlobConfig::default(),
            http: HttpConfig::default(),
            tls: TlsConfig::default(),
            auth: crate::auth::config::AuthConfig::default(),
            saves: crate::saves::config::SavesConfig::default(),
            kms: crate::ports::kms::KmsConfig::default(),
            studio: crate::studio::config::StudioConfig::default(),
            mail: crate::mail::config::MailConfig::default(),
            jobs: crate::jobs::config::JobsConfig::default(),
            privacy: crate::privacy::config::PrivacyConfig::default(),
            multiplayer: crate::multiplayer::config::MultiplayerConfig::default(),
        }
    }
}

/// The database.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseConfig {
    /// `postgres://…`; empty for SQLite in the data folder.
    pub url: String,
    /// Most connections to a PostgreSQL server.
    pub connections_max: u32,
}

impl Default for DatabaseConfig {
    fn default() -> DatabaseConfig {
        DatabaseConfig { url: String::new(), connections_max: 16 }
    }
}

impl std::fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatabaseConfig")
            .field("url", &redact(&self.url))
            .field("connections_max", &self.connections_max)
            .finish()
    }
}

/// The HTTP edge.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Deadline for a request's head, and for an idle connection's next one.
    pub header_timeout_ms: u64,
    /// Deadline for a whole body.
    pub body_timeout_ms: u64,
    /// Deadline for an answer.
    pub request_timeout_ms: u64,
    /// Connections at once; further ones wait in the kernel's queue.
    pub connections_max: u32,
    /// How long open requests may go on after a stop was asked for.
    pub drain_timeout_ms: u64,
    /// Web origins that may call the API; `*` for any (tokens travel in a header, never in cookies).
    pub cors_origins: Vec<String>,
    /// Addresses of proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<std::net::IpAddr>,
}

impl Default for HttpConfig {
    fn default() -> HttpConfig {
        HttpConfig {
            header_timeout_ms: 30_000,
            body_timeout_ms: 60_000,
            request_timeout_ms: 90_000,
            connections_max: 10_000,
            drain_timeout_ms: 10_000,
            cors_origins: vec!["*".into()],
            trusted_proxies: vec![],
        }
    }
}

/// TLS: on when both files are named.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// PEM file with the certificate and its chain.
    pub certificate: String,
    /// PEM file with the private key.
    pub key: String,
}

/// Sections whose names the operator chooses: only a file can have them, and what stands in them is checked as the rest.
const OPEN_SECTIONS: &[&str] = &["saves.plans.", "saves.game_plans."];

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// A configuration with the source of each value.
#[derive(Debug)]
pub struct Effective {
    /// The values.
    pub config: Config,
    /// Each key with its value (secrets hidden) and where it comes from.
    pub sources: Vec<(String, String, String)>,
}

impl Config {
    /// Refuses values that no server can run with.
    pub fn check(&self) -> Result<(), ConfigError> {
        let positive = [
            ("http.connections_max", u64::from(self.http.connections_max)),
            ("http.header_timeout_ms", self.http.header_timeout_ms),
            ("http.body_timeout_ms", self.http.body_timeout_ms),
            ("http.request_timeout_ms", self.http.request_timeout_ms),
            ("database.connections_max", u64::from(self.database.connections_max)),
            ("jobs.concurrent_max", u64::from(self.jobs.concurrent_max)),
            ("jobs.poll_ms", self.jobs.poll_ms),
            ("mail.timeout_ms", self.mail.timeout_ms),
        ];
        match positive.iter().find(|(_, value)| *value == 0) {
            Some((key, _)) => Err(ConfigError(format!("`{key}` must be above 0"))),
            None => {
                self.saves.check().map_err(ConfigError)?;
                self.multiplayer.check().map_err(ConfigError)?;
                self.mail.check()?;
                self.blob.check()
            }
        }
    }

    /// A configuration for a private server in `data`, on a free port, with a quiet log. New accounts need no
    /// proof: what a test is about is not what an account costs.
    pub fn for_tests(data: &Path) -> Config {
        let mut config = Config {
            listen: "127.0.0.1:0".into(),
            data: data.to_owned(),
            log: "warn".into(),
            ..Config::default()
        };
        config.auth.proof.kind = crate::auth::config::ProofKind::None;
        // Any port, also when the server starts again at the address that it had: another's may be there by then.
        config.multiplayer.quic_listen = "127.0.0.1:0".into();
        config.multiplayer.relay_loops = 1;
        config
    }
}

/// Reads the layers. `file` is optional; `flags` are (key, value) pairs from the command line.
pub fn load(
    file: Option<&Path>,
    env: impl Iterator<Item = (String, String)>,
    flags: &[(&str, String)],
) -> Result<Effective, ConfigError> {
    let env: Vec<(String, String)> = env.collect();
    let mut layers = Layers::defaults();
    if let Some(path) = file {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError(format!("cannot read {}: {error}", path.display())))?;
        layers.apply_file(&text, &path.display().to_string())?;
    }
    layers.apply_env(&env)?;
    for (key, value) in flags {
        layers.set_text(key, value, "flag".into())?;
    }
    layers.apply_aws(&env)?;
    layers.finish()
}

/// Flat keys with their values and sources.
struct Layers(BTreeMap<String, (toml::Value, String)>);

impl Layers {
    fn defaults() -> Layers {
        let table = toml::Table::try_from(Config::default()).expect("the defaults are plain data");
        let mut flat = BTreeMap::new();
        flatten("", &table, &mut |key, value| {
            flat.insert(key, (value.clone(), "default".to_owned()));
        });
        Layers(flat)
    }

    fn apply_file(&mut self, text: &str, name: &str) -> Result<(), ConfigError> {
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| ConfigError(format!("{name}: {}", error.message())))?;
        let mut found = Vec::new();
        flatten("", &table, &mut |key, value| found.push((key, value.clone())));
        for (key, value) in found {
            match self.0.get_mut(&key) {
                Some(slot) => *slot = (value, name.to_owned()),
                None if OPEN_SECTIONS.iter().any(|section| key.starts_with(section)) => {
                    self.0.insert(key, (value, name.to_owned()));
                }
                None => return Err(ConfigError(format!("{name}: there is no setting `{key}`"))),
            }
        }
        Ok(())
    }

    fn apply_env(&mut self, env: &[(String, String)]) -> Result<(), ConfigError> {
        for (name, value) in env {
            let Some(rest) = name.strip_prefix("AETHEX_") else { continue };
            let key = self.0.keys().find(|key| key.replace('.', "_").to_uppercase() == rest).cloned();
            // Other programs of the product have AETHEX_ variables too: an unknown one is not ours.
            if let Some(key) = key {
                self.set_text(&key, value, name.clone())?;
            }
        }
        Ok(())
    }

    /// The variables that every S3 client knows, where nothing of ours says who we are. The key comes from one
    /// place: an id from here and a secret from there would be nobody's.
    fn apply_aws(&mut self, env: &[(String, String)]) -> Result<(), ConfigError> {
        let is_unset =
            |key: &str| self.0.get(key).is_some_and(|(value, _)| value.as_str().is_some_and(str::is_empty));
        let ours = ["blob.access_key_id", "blob.access_key_secret", "blob.credentials_file"];
        let is_s3 = self.0.get("blob.engine").is_some_and(|(engine, _)| engine.as_str() == Some("s3"));
        let mut wanted = Vec::new();
        if is_s3 && ours.into_iter().all(is_unset) {
            wanted.extend([
                ("AWS_ACCESS_KEY_ID", "blob.access_key_id"),
                ("AWS_SECRET_ACCESS_KEY", "blob.access_key_secret"),
                ("AWS_SESSION_TOKEN", "blob.session_token"),
            ]);
        }
        if is_s3 && self.0.get("blob.region").is_some_and(|(_, source)| source == "default") {
            wanted.extend([("AWS_DEFAULT_REGION", "blob.region"), ("AWS_REGION", "blob.region")]);
        }
        for (name, key) in wanted {
            if let Some((_, value)) = env.iter().find(|(found, value)| found == name && !value.is_empty()) {
                self.set_text(key, value, name.to_owned())?;
            }
        }
        Ok(())
    }

    fn set_text(&mut self, key: &str, text: &str, source: String) -> Result<(), ConfigError> {
        let slot = self.0.get_mut(key).ok_or_else(|| ConfigError(format!("there is no setting `{key}`")))?;
        let wrong = |wanted: &str| ConfigError(format!("{source}: `{key}` needs {wanted}"));
        let value = match &slot.0 {
            toml::Value::Integer(_) => {
                text.trim().parse().map(toml::Value::Integer).map_err(|_| wrong("a number"))?
            }
            toml::Value::Boolean(_) => {
                text.trim().parse().map(toml::Value::Boolean).map_err(|_| wrong("true or false"))?
            }
            toml::Value::Array(_) => toml::Value::Array(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(toml::Value::from)
                    .collect(),
            ),
            _ => toml::Value::from(text),
        };
        *slot = (value, source);
        Ok(())
    }

    fn finish(self) -> Result<Effective, ConfigError> {
        let mut table = toml::Table::new();
        let mut sources = Vec::new();
        for (key, (value, source)) in self.0 {
            let shown = match key.as_str() {
                "database.url" => redact(value.as_str().unwrap_or_default()),
                secret if is_secret(secret) => hide(value.as_str().unwrap_or_default()).to_owned(),
                _ => value.to_string(),
            };
            sources.push((key.clone(), shown, source));
            unflatten(&mut table, &key, value);
        }
        let config: Config =
            table.try_into().map_err(|error: toml::de::Error| ConfigError(error.message().to_owned()))?;
        Ok(Effective { config, sources })
    }
}

fn flatten(prefix: &str, table: &toml::Table, each: &mut impl FnMut(String, &toml::Value)) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, each),
            value => each(key, value),
        }
    }
}

fn unflatten(table: &mut toml::Table, key: &str, value: toml::Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((section, rest)) => {
            let section = table.entry(section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            if let toml::Value::Table(inner) = section {
                unflatten(inner, rest, value);
            }
        }
    }
}

/// Whether a key's value is nobody's business: passwords, secrets and tokens by their name.
fn is_secret(key: &str) -> bool {
    let name = key.rsplit('.').next().unwrap_or(key);
    ["password", "secret", "token"].iter().any(|ending| name.ends_with(ending))
}

/// A secret as it is shown: whether there is one.
pub(crate) fn hide(secret: &str) -> &'static str {
    if secret.is_empty() { "\"\"" } else { "***" }
}

/// A database address without what may be secret: the user part and the parameters.
fn redact(url: &str) -> String {
    let (address, parameters) = url.split_once('?').map_or((url, ""), |(address, _)| (address, "?***"));
    match (address.find("://"), address.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            format!("{}***{}{parameters}", &address[..scheme + 3], &address[at..])
        }
        _ => format!("{address}{parameters}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn later_layers_win_and_are_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "listen = \"1.1.1.1:1\"\n[database]\nconnections_max = 7\n").unwrap();
        let vars = env(&[
            ("AETHEX_LISTEN", "2.2.2.2:2"),
            ("AETHEX_DATABASE_URL", "postgres://u:secret@h/d?password=secret"),
            ("AETHEX_MAIL_SMTP_PASSWORD", "secret"),
        ]);
        let flags = [
            ("data", "/tmp/x".into()),
            ("auth.proof.secret", "secret".into()),
            ("auth.oauth.google.client_secret", "secret".into()),
        ];
        let effective = load(Some(file.path()), vars, &flags).unwrap();
        assert_eq!(effective.config.listen, "2.2.2.2:2");
        assert_eq!(effective.config.database.connections_max, 7);
        assert_eq!(effective.config.data, Path::new("/tmp/x"));
        let shown = format!("{:?} {:?}", effective.sources, effective.config);
        assert_eq!(effective.config.auth.proof.secret, "secret");
        assert!(!shown.contains("\"secret\"") && !shown.contains("secret@"), "{shown}");
        assert!(effective.sources.iter().any(|(k, _, s)| k == "listen" && s == "AETHEX_LISTEN"));
    }

    #[test]
    fn the_usual_variables_of_s3_are_taken_where_nothing_else_is_set() {
        let aws =
            [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "hidden"), ("AWS_REGION", "eu-west-1")];
        let read = |ours: &[(&str, &str)]| load(None, env(&[&aws[..], ours].concat()), &[]).unwrap();
        let s3 = read(&[("AETHEX_BLOB_ENGINE", "s3"), ("AETHEX_BLOB_BUCKET", "b")]);
        let blob = &s3.config.blob;
        assert_eq!(
            (&*blob.access_key_id, &*blob.access_key_secret, &*blob.region),
            ("id", "hidden", "eu-west-1")
        );
        assert!(s3.config.check().is_ok());
        assert!(!format!("{:?} {:?}", s3.sources, s3.config).contains("hidden"));
        assert_eq!(read(&[]).config.blob.access_key_id, "");
        for ours in ["AETHEX_BLOB_ACCESS_KEY_ID", "AETHEX_BLOB_CREDENTIALS_FILE"] {
            let half = read(&[("AETHEX_BLOB_ENGINE", "s3"), ("AETHEX_BLOB_BUCKET", "b"), (ours, "x")]);
            assert_eq!(half.config.blob.access_key_secret, "");
        }
        let half = read(&[
            ("AETHEX_BLOB_ENGINE", "s3"),
            ("AETHEX_BLOB_BUCKET", "b"),
            ("AETHEX_BLOB_ACCESS_KEY_ID", "x"),
        ]);
        assert!(half.config.check().unwrap_err().0.contains("blob.access_key_secret"));
    }

    #[test]
    fn a_file_may_name_plans_of_its_own() {
        let read = |text: &str| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            let effective = load(Some(file.path()), env(&[]), &[])?;
            effective.config.check().map(|()| effective.config)
        };
        let game = "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f";
        let studio =
            "[saves.plans.studio]\nquota_bytes = 5\n[saves.plans.studio.retention]\nall_hours = 48\n";
        let config = read(&format!("{studio}[saves.game_plans]\n{game} = \"studio\"\n")).unwrap().saves;
        let (name, plan) = config.plan_of(&aethex_wire::ids::GameId::parse(game).unwrap());
        assert_eq!(
            (name, plan.quota_bytes, plan.versions_max, plan.retention.all_hours),
            ("studio", 5, 100_000, 48)
        );
        let other = aethex_wire::ids::GameId::parse(&game.replace('0', "1")).unwrap();
        assert_eq!(config.plan_of(&other).0, "free");
        assert!(
            read(&format!("[saves.game_plans]\n{game} = \"none\"\n"))
                .unwrap_err()
                .0
                .contains("saves.plans.none")
        );
        assert!(read("[saves.game_plans]\nx = \"free\"\n").unwrap_err().0.contains("no game's id"));
        assert!(read("[saves.plans.x]\nquota = 5\n").unwrap_err().0.contains("quota"));
        assert!(read("[saves.retention]\nall_hours = -1\n").is_err());
    }

    #[test]
    fn unknown_and_mistyped_settings_are_refused_by_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[database]\nurll = \"x\"\n").unwrap();
        let error = load(Some(file.path()), env(&[]), &[]).unwrap_err();
        assert!(error.0.contains("database.urll"), "{error}");
        let error = load(None, env(&[("AETHEX_DATABASE_CONNECTIONS_MAX", "many")]), &[]).unwrap_err();
        assert!(error.0.contains("a number"), "{error}");
    }
}
