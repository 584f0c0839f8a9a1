//! The C library as a C program sees it, and its saves as other languages see them.

use aethex_tests::process::bounded;
use aethex_tests::{App, Engine, app};
use aethex_wire::Value;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

const PASSWORD: &str = "correct horse";
const SAVE: &str = r#"{"level":7,"health":99.5,"big":9223372036854775807,"position":{"$vector3":[10.0,0.5,-20.0]},"bag":["rope","lamp"]}"#;

pub(crate) fn profile_folder() -> PathBuf {
    match std::env::var_os("AETHEX_TEST_FFI_DIR") {
        Some(folder) => folder.into(),
        None => {
            let me = std::env::current_exe().unwrap();
            me.ancestors().nth(2).expect("tests lie in target/<profile>/deps").to_owned()
        }
    }
}

fn repo() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is a folder of the repository")
}

/// A C program, built with the sanitizers, against the shared library.
pub(crate) fn build(source: &str, program: &Path) {
    let library = profile_folder().join("libaethex_cloud.so");
    assert!(library.is_file(), "{} is not there: run `cargo build -p aethex-ffi` first", library.display());
    let compiler = std::env::var_os("AETHEX_TEST_CC").unwrap_or_else(|| "cc".into());
    let built = bounded(compiler)
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-g"])
        .args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"])
        .arg(repo().join(source))
        .arg(format!("-I{}", repo().join("ffi/include").display()))
        .arg(library)
        .arg("-o")
        .arg(program)
        .output()
        .expect("a C compiler runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}

/// The example program, built once.
fn c_minimal() -> &'static Path {
    static BUILT: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, program) = BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("c-minimal");
        build("examples/c-minimal/main.c", &program);
        (folder, program)
    });
    program
}

const LOAD_AS_ANN: [&str; 4] = ["ann@example.com", PASSWORD, "load", "slot1"];

/// The programs of other languages, as one player.
pub(crate) struct Shell {
    pub(crate) url: String,
    pub(crate) email: String,
    pub(crate) folder: PathBuf,
}

impl Shell {
    pub(crate) fn c(&self, args: &[&str]) -> Output {
        self.c_on("c", &[&[self.email.as_str(), PASSWORD], args].concat())
    }

    /// The C program as another device: with a data folder of its own.
    fn c_on(&self, device: &str, args: &[&str]) -> Output {
        bounded(c_minimal())
            .args([&self.url, &self.folder.join(device).display().to_string()])
            .args(args)
            .env("LD_LIBRARY_PATH", profile_folder())
            .output()
            .unwrap()
    }

    pub(crate) fn bot(&self, args: &[&str]) -> Output {
        self.bot_as(&["--email", &self.email, "--password", PASSWORD], args)
    }

    fn bot_as(&self, player: &[&str], args: &[&str]) -> Output {
        let bot = profile_folder().join("rust-bot");
        assert!(bot.is_file(), "{} is not there: run `cargo build -p aethex-rust-bot` first", bot.display());
        bounded(bot)
            .args(["--server", &self.url, "--credentials", "file", "--data"])
            .arg(self.folder.join("bot"))
            .args(player)
            .args(args)
            .env_remove("AETHEX_PASSWORD")
            .output()
            .unwrap()
    }
}

/// What a program that succeeded printed.
#[track_caller]
pub(crate) fn text(output: Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {stderr}", output.status);
    assert!(!stderr.contains("Sanitizer"), "{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

fn with_server(test: impl AsyncFnOnce(&App, Shell) + Send) {
    app::run(
        Engine::Sqlite,
        |_| {},
        async |app| {
            let shell = Shell {
                url: app.url().to_owned(),
                email: "ann@example.com".to_owned(),
                folder: app.folder("programs"),
            };
            test(app, shell).await;
        },
    );
}

/// Runs a program while the server in this process goes on.
pub(crate) async fn run<T: Send + 'static>(program: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(program).await.unwrap()
}

#[test]
fn a_save_from_c_is_read_by_rust_and_rest_and_back() {
    with_server(async |app, shell| {
        let (told, shell) = run(move || (text(shell.c(&["register", "save", "slot1", SAVE])), shell)).await;
        assert!(told.starts_with("saved slot1 version "), "{told}");

        let (seen, shell) = run(move || (text(shell.bot(&["load", "slot1"])), shell)).await;
        assert_eq!(value(&seen), value(SAVE));

        let player = app.login("ann@example.com", PASSWORD).send().await.expect(200);
        let player: aethex_wire::auth::LoggedIn = player.json();
        let path = format!("/api/v1/saves/{}/slot1", player.user.id);
        let save = app.get(&path).bearer(&player.tokens.access_token).send().await.expect(200);
        let save: aethex_wire::saves::Save = save.json();
        assert_eq!(save.data, Some(value(SAVE)));

        let changed = SAVE.replace("\"level\":7", "\"level\":8");
        let expected = value(&changed);
        let (back, shell) = run(move || {
            text(shell.bot(&["save", "slot1", &changed]));
            (text(shell.c(&["load", "slot1"])), shell)
        })
        .await;
        assert_eq!(value(&back), expected);
        let listed = run(move || text(shell.c(&["list"]))).await;
        assert!(listed.starts_with("slot1\t"), "{listed}");
    });
}

#[test]
fn c_errors_have_codes_and_words() {
    with_server(async |_, shell| {
        let (missing, shell) = run(move || (shell.c(&["register", "load", "nothing"]), shell)).await;
        assert_eq!(missing.status.code(), Some(1));
        let words = String::from_utf8_lossy(&missing.stderr).into_owned();
        assert!(words.contains("save_not_found"), "{words}");
        let (refused, shell) = run(move || (shell.c(&["save", "history", "{}"]), shell)).await;
        let words = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(1) && words.contains("invalid_slot"), "{words}");
        let wrong =
            Shell { email: "nobody@example.com".to_owned(), folder: shell.folder.join("other"), ..shell };
        let wrong = run(move || wrong.c(&["list"])).await;
        assert!(String::from_utf8_lossy(&wrong.stderr).contains("invalid_credentials"));
    });
}

