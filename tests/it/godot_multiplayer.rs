//! Games in the real engine play over rooms of the real backend: see `godot-ext/itest/rooms` and `meet.gd`.

use super::godot::{Ran, itest, with_server};
use super::rooms;
use aethex_tests::App;
use aethex_tests::service::node;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread::JoinHandle;

const ROLES: [&str; 3] = ["host", "join", "late"];

/// A player in a process of its own, with a home of its own.
pub(crate) fn play(mut command: Command, home: &PathBuf) -> JoinHandle<Output> {
    std::fs::create_dir_all(home).unwrap();
    command.env("XDG_DATA_HOME", home).env_remove("DBUS_SESSION_BUS_ADDRESS").stdin(Stdio::null());
    std::thread::spawn(move || command.output().unwrap())
}

/// `meet.gd` as a player of its own.
fn meet(app: &App, name: &str, mode: &[&str]) -> JoinHandle<Output> {
    let project = itest().expect("there is an engine");
    let home = app.folder("meet").join(name);
    let data = home.join("data").display().to_string();
    let args = ["-s", "res://meet.gd", "--", "--server", app.url(), "--data", &data];
    play(project.command(&[&args, mode].concat()), &home)
}

#[test]
fn three_players_call_spawn_and_synchronise_and_the_host_leaves() {
    let Some(project) = itest() else { return };
    with_server(|app| {
        let folder = app.folder("rooms");
        std::fs::create_dir_all(&folder).unwrap();
        let meet = folder.join("meet").display().to_string();
        let players = ROLES.map(|role| {
            let home = folder.join(role);
            let data = home.join("data").display().to_string();
            let scene = ["res://rooms/rooms.tscn", "--", "--server", app.url(), "--data", &data];
            play(project.command(&[&scene, &["--meet", &meet, role][..]].concat()), &home)
        });
        for (player, role) in players.into_iter().zip(ROLES) {
            let ran = Ran::of(player.join().unwrap()).clean().says("ROOMS calls: all, once, in order", 0);
            let ran = ran.says("ROOMS OK", 0);
            if role != "host" {
                ran.says("ROOMS migrated", 0);
            }
        }
    });
}

#[test]
fn two_games_meet_by_the_snippet_of_the_design() {
    let Some(_) = itest() else { return };
    with_server(|app| {
        for player in ["ann", "bob"].map(|name| meet(app, name, &["match"])) {
            let ran = Ran::of(player.join().unwrap()).clean();
            ran.says("Match found! Joining room: ", 0).says("MEET OK", 0);
        }
    });
}

#[test]
fn a_client_of_plain_websockets_plays_with_a_game() {
    let Some(_) = itest() else { return };
    with_server(|app| {
        let made = tokio::runtime::Handle::current().block_on(async {
            let ann = app.as_player("ann").await;
            rooms::make(&ann, json!({ "name": "Ann's", "max_players": 4 })).await
        });
        let live = format!("{}/api/v1/multiplayer/live", app.url().replace("http://", "ws://"));
        let mut plain = node("plain_player.mjs");
        plain.args([&live, &made.ticket]);
        let plain = play(plain, &app.folder("plain"));
        let game = meet(app, "game", &["join", made.room.id.as_str()]);
        Ran::of(game.join().unwrap()).clean().says("MEET OK", 0);
        let plain = Ran::of(plain.join().unwrap()).says("PLAIN ", 0);
        let seen: Value = serde_json::from_str(plain.after("PLAIN ")).unwrap();
        assert_eq!(seen["word"], json!({ "hello": "from Godot", "at": { "$vector3": [1, 2, 3] } }));
        assert_eq!((&seen["place"]["health"], &seen["joined"]), (&json!(100), &json!(1)));
    });
}
