//! Two players of one C program meet in rooms of the real backend, under sanitizers.

use crate::ffi::{build, profile_folder, run, text};
use aethex_tests::process::bounded;
use aethex_tests::{Engine, app};

#[test]
fn two_players_of_a_c_program_meet() {
    app::run(
        Engine::Sqlite,
        |_| {},
        async |app| {
            let folder = app.folder("multiplayer");
            std::fs::create_dir_all(&folder).unwrap();
            let program = folder.join("program");
            build("ffi/tests/multiplayer.c", &program);
            let mut program = bounded(&program);
            program
                .arg(app.url())
                .args([folder.join("ann"), folder.join("bob")])
                .env("LD_LIBRARY_PATH", profile_folder());
            let said = run(move || text(program.output().unwrap())).await;
            assert_eq!(said, "0 failures\n");
        },
    );
}
