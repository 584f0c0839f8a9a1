//! The C example, built in the ways its users build.

use crate::tools;
use std::path::{Path, PathBuf};
use std::process::Command;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/c-minimal")
}

/// Wrong usage is exit code 2, and means that the library was found at the start.
fn starts(program: &Path, libraries: &Path) {
    let output =
        Command::new(program).env("LD_LIBRARY_PATH", libraries).output().expect("the example starts");
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_example_builds_with_one_line() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let program = scratch.path().join("c-minimal");
    let shared = tools::shared_library();
    let folder = shared.parent().expect("a library lies in a folder");
    for library in ["-laethex_cloud", "-l:libaethex_cloud.a"] {
        tools::run(
            tools::compiler("gcc")
                .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"])
                .arg(example().join("main.c"))
                .arg("-L")
                .arg(folder)
                .args([library, "-lpthread", "-ldl", "-lm", "-o"])
                .arg(&program),
        );
        starts(&program, folder);
    }
}

#[test]
fn the_example_builds_with_cmake_where_there_is_one() {
    if Command::new("cmake").arg("--version").output().is_err() {
        println!("cmake is not installed: nothing to test");
        return;
    }
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let library = tools::shared_library();
    let folder = library.parent().expect("a library lies in a folder");
    for version in ["shared", "static"] {
        let build = scratch.path().join(version);
        tools::run(
            Command::new("cmake")
                .arg("-S")
                .arg(example())
                .arg("-B")
                .arg(&build)
                .arg(format!("-DAETHEX_CLOUD_LIBRARY_DIR={}", folder.display()))
                .arg(format!("-DAETHEX_CLOUD_STATIC={}", version == "static")),
        );
        tools::run(Command::new("cmake").arg("--build").arg(&build));
        starts(&build.join("c-minimal"), folder);
    }
}

/// A release archive, laid out as the packages expect it.
#[test]
fn an_installed_release_is_found_by_cmake_and_pkg_config() {
    let release = tempfile::tempdir().expect("a temporary folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = |from: PathBuf, to: &str| {
        let to = release.path().join(to);
        std::fs::create_dir_all(to.parent().expect("a file lies in a folder")).expect("a folder");
        std::fs::copy(&from, &to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    };
    let template = std::fs::read_to_string(root.join("pkgconfig/aethex_cloud.pc.in")).expect("the template");
    let package = template
        .replace("@prefix@", &release.path().display().to_string())
        .replace("@version@", env!("CARGO_PKG_VERSION"));
    place(root.join("include/aethex_cloud.h"), "include/aethex_cloud.h");
    place(tools::shared_library(), "lib/libaethex_cloud.so");
    for file in ["AethexCloudConfig.cmake", "AethexCloudConfigVersion.cmake"] {
        place(root.join("cmake").join(file), &format!("lib/cmake/AethexCloud/{file}"));
    }
    let folder = release.path().join("lib/pkgconfig");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("aethex_cloud.pc"), package).expect("the package file");

    if Command::new("cmake").arg("--version").output().is_ok() {
        let build = release.path().join("build");
        tools::run(
            Command::new("cmake")
                .arg("-S")
                .arg(example())
                .arg("-B")
                .arg(&build)
                .arg(format!("-DCMAKE_PREFIX_PATH={}", release.path().display())),
        );
        tools::run(Command::new("cmake").arg("--build").arg(&build));
        starts(&build.join("c-minimal"), &release.path().join("lib"));
    }
    if Command::new("pkg-config").arg("--version").output().is_ok() {
        let flags = tools::run(Command::new("pkg-config").env("PKG_CONFIG_PATH", &folder).args([
            "--cflags",
            "--libs",
            "aethex_cloud",
        ]));
        let flags = String::from_utf8_lossy(&flags.stdout).into_owned();
        let program = release.path().join("c-minimal");
        tools::run(
            Command::new("gcc")
                .arg(example().join("main.c"))
                .args(flags.split_whitespace())
                .arg("-o")
                .arg(&program),
        );
        starts(&program, &release.path().join("lib"));
    }
}
