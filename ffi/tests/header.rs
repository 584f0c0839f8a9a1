//! The C header: generated from the sources, committed, fresh, and valid C99 and C++17.
//!
//! After a change of the C interface: `AETHEX_UPDATE_HEADER=1 cargo test -p aethex-ffi --test c`.

use crate::tools;
use aethex_wire::ErrorCode;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The sources with a C interface, in the header's order; each brings its sub-modules.
const SOURCES: &[&str] = &[
    "src/strings.rs",
    "src/error.rs",
    "src/cloud.rs",
    "src/call.rs",
    "src/events.rs",
    "src/auth/mod.rs",
    "src/privacy/mod.rs",
    "src/saves/mod.rs",
    "src/multiplayer/mod.rs",
    "src/value/mod.rs",
];

const UPDATE: &str = "AETHEX_UPDATE_HEADER";

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include/aethex_cloud.h")
}

/// The error codes as C constants: the one list is in the wire crate.
fn error_codes() -> String {
    let mut text = String::from("\n/**\n * Error codes. Numbers are stable and never reused.\n */\nenum {\n");
    text.push_str("    /**\n     * Success.\n     */\n    AETHEX_OK = 0,\n");
    let codes: Vec<String> = ErrorCode::ALL
        .iter()
        .map(|code| {
            let summary = code.summary().trim().replace("*/", "* /");
            let name = code.as_str().to_uppercase();
            format!("    /**\n     * {summary}\n     */\n    AETHEX_ERROR_{name} = {}", code.number())
        })
        .collect();
    text.push_str(&codes.join(",\n"));
    text.push_str("\n};\n");
    text
}

fn generate() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    config.header = Some(fs::read_to_string(root.join("src/header/top.h")).expect("top.h"));
    let mut after_includes = String::new();
    for (part, number) in ["MAJOR", "MINOR", "PATCH"].iter().zip(env!("CARGO_PKG_VERSION").split('.')) {
        writeln!(after_includes, "#define AETHEX_VERSION_{part} {number}").expect("a string takes any text");
    }
    after_includes.push_str(&error_codes());
    config.after_includes = Some(after_includes);
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in SOURCES {
        builder = builder.with_src(root.join(source));
    }
    let mut header = Vec::new();
    builder.generate().expect("the sources parse").write(&mut header);
    let header = String::from_utf8(header).expect("UTF-8");
    let bottom = fs::read_to_string(root.join("src/header/bottom.h")).expect("bottom.h");
    let (body, guard) = header.rsplit_once("\n#endif").expect("the header ends with its guard");
    format!("{body}{bottom}\n#endif{guard}")
}

#[test]
fn header_is_fresh() {
    let generated = generate();
    if std::env::var_os(UPDATE).is_some() {
        fs::write(committed(), &generated).expect("the header can be written");
    }
    let found = fs::read_to_string(committed()).unwrap_or_default();
    assert!(
        found == generated,
        "include/aethex_cloud.h is stale: run {UPDATE}=1 cargo test -p aethex-ffi --test c, and commit it"
    );
}

#[test]
fn header_has_every_exported_function_and_code() {
    let header = fs::read_to_string(committed()).expect("the header is committed");
    for code in ErrorCode::ALL {
        let line = format!("AETHEX_ERROR_{} = {}", code.as_str().to_uppercase(), code.number());
        assert!(header.contains(&line), "{line}");
    }
    for symbol in tools::exported(&tools::shared_library()) {
        assert!(header.contains(&format!("{symbol}(")), "{symbol} is exported, but not in the header");
    }
}

#[test]
fn header_is_valid_c99_and_cpp17() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let use_it = "#include \"aethex_cloud.h\"\n#include \"aethex_cloud.h\"\n\
        int main(void) { struct aethex_str s = aethex_string(\"x\"); return s.len == 1 ? AETHEX_OK : 1; }\n";
    for (compiler, standard, file) in [("gcc", "-std=c99", "use.c"), ("g++", "-std=c++17", "use.cpp")] {
        let source = folder.path().join(file);
        fs::write(&source, use_it).expect("the program can be written");
        tools::run(
            tools::compiler(compiler)
                .args([
                    standard,
                    "-Wall",
                    "-Wextra",
                    "-Werror",
                    "-pedantic",
                    "-Wshadow",
                    "-Wconversion",
                    "-c",
                ])
                .arg(&source)
                .arg("-o")
                .arg(folder.path().join("use.o")),
        );
    }
}
