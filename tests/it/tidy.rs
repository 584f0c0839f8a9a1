//! The house rules that a compiler does not check: see docs/ARCHITECTURE.md.

use aethex_wire::ErrorCode;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The folders of the product; everything else at the top is a file or begins with a dot.
const FOLDERS: &[&str] = &["backend", "docs", "examples", "ffi", "godot-ext", "sdk-core", "tests"];
/// What a build or a tool leaves behind.
const NOT_OURS: &[&str] = &["target", "__pycache__", "node_modules", "build"];
/// Words that name a feature, in every crate the same.
const FEATURES: &[&str] = &[
    "auth",
    "privacy",
    "studio",
    "jobs",
    "mail",
    "saves",
    "multiplayer",
    "analytics",
    "cdn",
    "social",
    "store",
    "servers",
    "matches",
    "modes",
    "gamedata",
    "cells",
];
/// A file longer than this hides a second one.
const FILE_LINES_MAX: usize = 700;
/// Crate, and the crates of ours that it may use.
const IMPORTS: &[(&str, &[&str])] = &[
    ("sdk-core/wire", &[]),
    ("sdk-core", &["aethex-wire"]),
    ("backend", &["aethex-wire", "aethex-matchmaker"]),
    ("backend/matchmaker", &[]),
    ("ffi", &["aethex-sdk-core", "aethex-wire"]),
    ("godot-ext", &["aethex-sdk-core", "aethex-wire"]),
    ("examples/rust-bot", &["aethex-sdk-core", "aethex-wire"]),
    ("tests/load", &["aethex-wire"]),
    ("tests/xtask", &[]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file of the product, by its path from the root.
fn files() -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let hidden = name.starts_with('.') && !matches!(name.as_str(), ".ci" | ".cargo" | ".github");
            match entry.file_type().unwrap() {
                kind if kind.is_dir() && !hidden && !NOT_OURS.contains(&name.as_str()) => walk(&path, found),
                kind if kind.is_file() && !hidden => found.push(path),
                _ => {}
            }
        }
    }
    let root = root();
    let mut found = Vec::new();
    walk(&root, &mut found);
    found.iter().map(|path| path.strip_prefix(&root).unwrap().to_string_lossy().into_owned()).collect()
}

/// The text of every file that is text, with its path.
fn texts(ending: &str) -> Vec<(String, String)> {
    let files = files().into_iter().filter(|path| path.ends_with(ending));
    files.filter_map(|path| Some((path.clone(), std::fs::read_to_string(root().join(path)).ok()?))).collect()
}

fn report(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

#[test]
fn the_top_level_is_the_products() {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(root()).unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().unwrap().is_dir() && !name.starts_with('.') && name != "target" {
            found.insert(name);
        }
    }
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), FOLDERS);
    assert!(root().join("Cargo.toml").is_file());
}

#[test]
fn crates_import_in_one_direction() {
    let mut wrong = Vec::new();
    for (folder, allowed) in IMPORTS {
        let manifest = std::fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
            let names =
                manifest.get(kind).and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys);
            wrong.extend(
                names
                    .filter(|name| name.starts_with("aethex-") && !allowed.contains(&name.as_str()))
                    .map(|name| format!("{folder} uses {name}")),
            );
        }
    }
    report("an import against the direction", &wrong);
}

/// Whether a line holds the beginning of a statement.
fn is_sql(line: &str) -> bool {
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || c == '"' || c == '(');
    let starts = [
        "SELECT ",
        "INSERT INTO ",
        "DELETE FROM ",
        "CREATE TABLE",
        "CREATE INDEX",
        "ALTER TABLE",
        "DROP TABLE",
    ];
    starts.iter().any(|start| line.starts_with(start))
        || (line.starts_with("UPDATE ") && line.contains(" SET"))
        || ["\"SELECT ", "\"INSERT INTO ", "\"DELETE FROM ", "\"UPDATE "]
            .iter()
            .any(|start| line.contains(start))
}

#[test]
fn sql_stands_in_its_rooms_only() {
    let mut wrong = Vec::new();
    for (path, text) in texts(".rs") {
        let room = path.ends_with("/db.rs") || path.contains("/ports/sql/") || path.starts_with("tests/");
        if path.starts_with("backend/src/") && !room {
            let lines = text.lines().enumerate().filter(|(_, line)| is_sql(line));
            wrong.extend(lines.map(|(number, line)| format!("{path}:{}: {}", number + 1, line.trim())));
        }
        if !path.starts_with("backend/") && !path.starts_with("tests/") && text.lines().any(is_sql) {
            wrong.push(path);
        }
    }
    report("SQL outside db.rs, ports/sql and migrations", &wrong);
}

/// Names of the form `feature_thing` behind a word of SQL.
fn tables<'t>(sql: &'t str, words: &[&str]) -> Vec<&'t str> {
    let mut found = Vec::new();
    let mut tokens =
        sql.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | '"' | ';')).peekable();
    while let Some(token) = tokens.next() {
        if !words.contains(&token) {
            continue;
        }
        while tokens.next_if(|next| next.is_empty() || matches!(*next, "IF" | "NOT" | "EXISTS")).is_some() {}
        found.extend(
            tokens.peek().filter(|name| {
                name.contains('_') && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            }),
        );
    }
    found
}

