//! The Godot extension, in the real engine: the editor binary and an exported game.
//!
//! The tests themselves are GDScript, in `godot-ext/itest`; here the engine is run on a copy of that project
//! against a real backend, and everything it prints is held against it. The engine is named by
//! `AETHEX_TEST_GODOT`, which `cargo xtask test` sets; without it these tests say so and do nothing.

#![expect(clippy::print_stderr, reason = "who runs the tests should know what they did not do")]

use aethex_tests::app::{self, Config};
use aethex_tests::oidc::Provider;
use aethex_tests::process::{bounded, lines_of};
use aethex_tests::wait::DEADLINE;
use aethex_tests::{App, Engine};
use aethex_wire::auth::RegisterRequest;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::RecvTimeoutError;

/// What the engine prints when something went wrong.
const COMPLAINTS: &[&str] = &["ERROR", "WARNING", "eaked", "panicked", "Parse Error", "handle_crash"];
const EMAIL: &str = "ann@example.com";

pub(crate) fn engine() -> Option<PathBuf> {
    let engine = std::env::var_os("AETHEX_TEST_GODOT").map(PathBuf::from);
    if engine.is_none() {
        eprintln!("AETHEX_TEST_GODOT is not set: no engine to test in; use `cargo xtask test`");
    }
    engine
}

fn library() -> PathBuf {
    let library = std::env::var_os("AETHEX_TEST_GODOT_LIB").map(PathBuf::from).unwrap_or_else(|| {
        let me = std::env::current_exe().unwrap();
        me.ancestors().nth(2).expect("tests lie in target/<profile>/deps").join("libaethex_godot.so")
    });
    assert!(library.is_file(), "{} is not there: run `cargo build -p aethex-godot` first", library.display());
    library
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (source, target) = {
            let path = entry.unwrap().path();
            (path.clone(), to.join(path.file_name().unwrap()))
        };
        match source.is_dir() {
            true if matches!(
                source.file_name().and_then(|name| name.to_str()),
                Some(".godot" | "addons" | "out")
            ) => {}
            true => copy(&source, &target),
            false => drop(std::fs::copy(&source, &target).unwrap()),
        }
    }
}

/// A project with the addon in it, imported.
pub(crate) struct Project {
    engine: PathBuf,
    folder: tempfile::TempDir,
}

pub(crate) struct Ran {
    code: Option<i32>,
    text: String,
}

impl Project {
    pub(crate) fn new(engine: PathBuf, source: &str) -> Project {
        let repo =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is a folder of the repository");
        let project = Project { engine, folder: tempfile::tempdir().unwrap() };
        let folder = project.folder.path();
        copy(&repo.join(source), folder);
        let addon = folder.join("addons/aethex_cloud");
        copy(&repo.join("godot-ext/addon/addons/aethex_cloud"), &addon);
        std::fs::create_dir_all(addon.join("bin")).unwrap();
        std::fs::copy(library(), addon.join("bin/libaethex_godot.linux.x86_64.so")).unwrap();
        std::fs::create_dir_all(folder.join(".godot")).unwrap();
        let list = "res://addons/aethex_cloud/aethex_cloud.gdextension\n";
        std::fs::write(folder.join(".godot/extension_list.cfg"), list).unwrap();
        let imported = project.run(&["--import"]);
        assert_eq!(imported.code, Some(0), "{}", imported.text);
        project
    }

    fn path(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// Runs the editor binary without a window, with a home of its own.
    fn run(&self, args: &[&str]) -> Ran {
        let home = tempfile::tempdir().unwrap();
        run(self.command(args).env("XDG_DATA_HOME", home.path()))
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = bounded(&self.engine);
        command.args(["--headless", "--path", &self.path()]).args(args);
        command
    }
}

fn run(command: &mut Command) -> Ran {
    let output = command.stdin(Stdio::null()).env_remove("DBUS_SESSION_BUS_ADDRESS").output().unwrap();
    Ran::of(output)
}

impl Ran {
    pub(crate) fn of(output: Output) -> Ran {
        let text = [output.stdout, output.stderr].concat();
        Ran { code: output.status.code(), text: String::from_utf8_lossy(&text).into_owned() }
    }

    pub(crate) fn has(&self, words: &str) -> bool {
        self.text.contains(words)
    }

    /// The rest of the line after these words.
    pub(crate) fn after(&self, words: &str) -> &str {
        self.text.lines().find_map(|line| line.split_once(words)).map_or("", |(_, rest)| rest)
    }

