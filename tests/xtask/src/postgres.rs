//! PostgreSQL: finding its programs, and a private server for measurements.
//!
//! The server has a data folder and a port of its own, listens on loopback only and is gone afterwards. Being
//! root, it runs as the user `postgres`, for it refuses to run as root.

use crate::run::{self, Cmd, Running};
use crate::{Result, paths, system};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where Debian keeps the server's programs, a folder for each major version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Creating a cluster, or starting one.
const LIMIT: Duration = Duration::from_secs(60);

/// The folder with `initdb` and `postgres`: the newest of Debian's, or that on PATH.
pub(crate) fn server_folder() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort();
    let on_path = run::find("postgres").and_then(|program| Some(program.parent()?.to_owned()));
    let complete = |folder: &PathBuf| {
        ["initdb", "postgres"].iter().all(|program| run::is_executable(&folder.join(paths::program(program))))
    };
    versions.into_iter().rev().map(|(_, folder)| folder).chain(on_path).find(complete)
}

/// Its version and place.
pub(crate) fn version() -> Result<String> {
    let folder = server_folder().ok_or("neither on PATH nor below /usr/lib/postgresql")?;
    let said = Cmd::new(folder.join("postgres"), LIMIT).arg("--version").quiet()?;
    let version = said.split_whitespace().nth(2).unwrap_or("unknown version");
    Ok(format!("{version} at {}", folder.display()))
}

/// A private server; dropping it stops it and removes its data.
#[derive(Debug)]
pub(crate) struct Postgres {
    // Before the folder, so that it is dropped first.
    server: Running,
    port: u16,
    _folder: paths::TempFolder,
}

impl Postgres {
    /// Creates and starts one.
    pub(crate) fn start() -> Result<Postgres> {
        let programs = server_folder().ok_or("PostgreSQL is not installed: run `cargo xtask setup`")?;
        let folder = paths::TempFolder::new("postgres")?;
        let user = if system::is_root() { Some("postgres") } else { None };
        if let Some(user) = user {
            Cmd::new("chown", LIMIT).arg(user).arg(folder.path()).quiet()?;
        }
        let data = folder.path().join("data");
        as_user(user, &programs.join("initdb"))?
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale", "-D"])
            .arg(&data)
            .dir(folder.path())
            .quiet()?;
        let port = free_port()?;
        let mut sockets = OsString::from("unix_socket_directories=");
        sockets.push(folder.path());
        let mut server = as_user(user, &programs.join("postgres"))?
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c"])
            .arg(sockets)
            .dir(folder.path())
            .start("PostgreSQL", &folder.path().join("log"))?;
        server.wait_until(LIMIT, |said| said.contains("ready to accept connections").then_some(()))?;
        Ok(Postgres { server, port, _folder: folder })
    }

    /// How a client connects.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }
}

/// `program` as `user`. setpriv becomes the program: what is stopped later is the server, not a parent of it.
fn as_user(user: Option<&str>, program: &Path) -> Result<Cmd> {
    let Some(user) = user else { return Ok(run::tied(program, LIMIT)) };
    let setpriv = run::find("setpriv").ok_or("setpriv is missing (package util-linux)")?;
    Ok(Cmd::new(setpriv, LIMIT)
        .args([&format!("--reuid={user}"), &format!("--regid={user}"), "--init-groups"])
        // INT is PostgreSQL's fast shutdown: it does not wait for clients.
        .args(["--pdeathsig", "INT", "--"])
        .arg(program))
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("no free port on loopback: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_server_starts_and_leaves_nothing() {
        let server = Postgres::start().unwrap();
        let (pid, folder) = (server.pid(), server._folder.path().to_owned());
        assert!(std::net::TcpStream::connect(("127.0.0.1", server.port)).is_ok());
        drop(server);
        assert!(!folder.exists());
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }
}
