//! A running backend: started on a free port, found by its ready line.

use crate::run::{self, Cmd, Running};
use crate::{Result, paths};
use std::path::Path;
use std::time::Duration;

/// From start to the ready line, on a busy machine.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// A backend; dropping it stops it.
#[derive(Debug)]
pub(crate) struct Backend {
    running: Running,
    /// Its base URL.
    pub(crate) url: String,
    /// The publishable key of the default game.
    pub(crate) client_key: String,
}

impl Backend {
    /// Starts `program` with its data in `folder`; `settings` are configuration variables. With `lasting` it
    /// may outlive this process.
    pub(crate) fn start(
        program: &Path,
        folder: &Path,
        settings: &[(&str, &str)],
        lasting: bool,
    ) -> Result<Backend> {
        let command = match lasting {
            true => Cmd::new(program, READY_LIMIT),
            false => run::tied(program, READY_LIMIT),
        };
        let command = settings.iter().fold(command, |command, (name, value)| command.env(name, value));
        paths::make_folder(folder)?;
        let mut running = command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.join("data"))
            .start("the backend", &folder.join("backend.log"))?;
        let (url, client_key) = running.wait_until(READY_LIMIT, ready)?;
        Ok(Backend { running, url, client_key })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Stops it; a backend that does not end cleanly is an error.
    pub(crate) fn stop(self) -> Result<()> {
        self.running.stop()
    }

    /// Leaves it running.
    pub(crate) fn release(self) {
        self.running.release();
    }

    /// The end of its log, for an error.
    pub(crate) fn last_lines(&self) -> String {
        run::last_lines(&self.running.said())
    }
}

/// The URL and client key of `aethex-cloud ready on URL (client key KEY)`, once the line is complete.
fn ready(said: &str) -> Option<(String, String)> {
    let (_, rest) = said.split_once("aethex-cloud ready on ")?;
    let (line, _) = rest.split_once('\n')?;
    let url = line.split_whitespace().next()?.to_owned();
    let key = line.split_once("(client key ").and_then(|(_, rest)| rest.split_once(')')).map(|(key, _)| key);
    Some((url, key.unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::ready;

    #[test]
    fn the_ready_line_is_understood_when_complete() {
        let said = "log\naethex-cloud ready on http://127.0.0.1:41 (client key pk_1)\nlog";
        assert_eq!(ready(said), Some(("http://127.0.0.1:41".into(), "pk_1".into())));
        assert_eq!(ready("aethex-cloud ready on http://127.0.0.1:4"), None);
        assert_eq!(ready("aethex-cloud ready on http://h:1\n"), Some(("http://h:1".into(), String::new())));
    }
}
