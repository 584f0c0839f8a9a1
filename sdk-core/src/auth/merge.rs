//! The merge of a kept guest into the account of the player who is logged in.

use crate::cloud::Shared;
use crate::{Error, MergeChoice, User};
use std::sync::Arc;

pub(crate) async fn merge_guest(_shared: &Arc<Shared>, _slots: Option<MergeChoice>) -> Result<User, Error> {
    Err(Error::argument("no guest was kept: log in with keep_guest while the guest is logged in"))
}