    /// The engine complained of nothing.
    #[track_caller]
    pub(crate) fn clean(self) -> Ran {
        let complaint = self.text.lines().find(|line| COMPLAINTS.iter().any(|word| line.contains(word)));
        assert!(complaint.is_none(), "{}", self.text);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, words: &str, code: i32) -> Ran {
        assert!(self.text.contains(words) && self.code == Some(code), "exit {:?}\n{}", self.code, self.text);
        self
    }
}

/// The project of the GDScript tests, made once.
pub(crate) fn itest() -> Option<&'static Project> {
    static PROJECT: OnceLock<Option<Project>> = OnceLock::new();
    PROJECT.get_or_init(|| Some(Project::new(engine()?, "godot-ext/itest"))).as_ref()
}

/// A backend that knows the player of the design's snippet, whose password is every guesser's first.
pub(crate) fn with_server(test: impl FnOnce(&App) + Send + 'static) {
    with_configured(|_| {}, test);
}

fn with_configured(configure: impl FnOnce(&mut Config), test: impl FnOnce(&App) + Send + 'static) {
    app::run(
        Engine::Sqlite,
        |config| {
            config.auth.refuse_common_passwords = false;
            configure(config);
        },
        async |app| {
            let body = RegisterRequest {
                email: "user@example.com".into(),
                password: "password".into(),
                username: None,
                device_name: None,
                ..RegisterRequest::default()
            };
            app.post("/api/v1/auth/register").json(&body).send().await.expect(201);
            tokio::task::block_in_place(|| test(app));
        },
    );
}

#[track_caller]
fn all_passed(ran: Ran) {
    let ran = ran.clean();
    let last =
        ran.text.lines().find(|line| line.starts_with("ITEST ")).unwrap_or_else(|| panic!("{}", ran.text));
    assert!(last.ends_with(" passed, 0 failed") && !last.contains(" 0 passed"), "{}", ran.text);
    assert_eq!(ran.code, Some(0), "{}", ran.text);
}

/// Where a test's backend is, and where its mails are, for the GDScript tests.
fn whereabouts(app: &App) -> [String; 4] {
    let outbox = app.data().join("outbox").display().to_string();
    ["--server".to_owned(), app.url().to_owned(), "--outbox".to_owned(), outbox]
}

#[test]
fn the_gdscript_tests_pass_in_the_editor_binary() {
    let Some(project) = itest() else { return };
    with_server(|app| {
        let args: Vec<String> = [vec!["--".to_owned()], whereabouts(app).to_vec()].concat();
        all_passed(project.run(&args.iter().map(String::as_str).collect::<Vec<_>>()));
    });
}

#[test]
fn the_gdscript_tests_pass_in_an_exported_game() {
    let Some(engine) = engine() else { return };
    let project = Project::new(engine, "godot-ext/itest");
    let out = project.folder.path().join("out");
    std::fs::create_dir_all(&out).unwrap();
    // Export templates lie in the user's own home.
    let exported = run(&mut project.command(&["--export-debug", "linux", "out/itest.x86_64"]));
    let game = out.join("itest.x86_64");
    assert!(exported.code == Some(0) && game.is_file(), "{}", exported.text);
    // Templates of a distribution need its libraries: the engine's folder knows how to run in there.
    let in_root = project.engine.with_file_name("in-root");
    let home = tempfile::tempdir().unwrap();
    with_server(move |app| {
        let words = [in_root.is_file().then_some(&in_root), Some(&game)];
        let mut words = words.into_iter().flatten();
        let mut command = bounded(words.next().expect("the game is there"));
        command.args(words);
        command.args(["--headless", "--"]).args(whereabouts(app));
        all_passed(run(command.current_dir(&out).env("XDG_DATA_HOME", home.path())));
    });
}

#[test]
fn lambdas_and_calls_under_way_do_not_harm_the_exit() {
    let Some(project) = itest() else { return };
    project.run(&["-s", "res://traps/lambda_at_exit.gd"]).clean().says("TRAP OK", 7);
}

#[test]
fn a_call_before_the_first_frame_and_an_exit_inside_a_result_are_fine() {
    let Some(project) = itest() else { return };
    project.run(&["-s", "res://traps/early_call.gd"]).clean().says("TRAP OK", 0);
}

#[test]
fn a_script_that_frees_what_is_not_its_own_harms_itself_only() {
    let Some(project) = itest() else { return };
    project.run(&["-s", "res://traps/freed_service.gd"]).says("TRAP OK", 0);
}

#[test]
fn a_script_error_is_seen_by_its_missing_last_line() {
    let Some(project) = itest() else { return };
    let ran = project.run(&["-s", "res://traps/script_error.gd"]).says("SCRIPT ERROR", 0);
    assert!(!ran.text.contains("TRAP OK"), "{}", ran.text);
}

