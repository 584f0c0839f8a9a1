//! A headless player: saves, loads and lists like a game, and plays rounds against the clock.
//!
//! Results go to standard output, everything else to standard error. Exit code: 0 done, 1 failed, 2 wrong
//! usage. `play` is the part a game has: change the state, save it, look at the answer, settle conflicts.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks on its outputs")]

mod play;

use aethex_sdk_core::{Cloud, Config, Content, CredentialStore, Error, SaveOptions, SaveVersion};
use aethex_wire::{ErrorCode, Value};
use clap::{Parser, Subcommand, ValueEnum};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// How long the bot waits for the backend to confirm what is queued before it leaves.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(30);
/// How long running requests may take once the bot is done.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// A headless player of AeThex Cloud.
#[derive(Debug, Parser)]
#[command(name = "rust-bot", version)]
struct Arguments {
    /// Address of the backend.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    server: String,
    /// The game's publishable key; without it, the backend's default game.
    #[arg(long)]
    client_key: Option<String>,
    /// Folder for the session and unsent saves: one bot, one folder.
    #[arg(long)]
    data: PathBuf,
    /// Email of the account.
    #[arg(long, required_unless_present = "guest")]
    email: Option<String>,
    /// Password of the account.
    #[arg(long, env = "AETHEX_PASSWORD", hide_env_values = true, required_unless_present = "guest")]
    password: Option<String>,
    /// Makes the account first.
    #[arg(long, conflicts_with = "guest")]
    register: bool,
    /// Plays as the guest of this data folder.
    #[arg(long, conflicts_with = "email")]
    guest: bool,
    /// Where the session is kept between runs.
    #[arg(long, value_enum, default_value_t = Credentials::File)]
    credentials: Credentials,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Credentials {
    /// The operating system's keyring where there is one, else a file.
    Auto,
    /// An encrypted file in the data folder.
    File,
    /// Nowhere.
    Memory,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Saves a JSON value in a slot; tagged objects stand for engine types.
    Save {
        /// The slot.
        slot: String,
        /// The value.
        json: String,
    },
    /// Loads a slot and prints it: a value as JSON, bytes as they are.
    Load {
        /// The slot.
        slot: String,
    },
    /// Lists the slots: name, size in bytes, version.
    List,
    /// Gives the account an email and a password: a guest's account can then be opened from anywhere.
    Link {
        /// Email of the account.
        email: String,
        /// Password of the account.
        password: String,
    },
    /// Plays rounds: changes the state, saves it, and says how long the saves took.
    Play {
        /// How many rounds.
        #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        rounds: u32,
        /// The slot to play in.
        #[arg(long, default_value = "bot")]
        slot: String,
        /// Also loads the slot back in each round and compares.
        #[arg(long)]
        verify: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rust-bot: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Error> {
    let mut config = Config::new(arguments.data);
    config.server_url = arguments.server;
    config.client_key = arguments.client_key;
    config.device_name = "rust-bot".to_owned();
    config.credentials = match arguments.credentials {
        Credentials::Auto => CredentialStore::Auto,
        Credentials::File => CredentialStore::File,
        Credentials::Memory => CredentialStore::Memory,
    };
    let cloud = Cloud::new(config)?;
    let who = arguments.email.as_deref().zip(arguments.password.as_deref());
    let done = log_in(&cloud, arguments.register, who).and_then(|()| obey(&cloud, arguments.command));
    cloud.shutdown(SHUTDOWN_GRACE);
    done
}

/// The session of the last run goes on; otherwise the bot logs in: as somebody, or as this folder's guest.
fn log_in(cloud: &Cloud, register: bool, who: Option<(&str, &str)>) -> Result<(), Error> {
    let auth = cloud.auth();
    let user = match (who, auth.current_user()) {
        (Some((email, password)), _) if register => cloud.block_on(auth.register(email, password, None))?,
        (Some((email, _)), Some(user)) if user.email.eq_ignore_ascii_case(email) => return Ok(()),
        (Some((email, password)), _) => cloud.block_on(auth.login(email, password))?,
        (None, Some(_)) => return Ok(()),
        (None, None) => cloud.block_on(auth.login_guest())?,
    };
    eprintln!("logged in as {} ({})", user.username, user.id);
    Ok(())
}

fn obey(cloud: &Cloud, command: Command) -> Result<(), Error> {
    match command {
        Command::Save { slot, json } => save(cloud, &slot, &json),
        Command::Load { slot } => load(cloud, &slot),
        Command::List => list(cloud),
        Command::Link { email, password } => link(cloud, &email, &password),
        Command::Play { rounds, slot, verify } => play::play(cloud, &slot, rounds, verify),
    }
}

fn save(cloud: &Cloud, slot: &str, json: &str) -> Result<(), Error> {
    let value: Value = serde_json::from_str(json)
        .map_err(|error| Error::new(ErrorCode::InvalidArgument, format!("the value is not JSON: {error}")))?;
    let saves = cloud.saves();
    let saved = cloud.block_on(saves.save(slot, Content::Value(value), SaveOptions::default()))?;
    match saved.version {
        Some(version) => println!("saved {slot} version {}", version.version),
        None => match cloud.block_on(saves.flush(FLUSH_TIMEOUT)) {
            Ok(()) => println!("saved {slot}"),
            Err(error) if error.retryable => {
                println!("queued {slot}: it is sent when the backend can be reached");
                eprintln!("{error}");
            }
            Err(error) => return Err(error),
        },
    }
    Ok(())
}

fn load(cloud: &Cloud, slot: &str) -> Result<(), Error> {
    let loaded = cloud.block_on(cloud.saves().load(slot))?;
    if loaded.from_cache {
        eprintln!("from this device: the cloud may hold something newer");
    }
    let bytes = match loaded.content {
        Content::Value(value) => {
            let mut json = serde_json::to_vec(&value).map_err(|error| {
                Error::new(ErrorCode::InvalidSave, format!("the value has no JSON: {error}"))
            })?;
            json.push(b'\n');
            json.into()
        }
        Content::Bytes(bytes) => bytes,
    };
    std::io::stdout()
        .write_all(&bytes)
        .map_err(|error| Error::new(ErrorCode::Storage, format!("standard output refused: {error}")))
}

fn list(cloud: &Cloud) -> Result<(), Error> {
    for SaveVersion { slot, size_bytes, version, .. } in cloud.block_on(cloud.saves().list())? {
        println!("{slot}\t{size_bytes} bytes\t{version}");
    }
    Ok(())
}

fn link(cloud: &Cloud, email: &str, password: &str) -> Result<(), Error> {
    let user = cloud.block_on(cloud.auth().link_email(email, password, None))?;
    println!("linked {}", user.email);
    Ok(())
}
