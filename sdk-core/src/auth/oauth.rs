//! Logins with a provider in the player's browser.

use super::OauthOptions;
use crate::cloud::Shared;
use crate::{Error, User};
use std::sync::Arc;

#[derive(Debug, Default)]
pub(crate) struct OauthState;

pub(crate) async fn login(_: &Arc<Shared>, _: &str, _: OauthOptions) -> Result<User, Error> {
    Err(Error::cancelled())
}

pub(crate) async fn link(_: &Arc<Shared>, _: &str, _: OauthOptions) -> Result<User, Error> {
    Err(Error::cancelled())
}
