//! Three games in the real engine play over a room of the real backend: see `godot-ext/itest/rooms`.

use super::godot::{Ran, itest, with_server};
use std::process::{Command, Output, Stdio};

const ROLES: [&str; 3] = ["host", "join", "late"];

/// A player in a process of its own, with a home of its own.
fn play(mut command: Command, role: &str, home: &std::path::Path) -> std::thread::JoinHandle<Output> {
    command.arg(role).env("XDG_DATA_HOME", home).env_remove("DBUS_SESSION_BUS_ADDRESS").stdin(Stdio::null());
    std::thread::spawn(move || command.output().unwrap())
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
            std::fs::create_dir_all(&home).unwrap();
            let data = home.join("data").display().to_string();
            let scene =
                ["res://rooms/rooms.tscn", "--", "--server", app.url(), "--data", &data, "--meet", &meet];
            play(project.command(&scene), role, &home)
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
