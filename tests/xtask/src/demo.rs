//! `cargo xtask demo`: from a clone to two players in a game, with nothing set up by hand.
//!
//! A private backend serves on a free port; two copies of the example game run without a window, each with its
//! own user folder, and tell what they do in lines that begin with `demo:`. Each must end with `DEMO OK`: an
//! engine's exit code alone says nothing about errors in its scripts. With `--together` they meet in a room.

use crate::backend::Backend;
use crate::claim::claim;
use crate::run::{self, Cmd};
use crate::ui::{heading, note, step};
use crate::{Result, addon, paths, setup};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The players of a demo.
const PLAYERS: [&str; 2] = ["ann", "bob"];
/// Where their windows open.
const WINDOW_PLACES: [&str; 2] = ["40,80", "1020,80"];
/// What a game prints last when everything went well.
const MARKER: &str = "DEMO OK";
/// Beginnings of the engine's lines that tell of a broken script or library.
const FAULTS: [&str; 3] = ["SCRIPT ERROR", "ERROR: Can't open GDExtension", "ERROR: GDExtension"];
/// A cold build of the backend and the extension on two slow cores.
pub(crate) const BUILD_LIMIT: Duration = Duration::from_secs(3_600);
/// The engine's first look at the project.
const IMPORT_LIMIT: Duration = Duration::from_secs(120);
/// A whole game.
const PLAY_LIMIT: Duration = Duration::from_secs(90);
/// A player at a window may take a day.
const WINDOW_LIMIT: Duration = Duration::from_secs(24 * 3_600);

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Options {
    window: bool,
    together: bool,
    keep: bool,
}

impl Options {
    /// Reads the arguments.
    pub(crate) fn parse(args: &[&str]) -> Result<Options> {
        let mut options = Options::default();
        for arg in args {
            match *arg {
                "--window" => options.window = true,
                "--together" => options.together = true,
                "--keep" => options.keep = true,
                other => return Err(crate::unknown(other)),
            }
        }
        Ok(options)
    }
}

/// The programs of a demo.
struct Stage {
    godot: PathBuf,
    game: PathBuf,
    url: String,
    client_key: String,
    /// For logs and user folders.
    folder: PathBuf,
}

/// Runs the demo; whether it succeeded.
pub(crate) fn demo(options: Options) -> Result<bool> {
    let display = paths::set("DISPLAY").or(paths::set("WAYLAND_DISPLAY"));
    if options.window && display.is_none() && cfg!(target_os = "linux") {
        return Err("there is no display: run the demo without --window".into());
    }
    let game = paths::repo().join("examples/godot-game");
    if !game.join("project.godot").exists() {
        return Err(format!("{} has no project.godot: the example game is missing", game.display()));
    }
    let godot = setup::godot()?;
    let _claim = claim("dev")?;
    build()?;
    heading("demo");
    prepare(&godot, &game)?;
    let folder = paths::TempFolder::new("demo")?;
    let program = paths::target()?.join("debug").join(paths::program("aethex-cloud"));
    let mut backend = None;
    step("backend", || {
        let started = Backend::start(&program, folder.path(), &[], options.keep)?;
        let said = format!("{} with its data in {}", started.url, folder.path().display());
        backend = Some(started);
        Ok(said)
    })?;
    let backend = backend.ok_or("the backend did not start")?;
    let stage = Stage {
        godot,
        game,
        url: backend.url.clone(),
        client_key: backend.client_key.clone(),
        folder: folder.path().to_owned(),
    };
    let outcome = match (options.window, options.together) {
        (true, false) => stage.window(),
        (true, true) => stage.windows(),
        (false, together) => stage.two_players(together),
    };
    if outcome.is_err() {
        note("the backend's log ends with:");
        backend.last_lines().lines().for_each(note);
    }
    if options.keep {
        let kept = folder.keep();
        note(&format!("The backend keeps running: {} (client key {})", backend.url, backend.client_key));
        note(&format!("data in {}; stop it with: kill {}", kept.display(), backend.pid()));
        backend.release();
    } else {
        step("backend stopped", || backend.stop().map(|()| "cleanly".into()))?;
    }
    outcome?;
    println!("\n{MARKER}");
    Ok(true)
}

fn build() -> Result<()> {
    heading("build");
    Cmd::cargo(BUILD_LIMIT)?.args(["build", "-p", "aethex-backend", "-p", "aethex-godot"]).shown()
}

/// Puts the addon into the game and lets the engine import it.
fn prepare(godot: &Path, game: &Path) -> Result<()> {
    let library = paths::target()?.join("debug").join(paths::library("aethex_godot"));
    step("addon in the game", || {
        addon::install(game, &library)?;
        Ok(format!("library from {}", library.display()))
    })?;
    step("Godot imports the game", || {
        Cmd::new(godot, IMPORT_LIMIT).args(["--headless", "--import", "--path"]).arg(game).quiet()?;
        Ok(String::new())
    })?;
    Ok(())
}

impl Stage {
    /// The engine with the game, as one player sees it.
    fn player(&self, name: &str, limit: Duration) -> Result<Cmd> {
        let home = self.folder.join(name);
        paths::make_folder(&home)?;
        // Each player has a user folder of its own, as on a machine of its own.
        Ok(run::tied(&self.godot, limit)
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_CACHE_HOME", home.join("cache"))
            .arg("--path")
            .arg(&self.game))
    }

