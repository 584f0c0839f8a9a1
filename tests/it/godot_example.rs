//! The example game with more than one player, in the real engine: processes of it meet, play, and lose their host.
//!
//! Each plays by itself (`examples/godot-game/demo/friends.gd`) and ends well only when it saw all others walk, heard
//! them, took gems by the host's word, and the hunt went on after the host had left.

use super::godot::{Project, Ran, engine, with_server};
use super::godot_multiplayer::play;
use std::process::Output;
use std::thread::JoinHandle;

/// Starts a player for each way in, at once, and waits for all of them to end well.
fn together(ways: &'static [&'static str]) {
    let Some(engine) = engine() else { return };
    let project = Project::new(engine, "examples/godot-game");
    with_server(move |app| {
        let (folder, count) = (app.folder("together"), ways.len().to_string());
        std::fs::create_dir_all(&folder).unwrap();
        let meet = folder.join("code").display().to_string();
        let names = ["ann", "bob", "cleo", "dan"];
        let players: Vec<JoinHandle<Output>> = names
            .into_iter()
            .zip(ways.iter().copied())
            .map(|(name, way)| {
                let who = ["--", "--server", app.url(), "--demo", name, "--together", way];
                let with = ["--meet", meet.as_str(), "--players", count.as_str()];
                play(project.command(&[&who[..], &with[..]].concat()), &folder.join(name))
            })
            .collect();
        let ran: Vec<Ran> = players.into_iter().map(|player| Ran::of(player.join().unwrap())).collect();
        let hosts = ran.iter().filter(|ran| ran.has("demo: leaves as the host")).count();
        for ran in ran {
            ran.clean().says("demo: sees ", 0).says("DEMO OK", 0);
        }
        assert_eq!(hosts, 1, "one was the host and left");
    });
}

#[test]
fn two_players_of_the_example_game_meet_by_quick_match() {
    together(&["match", "match"]);
}

#[test]
fn three_players_of_the_example_game_meet_by_a_code() {
    together(&["create", "join", "join"]);
}
