//! The command line of the backend.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks to its terminal")]

mod policy;

use aethex_backend::config::{self, Config, Effective};
use aethex_backend::saves::seal;
use aethex_backend::studio::cli;
use aethex_backend::{Server, app, auth, doctor, openapi};
use clap::{Args, Parser, Subcommand};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// The AeThex Cloud backend: one file to run.
#[derive(Debug, Parser)]
#[command(name = "aethex-cloud", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the backend. Needs no configuration.
    Serve(Settings),
    /// Bring the database's schema up to date.
    Migrate(Settings),
    /// Print the effective configuration and where each value comes from.
    Config(Settings),
    /// Try what a server needs and say what is wrong.
    Doctor(Settings),
    /// Keys that sign access tokens, and keys that encrypt saves.
    Keys(KeysArgs),
    /// Policies that players are asked to accept.
    Policy(policy::PolicyArgs),
    /// Print the OpenAPI document.
    Openapi {
        /// The document of the studio's address.
        #[arg(long)]
        studio: bool,
    },
    #[command(flatten)]
    Studio(cli::StudioCommand),
}

#[derive(Debug, Args)]
struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Add a signing key. Running servers find it within seconds, publish it, and sign with it once it has
    /// settled (`auth.signing_key_settle_s`). Nobody is logged out. Keys replaced over a day ago are removed.
    ///
    /// With `--encryption` a key is added that wraps the keys of players' saves instead. Running servers wrap those
    /// keys anew in the background; no save is touched.
    Rotate {
        /// The key that wraps the keys of players' saves.
        #[arg(long)]
        encryption: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Remove encryption keys that wrap nothing any more and were replaced over an hour ago. Backups of the
    /// database from before cannot be read without them.
    Prune(Settings),
    /// Give a player a new key for the saves that are stored from now on.
    Renew {
        /// The game's id.
        game: String,
        /// The player's id.
        player: String,
        #[command(flatten)]
        settings: Settings,
    },
}

impl KeysCommand {
    fn settings(&self) -> &Settings {
        match self {
            KeysCommand::Rotate { settings, .. }
            | KeysCommand::Prune(settings)
            | KeysCommand::Renew { settings, .. } => settings,
        }
    }

    async fn run(&self, config: &Config) -> Result<String, String> {
        match self {
            KeysCommand::Rotate { encryption: false, .. } => rotate(config),
            KeysCommand::Rotate { encryption: true, .. } => seal::rotate_encryption_key(config).await,
            KeysCommand::Prune(_) => seal::prune_encryption_keys(config).await,
            KeysCommand::Renew { game, player, .. } => seal::renew_player_key(config, game, player).await,
        }
    }
}

#[derive(Debug, Args)]
struct Settings {
    /// Configuration file (TOML); `AETHEX_*` variables and flags win over it.
    #[arg(long, env = "AETHEX_CONFIG")]
    config: Option<PathBuf>,
    /// Address to listen on [default: 127.0.0.1:8080].
    #[arg(long)]
    listen: Option<String>,
    /// Data folder [default: aethex-data].
    #[arg(long)]
    data: Option<String>,
}

impl Settings {
    fn load(&self) -> Result<Effective, String> {
        let flags: Vec<(&str, String)> = [("listen", &self.listen), ("data", &self.data)]
            .into_iter()
            .filter_map(|(key, value)| value.clone().map(|value| (key, value)))
            .collect();
        config::load(self.config.as_deref(), std::env::vars(), &flags).map_err(|error| error.to_string())
    }
}

fn main() -> ExitCode {
    // What is written holds emails, saves and keys: only this user may look, also where the folder was made by
    // somebody else.
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("aethex-cloud: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, String> {
    let command = match command {
        Command::Studio(command) => {
            println!("{}", runtime()?.block_on(cli::run(command))?);
            return Ok(ExitCode::SUCCESS);
        }
        command => command,
    };
    let settings = match &command {
        Command::Openapi { studio } => {
            let document = if *studio { openapi::studio_document() } else { openapi::document() };
            println!("{document}");
            return Ok(ExitCode::SUCCESS);
        }
        Command::Serve(settings)
        | Command::Migrate(settings)
        | Command::Config(settings)
        | Command::Doctor(settings) => settings,
        Command::Keys(KeysArgs { command }) => command.settings(),
        Command::Policy(policy) => policy.settings(),
        Command::Studio(_) => unreachable!("answered above"),
    };
    let effective = settings.load()?;
    let runtime = runtime()?;
    match command {
        Command::Serve(_) => runtime.block_on(serve(effective.config)),
        Command::Migrate(_) => runtime.block_on(migrate(&effective.config)),
        Command::Doctor(_) => Ok(runtime.block_on(examine(&effective.config))),
        Command::Config(_) => {
            let width = effective.sources.iter().map(|(key, ..)| key.len()).max().unwrap_or_default();
            for (key, value, source) in &effective.sources {
                println!("{key:width$}  {value}  ({source})");
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Keys(KeysArgs { command }) => {
            println!("{}", runtime.block_on(command.run(&effective.config))?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Policy(policy) => {
            println!("{}", runtime.block_on(policy.run(&effective.config))?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Openapi { .. } | Command::Studio(_) => unreachable!("answered above"),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))
}

async fn serve(config: Config) -> Result<ExitCode, String> {
    start_log(&config)?;
    // Before the ready line, so that a signal right after it finds its handler.
    let stop = stop_signal().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let server = Server::start(config).await.map_err(|error| error.to_string())?;
    // Who started the server may not read what it says.
    let _ = writeln!(
        std::io::stdout(),
        "aethex-cloud ready on {} (client key {})",
        server.url(),
        server.client_key()
    );
    stop.await;
    server.stop().await;
    Ok(ExitCode::SUCCESS)
}

async fn migrate(config: &Config) -> Result<ExitCode, String> {
    let sql = app::open_sql(config).await.map_err(|error| error.to_string())?;
    let ran = sql.migrate(app::now_ms()).await.map_err(|error| error.to_string())?;
    sql.close().await;
    match ran.as_slice() {
        [] => println!("the schema is up to date"),
        ran => println!("applied {}", ran.join(", ")),
    }
    Ok(ExitCode::SUCCESS)
}

fn rotate(config: &Config) -> Result<String, String> {
    let (added, removed) =
        auth::rotate_keys(&config.data).map_err(|error| format!("cannot rotate: {error}"))?;
    Ok(format!("added signing key {added}; removed {removed} that newer ones replaced"))
}

async fn examine(config: &Config) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for check in doctor::run(config).await {
        match check.outcome {
            Ok(found) => println!("ok    {}: {found}", check.what),
            Err(wrong) => {
                println!("WRONG {}: {wrong}", check.what);
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

fn start_log(config: &Config) -> Result<(), String> {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log)
        .map_err(|error| format!("`log` cannot be used: {error}"))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format.as_str() {
        "json" => log.json().flatten_event(true).init(),
        "text" => log.init(),
        other => return Err(format!("`log_format` is json or text, not `{other}`")),
    }
    Ok(())
}

/// A future that ends at the first request to stop.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// A future that ends at the first request to stop.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
