//! A slot's past beyond listing and restoring it: differences, pins, words, branches; and what the player
//! has stored. All of it needs the server's word, nothing is kept on this device.

mod api;

use super::rules;
use super::{SaveOptions, Saves};
use crate::Error;
use crate::wire::ids::VersionId;
use crate::wire::saves::SaveVersion;
use crate::wire::saves::history::{BranchRequest, Diff, DiffQuery, PutVersionRequest, Quota};
use std::future::Future;
use std::sync::Arc;

impl Saves {
    /// Tells what changed between two versions of a slot, value by value; without `to`, up to the cloud's head.
    /// At most 1,000 changes.
    ///
    /// # Errors
    /// `VersionNotFound`, `SaveNotFound`, `InvalidSlot`, `SealedSave` (the server cannot read it), `NotLoggedIn`,
    /// `Offline`, `Timeout`.
    pub fn diff(
        &self,
        slot: &str,
        from: VersionId,
        to: Option<VersionId>,
    ) -> impl Future<Output = Result<Diff, Error>> + Send + use<> {
        let (shared, slot) = (Arc::clone(&self.shared), slot.to_owned());
        self.shared.pump.call(async move {
            rules::check_name(&slot)?;
            let player = shared.session.player().await?;
            api::diff_saves(&shared, &player, &slot, &DiffQuery { from, to }).await
        })
    }

    /// Pins a version, so that it stays in the history for ever, or lets it go again.
    ///
    /// # Errors
    /// `VersionNotFound`, `SaveNotFound`, `InvalidSlot`, `QuotaExceeded`, `NotLoggedIn`, `Offline`, `Timeout`.
    pub fn pin(
        &self,
        slot: &str,
        version: VersionId,
        pinned: bool,
    ) -> impl Future<Output = Result<SaveVersion, Error>> + Send + use<> {
        self.put_version(slot, version, PutVersionRequest { pinned: Some(pinned), label: None })
    }

    /// Gives a version other words; empty ones take them away. At most 128 characters.
    ///
    /// # Errors
    /// `InvalidArgument`, `VersionNotFound`, `SaveNotFound`, `InvalidSlot`, `NotLoggedIn`, `Offline`, `Timeout`.
    pub fn set_label(
        &self,
        slot: &str,
        version: VersionId,
        label: &str,
    ) -> impl Future<Output = Result<SaveVersion, Error>> + Send + use<> {
        self.put_version(slot, version, PutVersionRequest { pinned: None, label: Some(label.to_owned()) })
    }

    /// Begins the new slot `to` with a version of a slot, or with its head.
    ///
    /// # Errors
    /// `SlotTaken`, `VersionNotFound`, `SaveNotFound`, `InvalidSlot`, `QuotaExceeded`, `NotLoggedIn`, `Offline`,
    /// `Timeout`.
    pub fn branch(
        &self,
        slot: &str,
        version: Option<VersionId>,
        to: &str,
    ) -> impl Future<Output = Result<SaveVersion, Error>> + Send + use<> {
        let (shared, slot, to) = (Arc::clone(&self.shared), slot.to_owned(), to.to_owned());
        self.shared.pump.call(async move {
            rules::check_name(&slot)?;
            rules::check_name(&to)?;
            let player = shared.session.player().await?;
            api::branch_save(&shared, &player, &slot, &BranchRequest { to, version }).await
        })
    }

    /// Reads what the player has stored in the cloud, and may store.
    ///
    /// # Errors
    /// `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn quota(&self) -> impl Future<Output = Result<Quota, Error>> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        self.shared.pump.call(async move {
            let player = shared.session.player().await?;
            api::get_quota(&shared, &player).await
        })
    }

    fn put_version(
        &self,
        slot: &str,
        version: VersionId,
        change: PutVersionRequest,
    ) -> impl Future<Output = Result<SaveVersion, Error>> + Send + use<> {
        let (shared, slot) = (Arc::clone(&self.shared), slot.to_owned());
        self.shared.pump.call(async move {
            rules::check_name(&slot)?;
            let label = change.label.clone().unwrap_or_default();
            rules::check_options(&SaveOptions { label, ..SaveOptions::default() })?;
            let player = shared.session.player().await?;
            api::put_version(&shared, &player, &slot, &version, &change).await
        })
    }
}