#[test]
fn the_editor_runs_with_the_extension_and_reloads_it() {
    let Some(engine) = engine() else { return };
    // The editor writes into its project.
    let project = Project::new(engine, "godot-ext/itest");
    let script = ["--editor", "-s", "res://traps/in_editor.gd"];
    project.run(&script).says("TRAP OK", 0);
    project.run(&[&script[..], &["--", "--reload"]].concat()).says("TRAP OK", 0);
}

/// Arguments that drive `player.gd`.
fn player<'a>(server: &'a str, data: &'a str, mode: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["-s", "res://player.gd", "--", "--server", server, "--data", data, "--email", EMAIL];
    args.extend_from_slice(mode);
    args
}

#[test]
fn a_save_from_godot_is_read_by_c_and_rust_and_back() {
    let Some(project) = itest() else { return };
    with_server(|app| {
        let (folder, url) = (app.folder("programs"), app.url().to_owned());
        let data = folder.join("godot").display().to_string();
        let godot = |mode: &[&str]| project.run(&player(&url, &data, mode)).clean().says("DONE", 0);
        godot(&["register"]).says("ok", 0);
        let saved = godot(&["save", "slot1"]);
        assert!(!saved.text.contains("failed"), "{}", saved.text);
        let shell = super::ffi::Shell { url: url.clone(), email: EMAIL.to_owned(), folder };
        let in_c = super::ffi::text(shell.c(&["load", "slot1"]));
        let in_rust = super::ffi::text(shell.bot(&["load", "slot1"]));
        assert_eq!(super::ffi::value(&in_c), super::ffi::value(&in_rust));
        assert!(in_c.contains("$vector3") && in_c.contains("9223372036854775807"), "{in_c}");
        // Both write back what they read, into slots of their own; Godot finds every bit as it was.
        super::ffi::text(shell.c(&["save", "from c", in_c.trim()]));
        super::ffi::text(shell.bot(&["save", "from rust", in_rust.trim()]));
        for slot in ["from c", "from rust"] {
            godot(&["load", slot]).says("VALUE same", 0);
        }
    });
}

#[test]
fn players_log_in_with_a_real_provider() {
    let Some(project) = itest() else { return };
    let provider = Provider::start();
    for person in ["zoe", "yan"] {
        provider.set_account(serde_json::json!({ "sub": person, "name": person }));
    }
    let set_up = |config: &mut Config| {
        let google = &mut config.auth.oauth.google;
        google.client_id = provider.client_id();
        google.client_secret = provider.client_secret();
        google.issuer = provider.issuer().into();
    };
    with_configured(set_up, |app| {
        let args = ["--", "--server", app.url(), "--oauth", "google", "--only", "oauth."];
        all_passed(project.run(&args));
    });
}

#[test]
fn a_guest_keeps_everything_on_a_second_device() {
    let Some(project) = itest() else { return };
    with_server(|app| {
        let (folder, url) = (app.folder("programs"), app.url().to_owned());
        let device = |name: &str| folder.join(name).display().to_string();
        let (laptop, phone) = (device("laptop"), device("phone"));
        let guest = project.run(&player(&url, &laptop, &["guest", "slot1"])).clean().says("DONE", 0);
        assert_eq!(guest.text.matches("\nok").count(), 3, "plays, saves, links: {}", guest.text);
        // Another process, with a folder of its own, knows the email only.
        project.run(&player(&url, &phone, &["load", "slot1"])).clean().says("VALUE same", 0);
    });
}

#[test]
fn a_killed_game_loses_no_queued_save() {
    let Some(project) = itest() else { return };
    let rounds = std::env::var("AETHEX_KILL_ROUNDS_GODOT").ok().and_then(|text| text.parse().ok());
    let slow = std::env::var_os("AETHEX_TEST_SLOW").is_some();
    let rounds = rounds.unwrap_or(if slow { 200 } else { 3 });
    with_server(move |app| {
        let data = app.folder("programs").join("godot").display().to_string();
        let url = app.url().to_owned();
        let handle = tokio::runtime::Handle::current();
        project.run(&player(&url, &data, &["register"])).clean().says("ok", 0);
        let login = handle.block_on(async { app.login(EMAIL, "correct horse").send().await.expect(200) });
        let ann = aethex_tests::Player::new(app.client().clone(), "ann", login.json());
        let mut told = Vec::new();
        for round in 0..rounds {
            handle.block_on(app.stop());
            told.extend(queue_until_killed(
                project,
                &player(&url, &data, &["queue", &round.to_string()]),
                round,
            ));
            handle.block_on(app.start_again());
            project.run(&player(&url, &data, &["flush"])).clean().says("FLUSHED", 0);
        }
        let mut stored = handle.block_on(numbers_stored(&ann));
        stored.sort_unstable();
        let twice = stored.windows(2).find(|pair| pair[0] == pair[1]);
        assert!(twice.is_none(), "{twice:?} was stored twice");
        let lost: Vec<_> = told.iter().filter(|save| stored.binary_search(save).is_err()).collect();
        assert!(lost.is_empty(), "{} of {} lost: {lost:?}", lost.len(), told.len());
        eprintln!("{rounds} rounds, {} saves told queued, {} stored", told.len(), stored.len());
    });
}

