//! The calls of a slot's past, one function an endpoint.

use crate::Error;
use crate::cloud::Shared;
use crate::http::Request;
use aethex_wire::endpoint::None as Nothing;
use aethex_wire::ids::{PlayerId, VersionId};
use aethex_wire::saves::SaveVersion;
use aethex_wire::saves::history::{
    BranchRequest, BranchSave, Diff, DiffQuery, DiffSaves, GetQuota, PutVersion, PutVersionRequest, Quota,
};

/// Compares two versions of a slot.
pub(super) async fn diff_saves(
    shared: &Shared,
    player: &PlayerId,
    slot: &str,
    query: &DiffQuery,
) -> Result<Diff, Error> {
    let request = Request::of::<DiffSaves>(&[player.as_str(), slot], query);
    shared.session.send(player, &request).await?.json::<DiffSaves>()
}

/// Changes what may be changed about a version.
pub(super) async fn put_version(
    shared: &Shared,
    player: &PlayerId,
    slot: &str,
    version: &VersionId,
    change: &PutVersionRequest,
) -> Result<SaveVersion, Error> {
    let request = Request::of::<PutVersion>(&[player.as_str(), slot, version.as_str()], &Nothing {});
    shared.session.send(player, &request.json(change)).await?.json::<PutVersion>()
}

/// Begins a new slot with a version of this one.
pub(super) async fn branch_save(
    shared: &Shared,
    player: &PlayerId,
    slot: &str,
    branch: &BranchRequest,
) -> Result<SaveVersion, Error> {
    let request = Request::of::<BranchSave>(&[player.as_str(), slot], &Nothing {});
    shared.session.send(player, &request.json(branch)).await?.json::<BranchSave>()
}

/// Reads what the player has stored.
pub(super) async fn get_quota(shared: &Shared, player: &PlayerId) -> Result<Quota, Error> {
    let request = Request::of::<GetQuota>(&[player.as_str()], &Nothing {});
    shared.session.send(player, &request).await?.json::<GetQuota>()
}