#[test]
fn a_c_program_saves_offline_and_sends_later() {
    with_server(async |app, shell| {
        let shell = run(move || {
            text(shell.c(&["register", "save", "slot1", "{\"level\":1}"]));
            shell
        })
        .await;
        app.stop().await;
        let (queued, shell) = run(move || (text(shell.c(&["save", "slot1", "{\"level\":2}"])), shell)).await;
        assert!(queued.starts_with("queued slot1"), "{queued}");
        app.start_again().await;
        let (loaded, shell) = run(move || (text(shell.c(&["load", "slot1"])), shell)).await;
        assert_eq!(value(&loaded), value("{\"level\":2}"));
        // The next save of this device goes behind the queued one; another device then sees both in order.
        let told = run(move || {
            text(shell.c(&["save", "slot1", "{\"level\":3}"]));
            text(shell.bot(&["load", "slot1"]))
        })
        .await;
        assert_eq!(value(&told), value("{\"level\":3}"));
    });
}

#[test]
fn a_c_guest_links_an_email_and_another_device_has_the_same_save() {
    with_server(async |app, shell| {
        let (told, shell) =
            run(move || (text(shell.c_on("phone", &["guest", "save", "slot1", SAVE])), shell)).await;
        assert!(told.starts_with("saved slot1 version "), "{told}");
        let (linked, shell) =
            run(move || (text(shell.c_on("phone", &["guest", "link", "ann@example.com", PASSWORD])), shell))
                .await;
        assert_eq!(linked, "linked ann@example.com\n");

        // A second client, by the email: the same account, the same save.
        let (seen, shell) = run(move || (text(shell.c_on("desk", &LOAD_AS_ANN)), shell)).await;
        assert_eq!(value(&seen), value(SAVE));
        let player: aethex_wire::auth::LoggedIn =
            app.login("ann@example.com", PASSWORD).send().await.expect(200).json();
        assert!(!player.user.is_guest);
        let (sessions, shell) =
            run(move || (text(shell.c_on("desk", &["ann@example.com", PASSWORD, "sessions"])), shell)).await;
        let begun_as_guest = sessions.lines().filter(|line| line.starts_with("device\tc-minimal")).count();
        let here = sessions.lines().filter(|line| line.ends_with("\tthis one")).count();
        assert_eq!((begun_as_guest, here, sessions.lines().count()), (1, 1, 3), "{sessions}");

        // The first device goes on without a question, and sees what the second one saved.
        let changed = SAVE.replace("\"level\":7", "\"level\":8");
        let expected = value(&changed);
        let back = run(move || {
            text(shell.c_on("desk", &["ann@example.com", PASSWORD, "save", "slot1", &changed]));
            text(shell.c_on("phone", &["guest", "load", "slot1"]))
        })
        .await;
        assert_eq!(value(&back), expected);
    });
}

#[test]
fn a_c_guest_is_merged_into_an_account_and_the_player_chooses() {
    with_server(async |_, shell| {
        let (told, shell) = run(move || {
            text(shell.c(&["register", "save", "slot1", "{\"level\":1}"]));
            text(shell.c_on("phone", &["guest", "save", "slot1", "{\"level\":2}"]));
            text(shell.c_on("phone", &["guest", "save", "slot2", "{\"level\":3}"]));
            (shell.c_on("phone", &["guest", "link", "ann@example.com", PASSWORD]), shell)
        })
        .await;
        let words = String::from_utf8_lossy(&told.stderr).into_owned();
        assert!(told.status.code() == Some(1) && words.contains("identity_taken"), "{words}");

        let (asked, shell) =
            run(move || (shell.c_on("phone", &["ann@example.com", PASSWORD, "merge"]), shell)).await;
        let words = String::from_utf8_lossy(&asked.stderr).into_owned();
        assert!(asked.status.code() == Some(1) && words.contains("merge_conflict"), "{words}");
        let listed = String::from_utf8_lossy(&asked.stdout).into_owned();
        assert!(listed.starts_with("both have slot1: ") && listed.lines().count() == 1, "{listed}");

        let (merged, shell) =
            run(move || (text(shell.c_on("phone", &["ann@example.com", PASSWORD, "merge", "other"])), shell))
                .await;
        assert!(merged.starts_with("merged into "), "{merged}");
        let (first, second) =
            run(move || (text(shell.c(&["load", "slot1"])), text(shell.c(&["load", "slot2"])))).await;
        assert_eq!((value(&first), value(&second)), (value("{\"level\":2}"), value("{\"level\":3}")));
    });
}

#[test]
fn a_bot_that_was_a_guest_is_a_player_in_c() {
    with_server(async |_, shell| {
        let (linked, seen) = run(move || {
            text(shell.bot_as(&["--guest"], &["save", "slot1", SAVE]));
            let linked = text(shell.bot_as(&["--guest"], &["link", "ann@example.com", PASSWORD]));
            (linked, text(shell.c(&["load", "slot1"])))
        })
        .await;
        assert_eq!(linked, "linked ann@example.com\n");
        assert_eq!(value(&seen), value(SAVE));
    });
}