    fn user_arguments(&self) -> [&str; 4] {
        ["--server", &self.url, "--key", &self.client_key]
    }

    fn window(&self) -> Result<()> {
        note("Close the window to end the demo.");
        self.player("you", WINDOW_LIMIT)?.arg("--").args(self.user_arguments()).shown()
    }

    /// A window for each player, beside each other: "Play together" brings them into a room.
    fn windows(&self) -> Result<()> {
        note("Close both windows to end the demo.");
        let mut open = Vec::new();
        for (name, place) in PLAYERS.into_iter().zip(WINDOW_PLACES) {
            let log = self.folder.join(format!("{name}.log"));
            let command = self.player(name, WINDOW_LIMIT)?.args(["--position", place]);
            let command = command.arg("--").args(self.user_arguments());
            open.push(command.start(&format!("{name}'s window"), &log)?);
        }
        while !open.is_empty() {
            std::thread::sleep(Duration::from_millis(200));
            let mut left = Vec::new();
            for mut window in open {
                match window.ended()? {
                    None => left.push(window),
                    Some(ended) if ended.success => {}
                    Some(ended) => return Err(format!("a window {}", ended.how)),
                }
            }
            open = left;
        }
        Ok(())
    }

    /// Two players at once, each alone or both in one room; each of their lines is shown with the player's name.
    fn two_players(&self, together: bool) -> Result<()> {
        let mut playing = Vec::new();
        for name in PLAYERS {
            let log = self.folder.join(format!("{name}.log"));
            let command = self.player(name, PLAY_LIMIT)?;
            let command = command.arg("--headless").args(["--", "--demo", name]).args(self.user_arguments());
            let command = if together { command.args(["--together", "match"]) } else { command };
            playing.push((name, command.start(&format!("{name}'s game"), &log)?, 0));
        }
        let began = std::time::Instant::now();
        let mut verdicts = Vec::new();
        while !playing.is_empty() {
            std::thread::sleep(Duration::from_millis(50));
            for (name, game, shown) in &mut playing {
                *shown = show(name, &game.said(), *shown);
            }
            let late = began.elapsed() >= PLAY_LIMIT;
            let mut open = Vec::new();
            for (name, mut game, shown) in playing {
                match game.ended()? {
                    None if !late => open.push((name, game, shown)),
                    None => verdicts.push(verdict(name, &game.said(), Err("was not done in time"))),
                    Some(ended) => {
                        let said = game.said();
                        show(name, &said, shown);
                        let code = if ended.success { Ok(()) } else { Err(ended.how.as_str()) };
                        verdicts.push(verdict(name, &said, code));
                    }
                }
            }
            playing = open;
        }
        let failures: Vec<String> = verdicts.into_iter().filter_map(Result::err).collect();
        if failures.is_empty() { Ok(()) } else { Err(failures.join("\n\n")) }
    }
}

/// Shows the complete `demo:` lines after the first `shown` bytes; how many bytes are shown then.
fn show(name: &str, said: &str, shown: usize) -> usize {
    let fresh = said.get(shown..).unwrap_or_default();
    let Some(end) = fresh.rfind('\n') else { return shown };
    for line in fresh[..end].lines() {
        if let Some(told) = line.strip_prefix("demo:") {
            note(&format!("{name:>4} | {}", told.trim()));
        }
    }
    shown + end + 1
}

/// Whether a player's game went well, by its exit, its words and its last word.
fn verdict(name: &str, said: &str, exit: std::result::Result<(), &str>) -> Result<()> {
    let fault = said.lines().find(|line| FAULTS.iter().any(|fault| line.starts_with(fault)));
    let why = match (exit, fault, said.lines().any(|line| line.trim() == MARKER)) {
        (Ok(()), None, true) => return Ok(()),
        (Err(how), ..) => how.to_owned(),
        (Ok(()), Some(fault), _) => format!("had an error: {fault}"),
        (Ok(()), None, false) => format!("ended without `{MARKER}`"),
    };
    Err(format!("{name}'s game {why}. It said last:\n{}", run::last_lines(said)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_game_needs_a_good_exit_no_script_error_and_the_marker() {
        assert!(verdict("ann", "demo: hello\nDEMO OK\n", Ok(())).is_ok());
        assert!(verdict("ann", "demo: hello\n", Ok(())).unwrap_err().contains("without"));
        assert!(verdict("ann", "DEMO OK\n", Err("ended with exit code 1")).unwrap_err().contains("code 1"));
        let error = verdict("ann", "SCRIPT ERROR: null\nDEMO OK\n", Ok(())).unwrap_err();
        assert!(error.contains("had an error"), "{error}");
    }

    #[test]
    fn only_complete_lines_are_shown() {
        assert_eq!(show("ann", "demo: a\ndemo: b", 0), 8);
        assert_eq!(show("ann", "demo: a\ndemo: b", 8), 8);
        assert_eq!(show("ann", "demo: a\ndemo: b\n", 8), 16);
    }
}
