//! Profile, preferences and avatar.

use super::{Auth, rules};
use crate::cloud::Shared;
use crate::http::Request;
use crate::{Error, Json, PlayerId, Preferences, ProfileChange, PublicProfile, User};
use aethex_wire::ErrorCode;
use aethex_wire::auth::profile::{
    DeleteAvatar, GetPreferences, GetPublicProfile, PreferencesChange, PutAvatar, PutPreferences,
};
use aethex_wire::auth::{GetProfile, PutProfile};
use aethex_wire::endpoint::None as Nothing;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::future::Future;

/// How often a change of preferences is sent when another device changes them at the same moment.
const PREFERENCES_ATTEMPTS_MAX: u32 = 4;

impl Auth {
    /// Reads the player's profile from the server, and keeps it for [`Auth::current_user`].
    ///
    /// # Errors
    /// `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn profile(&self) -> impl Future<Output = Result<User, Error>> + Send + use<> {
        self.call(move |shared| async move { read(&shared).await })
    }

    /// Changes the player's profile; absent fields stay as they are.
    ///
    /// # Errors
    /// `InvalidUsername`, `UsernameTaken`, `InvalidArgument`, `NotLoggedIn`, `SessionEnded`, `Offline`,
    /// `Timeout`.
    pub fn update_profile(
        &self,
        change: ProfileChange,
    ) -> impl Future<Output = Result<User, Error>> + Send + use<> {
        self.call(move |shared| async move { update(&shared, change).await })
    }

    /// Reads another player's profile, as far as the player shows it.
    ///
    /// # Errors
    /// `NotFound` (no such player, or not for this one's eyes), `NotLoggedIn`, `SessionEnded`, `Offline`,
    /// `Timeout`.
    pub fn public_profile(
        &self,
        id: PlayerId,
    ) -> impl Future<Output = Result<PublicProfile, Error>> + Send + use<> {
        self.call(move |shared| async move {
            let player = shared.session.player().await?;
            let request = Request::of::<GetPublicProfile>(&[id.as_str()], &Nothing {});
            shared.session.send(&player, &request).await?.json::<GetPublicProfile>()
        })
    }

    /// Reads the player's preferences: settings that are the same on every device.
    ///
    /// # Errors
    /// `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn preferences(&self) -> impl Future<Output = Result<Preferences, Error>> + Send + use<> {
        self.call(move |shared| async move {
            let player = shared.session.player().await?;
            let request = Request::of::<GetPreferences>(&[], &Nothing {});
            shared.session.send(&player, &request).await?.json::<GetPreferences>()
        })
    }

    /// Sets the preferences that are named, removes those that are null, and leaves the others. When another
    /// device changes them at the same moment, the change is made on top of that one's. At most 256, of
    /// together 16 KiB.
    ///
    /// # Errors
    /// `InvalidArgument` (too many, or a key that is no key), `TooLarge`, `PreferencesConflict` (they change
    /// all the time), `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn set_preferences(
        &self,
        values: BTreeMap<String, Json>,
    ) -> impl Future<Output = Result<Preferences, Error>> + Send + use<> {
        self.call(move |shared| async move { set_preferences(&shared, values).await })
    }

    /// Sets the avatar: a PNG, JPEG or WebP picture of at most 4 MiB, which the server draws anew as 256 pixels
    /// square. Answers with the profile and the picture's address.
    ///
    /// # Errors
    /// `InvalidAvatar`, `TooLarge`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn set_avatar(&self, picture: Bytes) -> impl Future<Output = Result<User, Error>> + Send + use<> {
        self.call(move |shared| async move { set_avatar(&shared, picture).await })
    }

    /// Removes the avatar.
    ///
    /// # Errors
    /// `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn delete_avatar(&self) -> impl Future<Output = Result<User, Error>> + Send + use<> {
        self.call(move |shared| async move {
            let player = shared.session.player().await?;
            let request = Request::of::<DeleteAvatar>(&[], &Nothing {});
            keep(&shared, shared.session.send(&player, &request).await?.json::<DeleteAvatar>()?).await
        })
    }
}

pub(super) async fn read(shared: &Shared) -> Result<User, Error> {
    let player = shared.session.player().await?;
    let request = Request::of::<GetProfile>(&[], &Nothing {});
    keep(shared, shared.session.send(&player, &request).await?.json::<GetProfile>()?).await
}

async fn update(shared: &Shared, change: ProfileChange) -> Result<User, Error> {
    rules::check_profile(&change)?;
    let player = shared.session.player().await?;
    let request = Request::of::<PutProfile>(&[], &Nothing {}).json(&change);
    keep(shared, shared.session.send(&player, &request).await?.json::<PutProfile>()?).await
}

async fn set_preferences(shared: &Shared, values: BTreeMap<String, Json>) -> Result<Preferences, Error> {
    rules::check_preferences(&values)?;
    let player = shared.session.player().await?;
    // Only the keys that are named change, so it may be repeated on top of whatever came in between.
    let request = Request::of::<PutPreferences>(&[], &Nothing {}).json(&PreferencesChange { values });
    let mut attempt = 1;
    loop {
        match shared.session.send(&player, &request).await {
            Err(error)
                if error.code == ErrorCode::PreferencesConflict && attempt < PREFERENCES_ATTEMPTS_MAX =>
            {
                attempt += 1;
            }
            answer => return answer?.json::<PutPreferences>(),
        }
    }
}

async fn set_avatar(shared: &Shared, picture: Bytes) -> Result<User, Error> {
    let media_type = rules::check_avatar(&picture)?;
    let player = shared.session.player().await?;
    let mut request = Request::of::<PutAvatar>(&[], &Nothing {});
    request.content_type = media_type;
    request.body = picture;
    keep(shared, shared.session.send(&player, &request).await?.json::<PutAvatar>()?).await
}

/// The profile is an offline copy: failing to keep it does not fail the call.
pub(super) async fn keep(shared: &Shared, user: User) -> Result<User, Error> {
    if let Err(error) = shared.session.update_user(&user).await {
        tracing::warn!(code = error.code.as_str(), "the profile's offline copy cannot be kept");
    }
    Ok(user)
}