/// Runs the game without a backend and kills it after some saves; what it said is queued.
fn queue_until_killed(project: &Project, args: &[&str], round: usize) -> Vec<(i64, i64)> {
    let enough = 1 + round * 7 % 40;
    let mut command = Command::new(&project.engine);
    command.args(["--headless", "--path", &project.path()]).args(args);
    let mut game = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = lines_of(game.stdout.take().unwrap());
    let mut told = Vec::new();
    loop {
        let line = match lines.recv_timeout(DEADLINE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                game.kill().unwrap();
                panic!("the game hangs after {told:?}");
            }
        };
        assert!(!line.starts_with("failed"), "{line}");
        if let Some(numbers) = line.strip_prefix("queued ") {
            let (round, number) = numbers.split_once(' ').unwrap();
            told.push((round.parse().unwrap(), number.parse().unwrap()));
        }
        if told.len() == enough {
            game.kill().unwrap();
        }
    }
    game.wait().unwrap();
    assert!(told.len() >= enough, "the game ended by itself");
    told
}

/// Round and number of every version of the player's slots.
async fn numbers_stored(ann: &aethex_tests::Player) -> Vec<(i64, i64)> {
    let mut stored = Vec::new();
    for slot in (0..4).map(|number| format!("slot {number}")) {
        for version in ann.history(&slot).await {
            let path = format!("{}?version={}", ann.slot_path(&slot), version.version);
            let save: aethex_wire::saves::Save = ann.get(&path).send().await.expect(200).json();
            let data = save.data.unwrap();
            let number = |key: &str| match data.get(key) {
                Some(aethex_wire::Value::Int(number)) => *number,
                other => panic!("{key} is {other:?}"),
            };
            stored.push((number("round"), number("number")));
        }
    }
    stored
}

#[test]
fn an_evening_offline_is_merged_with_another_devices() {
    let Some(project) = itest() else { return };
    with_server(move |app| {
        let (folder, url) = (app.folder("programs"), app.url().to_owned());
        let device = |name: &str| folder.join(name).display().to_string();
        let (laptop, phone) = (device("laptop"), device("phone"));
        let handle = tokio::runtime::Handle::current();
        project.run(&player(&url, &laptop, &["start"])).clean().says("ok", 0);
        // Offline for a session, and the process is killed in the middle of it.
        handle.block_on(app.stop());
        let told = queue_until_killed(project, &player(&url, &laptop, &["session"]), 2);
        handle.block_on(app.start_again());
        project.run(&player(&url, &phone, &["elsewhere"])).clean().says("DONE", 0);
        let home = project.run(&player(&url, &laptop, &["home"])).clean().says("FLUSHED", 0);
        // Each save told is there; the one that was killed in the middle may be.
        let (least, most) = (told.len() as i64, told.len() as i64 + 1);
        let run =
            |gems: i64| format!("RUN coins {} best 9 gems {gems} map true class thief", 10 + 100 + gems);
        assert!(home.text.contains(&run(least)) || home.text.contains(&run(most)), "{}", home.text);
        assert!(home.text.contains("HEAD parents 2"), "{}", home.text);
        // The history has both sides: what the phone saved, and the laptop's last save beside it.
        assert!(home.text.contains("VERSION coins 110\n"), "{}", home.text);
        assert!(home.text.contains(&format!("VERSION coins {}\n", 10 + least)), "{}", home.text);
        assert!(!home.text.contains("BESIDE 0"), "{}", home.text);
    });
}

#[test]
fn the_example_game_plays_its_demo() {
    let Some(engine) = engine() else { return };
    let project = Project::new(engine, "examples/godot-game");
    with_server(move |app| {
        let ran = project.run(&["--", "--demo", "ann", "--server", app.url()]);
        ran.clean().says("DEMO OK", 0);
    });
}
