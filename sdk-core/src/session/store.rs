//! The session's way to its vault: off the async thread, under the lock between processes.

use super::Session;
use super::vault::Credentials;
use crate::Error;
use aethex_wire::ErrorCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long one process waits for another's refresh: a little more than one takes.
const LOCK_WAIT: Duration = Duration::from_secs(15);
const LOCK_POLL: Duration = Duration::from_millis(20);
/// Most sessions whose end the server has not heard of; the oldest then end by themselves, in 30 days.
pub(super) const FAREWELLS_MAX: usize = 8;

impl Session {
    /// This device's key as a guest, made when there is none.
    pub(crate) async fn device_key(&self) -> Result<String, Error> {
        let _lock = self.vault_lock().await?;
        let vault = Arc::clone(&self.vault);
        blocking(move || vault.device_key()).await
    }

    /// Throws this device's key as a guest away.
    pub(crate) async fn forget_device_key(&self) -> Result<(), Error> {
        let _lock = self.vault_lock().await?;
        let vault = Arc::clone(&self.vault);
        blocking(move || vault.forget_device_key()).await
    }

    pub(super) async fn vault_lock(&self) -> Result<Option<crate::disk::Lock>, Error> {
        if !self.vault.keeps() {
            return Ok(None);
        }
        let deadline = Instant::now() + LOCK_WAIT;
        loop {
            let vault = Arc::clone(&self.vault);
            if let Some(lock) = blocking(move || vault.try_lock()).await? {
                return Ok(Some(lock));
            }
            if Instant::now() >= deadline {
                return Err(Error::new(ErrorCode::Timeout, "another process holds the session for too long"));
            }
            tokio::time::sleep(LOCK_POLL).await;
        }
    }

    pub(super) async fn load(&self) -> Result<Credentials, Error> {
        let vault = Arc::clone(&self.vault);
        blocking(move || vault.load(false)).await
    }

    /// Changes the file, and returns what the change returns. Only while holding `changing` and the vault's lock.
    pub(super) async fn change_file<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Credentials) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let vault = Arc::clone(&self.vault);
        blocking(move || {
            // A file that cannot be opened any more is replaced.
            let mut credentials = vault.load(false).unwrap_or_default();
            let result = change(&mut credentials);
            let too_many = credentials.farewells.len().saturating_sub(FAREWELLS_MAX);
            credentials.farewells.drain(..too_many);
            vault.save(&credentials)?;
            Ok(result)
        })
        .await
    }
}

/// Runs blocking work off the async thread; on a simulated machine in its turn.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    #[cfg(feature = "simulation")]
    if let Some(machine) = crate::simulation::current() {
        tokio::time::sleep(machine.disk_time()).await;
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => Err(Error::fault()),
        Err(_) => Err(Error::shut_down()),
    }
}