#[test]
fn a_table_belongs_to_the_feature_it_is_named_after() {
    let mut wrong = Vec::new();
    for (path, sql) in texts(".sql").into_iter().filter(|(path, _)| path.starts_with("backend/migrations/")) {
        let made = tables(&sql, &["TABLE"]);
        let feature = |name: &str| FEATURES.iter().any(|feature| name.starts_with(&format!("{feature}_")));
        wrong.extend(made.iter().filter(|name| !feature(name)).map(|name| format!("{path} makes {name}")));
    }
    for (path, text) in texts("/db.rs") {
        // A large feature has several: `auth/db.rs`, `auth/email/db.rs`.
        let Some((feature, _)) = path.strip_prefix("backend/src/").and_then(|rest| rest.split_once('/'))
        else {
            continue;
        };
        // A room within a feature shares its tables.
        let feature = feature.split('/').next().unwrap();
        let used = tables(&text, &["FROM", "INTO", "UPDATE", "JOIN"]);
        let own = format!("{feature}_");
        // `json_each` gives rows that came as an argument.
        let is_own = |name: &str| name.starts_with(&own) || name == "json_each";
        wrong.extend(used.iter().filter(|name| !is_own(name)).map(|name| format!("{path} uses {name}")));
    }
    report("a table that is not its feature's", &wrong);
}

#[test]
fn the_backends_rooms_are_features() {
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(root().join("backend/src")).unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !entry.file_type().unwrap().is_dir() {
            continue;
        }
        if name != "ports" && !FEATURES.contains(&name.as_str()) {
            wrong.push(format!("backend/src/{name} is not a feature"));
        }
        if !entry.path().join("mod.rs").is_file() {
            wrong.push(format!("backend/src/{name} has no mod.rs"));
        }
    }
    for (path, text) in texts(".rs").into_iter().filter(|(path, _)| path.starts_with("backend/src/")) {
        let forbidden: &[&str] = match path.rsplit('/').next().unwrap() {
            "rules.rs" => &["crate::ports", "super::db", "super::routes", "crate::app", "axum::", ".await"],
            "db.rs" => &["super::routes", "axum::", "crate::http", "crate::extract"],
            _ => continue,
        };
        wrong.extend(
            forbidden.iter().filter(|word| text.contains(**word)).map(|word| format!("{path} uses {word}")),
        );
    }
    report("a room with the wrong furniture", &wrong);
}

#[test]
fn files_are_short_and_modules_say_what_they_are() {
    let mut wrong = Vec::new();
    for (path, text) in texts(".rs") {
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            wrong.push(format!("{path} has {lines} lines, more than {FILE_LINES_MAX}"));
        }
        if !text.starts_with("//!") && !path.ends_with("/tests.rs") {
            wrong.push(format!("{path} does not begin with what it is (//!)"));
        }
    }
    report("files to be put in order", &wrong);
}

#[test]
fn nothing_is_unfinished_skipped_or_slept_through() {
    // Written in two parts, for this file is looked at too.
    let anywhere = [["to", "do!("], ["unimple", "mented!("], ["#[ig", "nore"], ["dbg", "!("]]
        .map(|parts| parts.concat());
    let in_tests =
        [["thread::", "sleep"], ["time::", "sleep("], ["sleep_", "until("]].map(|parts| parts.concat());
    let mut wrong = Vec::new();
    for (path, text) in texts(".rs") {
        let mut words: Vec<&String> = anywhere.iter().collect();
        if path.starts_with("tests/it/") || path.ends_with("/tests.rs") {
            words.extend(&in_tests);
        }
        wrong.extend(
            words.iter().filter(|word| text.contains(word.as_str())).map(|word| format!("{path}: {word}")),
        );
    }
    report("work left undone", &wrong);
}

#[test]
fn the_product_speaks_of_the_product_only() {
    let words = [
        ["crates", ".io"],
        ["pypi", ".org"],
        ["registry.", "npmjs"],
        ["deb.", "debian"],
        ["proxy.", "golang"],
        ["repo.", "maven"],
        ["/wo", "rk/"],
        [".lib", "rary"],
        ["chat", "gpt"],
        ["clau", "de"],
        ["as an ", "ai"],
    ]
    .map(|parts| parts.concat());
    let mut wrong = Vec::new();
    for (path, text) in texts("") {
        if path.ends_with("Cargo.lock")
            || path.ends_with("common_passwords.txt")
            || path.ends_with("package-lock.json")
        {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let line = line.to_lowercase();
            let found = words.iter().filter(|word| line.contains(word.as_str()));
            wrong.extend(found.map(|word| format!("{path}:{}: {word}", number + 1)));
        }
    }
    report("words of the workshop", &wrong);
}

/// Numbers, names and statuses are a promise to every client out there: they are added, never changed.
#[test]
fn error_codes_are_what_they_were() {
    let mut now = String::new();
    for code in ErrorCode::ALL {
        let retry = if code.retryable() { "retryable" } else { "final" };
        writeln!(now, "{} {} {} {retry}", code.number(), code.as_str(), code.status()).unwrap();
    }
    let path = root().join("tests/it/snapshots/error_codes.txt");
    let pinned = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(pinned, now, "{} pins the codes: add new ones to it, change none", path.display());
}
