//! The front door: `cargo xtask <command>` sets up, shows, tests, measures and packs the product.
//!
//! It has no dependencies, so that it builds in a second or two on a bare machine. Everything it installs for
//! the project lives in one folder, `${XDG_CACHE_HOME:-$HOME/.cache}/aethex-cloud`, shared by all clones;
//! deleting that folder is always safe. Each module is one command or one component:
//! `setup` asks `system`, `godot`, `python`, `services` and `postgres`; `demo`, `test`, `bench` (with `relay`) and `dist` are commands;
//! `claim` keeps clones apart; `floors` (with `lock`, `licence`, `json`) judges the dependencies; `run` and `ui` are the tools below.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks to its terminal")]

mod addon;
mod backend;
mod bench;
mod claim;
mod count;
mod demo;
mod dist;
mod floors;
mod godot;
mod json;
mod licence;
mod lock;
mod paths;
mod postgres;
mod python;
mod relay;
mod run;
mod services;
mod setup;
mod system;
mod test;
mod ui;

use std::process::ExitCode;

/// What every fallible step returns: the error is a sentence for the person at the terminal.
type Result<T> = std::result::Result<T, String>;

const USAGE: &str = "\
cargo xtask <command>

  setup                       install what is missing: PostgreSQL, Godot, C tools, schemathesis, and an
                              OpenID provider, a mail server and a keyring for the account tests
  demo [--window] [--together] [--keep]
                              build everything, start a backend, let two players play the example game
                                --window    open the game in a window instead
                                --together  both in one room; with --window two windows
                                --keep      leave the backend running
  test [--slow] [filter]      the one test command: setup, format, build, tests, lints, dependencies
                                --slow    bigger rounds
                                filter    only tests whose name contains it, nothing else
  floors                      judge the dependencies: versions, banned crates, licences
  bench [url] [-- args]       measure a release backend on SQLite and PostgreSQL, or the server at `url`
  bench relay [--rooms 10,20] [--seconds 10] [-- args]
                              measure the relay by WebSocket and QUIC beside ENet and bare UDP
  dist                        assemble what ships into dist/
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args.split_first() {
        _ if claim::is_foreign() => claim::hand_over(&args),
        Some((&"setup", rest)) => no_more(rest).and_then(|()| setup::all().map(|_| true)),
        Some((&"demo", rest)) => demo::Options::parse(rest).and_then(demo::demo),
        Some((&"test", rest)) => test::Options::parse(rest).and_then(test::test),
        Some((&"floors", rest)) => no_more(rest).and_then(|()| floors::floors()),
        Some((&"bench", ["relay", rest @ ..])) => {
            relay::Options::parse(rest).and_then(|options| relay::bench(&options))
        }
        Some((&"bench", rest)) => bench::Options::parse(rest).and_then(bench::bench),
        Some((&"dist", rest)) => no_more(rest).and_then(|()| dist::dist()),
        None | Some((&("help" | "--help" | "-h"), _)) => {
            print!("{USAGE}");
            Ok(true)
        }
        Some((other, _)) => Err(format!("there is no command `{other}`\n\n{USAGE}")),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("\nxtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn no_more(rest: &[&str]) -> Result<()> {
    match rest.first() {
        None => Ok(()),
        Some(extra) => Err(unknown(extra)),
    }
}

/// The answer to an argument that a command does not know.
fn unknown(argument: &str) -> String {
    format!("there is no option `{argument}`\n\n{USAGE}")
}
