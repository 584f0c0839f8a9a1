//! The calls of privacy, one function an endpoint.

use crate::cloud::Shared;
use crate::http::Request;
use crate::{Error, Export, Policy, PrivacyState, Purpose, Receipt};
use aethex_wire::ErrorCode;
use aethex_wire::endpoint::None as Nothing;
use aethex_wire::ids::{ExportId, ReceiptId};
use aethex_wire::privacy::{
    AcceptPolicy, AcceptPolicyRequest, AgeRequest, AskParent, AskParentRequest, CancelErasure,
    ConsentRequest, DownloadExport, EraseRequest, ExportStatus, GetExport, GetPrivacy, GetReceipt,
    ListPolicies, PutAge, PutConsent, StartErasure, StartExport,
};
use std::path::PathBuf;

/// Longest export that is downloaded: a player's whole space of saves, many times.
const EXPORT_LEN_MAX: u64 = 16 * 1024 * 1024 * 1024;

pub(crate) async fn state(shared: &Shared) -> Result<PrivacyState, Error> {
    let player = shared.session.player().await?;
    let request = Request::of::<GetPrivacy>(&[], &Nothing {});
    shared.session.send(&player, &request).await?.json::<GetPrivacy>()
}

pub(crate) async fn policies(shared: &Shared) -> Result<Vec<Policy>, Error> {
    let request = Request::of::<ListPolicies>(&[], &Nothing {});
    Ok(shared.session.send_public(&request).await?.json::<ListPolicies>()?.items)
}

pub(crate) async fn accept_policy(shared: &Shared, policy: String, version: String) -> Result<(), Error> {
    let player = shared.session.player().await?;
    let body = AcceptPolicyRequest { policy, version };
    let request = Request::of::<AcceptPolicy>(&[], &Nothing {}).json(&body).repeatable();
    shared.session.send(&player, &request).await.map(drop)
}

pub(crate) async fn set_consent(
    shared: &Shared,
    purpose: Purpose,
    granted: bool,
) -> Result<PrivacyState, Error> {
    let player = shared.session.player().await?;
    let request = Request::of::<PutConsent>(&[], &Nothing {}).json(&ConsentRequest { purpose, granted });
    shared.session.send(&player, &request).await?.json::<PutConsent>()
}

pub(crate) async fn set_age(
    shared: &Shared,
    birth_year: i64,
    birth_month: Option<i64>,
) -> Result<PrivacyState, Error> {
    if birth_month.is_some_and(|month| !(1..=12).contains(&month)) {
        return Err(Error::argument("a month is a number from 1 to 12"));
    }
    let player = shared.session.player().await?;
    let request = Request::of::<PutAge>(&[], &Nothing {}).json(&AgeRequest { birth_year, birth_month });
    shared.session.send(&player, &request).await?.json::<PutAge>()
}

pub(crate) async fn ask_parent(shared: &Shared, email: String) -> Result<(), Error> {
    crate::auth::check_email(&email)?;
    let player = shared.session.player().await?;
    let request = Request::of::<AskParent>(&[], &Nothing {}).json(&AskParentRequest { email });
    shared.session.send(&player, &request).await.map(drop)
}

pub(crate) async fn start_export(shared: &Shared) -> Result<Export, Error> {
    let player = shared.session.player().await?;
    let request = Request::of::<StartExport>(&[], &Nothing {});
    shared.session.send(&player, &request).await?.json::<StartExport>()
}

pub(crate) async fn export(shared: &Shared, id: &ExportId) -> Result<Export, Error> {
    let player = shared.session.player().await?;
    let request = Request::of::<GetExport>(&[id.as_str()], &Nothing {});
    shared.session.send(&player, &request).await?.json::<GetExport>()
}

pub(crate) async fn download_export(shared: &Shared, id: &ExportId, path: PathBuf) -> Result<Export, Error> {
    let player = shared.session.player().await?;
    let export = export(shared, id).await?;
    match export.status {
        ExportStatus::Ready => {}
        ExportStatus::Pending => {
            return Err(Error::new(ErrorCode::ExportPending, "the export is still being made"));
        }
        ExportStatus::Failed => {
            return Err(Error::new(ErrorCode::NotFound, "the export could not be made: ask for another one"));
        }
    }
    let size = u64::try_from(export.size_bytes).unwrap_or(u64::MAX);
    if size > EXPORT_LEN_MAX {
        return Err(Error::protocol("the export is larger than anything this SDK downloads"));
    }
    let mut request = Request::of::<DownloadExport>(&[id.as_str()], &Nothing {});
    request.accept = "application/zip";
    shared.session.download(&player, &request, size, path).await?;
    Ok(export)
}

pub(crate) async fn erase_account(shared: &Shared, password: Option<String>) -> Result<Receipt, Error> {
    let player = shared.session.player().await?;
    let request = Request::of::<StartErasure>(&[], &Nothing {}).json(&EraseRequest { password });
    shared.session.send(&player, &request).await?.json::<StartErasure>()
}

pub(crate) async fn cancel_erasure(shared: &Shared) -> Result<(), Error> {
    let player = shared.session.player().await?;
    let request = Request::of::<CancelErasure>(&[], &Nothing {});
    shared.session.send(&player, &request).await.map(drop)
}

pub(crate) async fn receipt(shared: &Shared, id: &ReceiptId) -> Result<Receipt, Error> {
    let request = Request::of::<GetReceipt>(&[id.as_str()], &Nothing {});
    shared.session.send_public(&request).await?.json::<GetReceipt>()
}
