//! Preferences, avatars and downloads.

use crate::backend::Backend;
use crate::{EMAIL, files_of, login, open};
use aethex_sdk_core::wire::ErrorCode;
use aethex_sdk_core::{Bytes, ExportId, ExportStatus, Json};
use std::collections::BTreeMap;

#[test]
fn preferences_are_set_on_top_of_others_changes() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    login(&cloud, EMAIL);
    let set = |key: &str, value: Json| {
        let values = BTreeMap::from([(key.to_owned(), value)]);
        cloud.block_on(cloud.auth().set_preferences(values))
    };
    backend.state().accounts.preferences_conflicts = 2;
    set("audio/volume", 0.5.into()).unwrap();
    set("language", "de".into()).unwrap();
    let left = set("audio/volume", Json::Null).unwrap().values;
    assert_eq!(left, BTreeMap::from([("language".to_owned(), "de".into())]));
    backend.state().accounts.preferences_conflicts = 100;
    assert_eq!(set("language", "fr".into()).unwrap_err().code, ErrorCode::PreferencesConflict);
    assert_eq!(set("no key!", 1.into()).unwrap_err().code, ErrorCode::InvalidArgument);
}

#[test]
fn avatars_are_sent_as_what_they_are() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    login(&cloud, EMAIL);
    let set = |picture: &'static [u8]| cloud.block_on(cloud.auth().set_avatar(Bytes::from_static(picture)));
    set(b"\xff\xd8\xff\xe0....").unwrap();
    assert_eq!(backend.state().accounts.avatar_type.as_deref(), Some("image/jpeg"));
    assert_eq!(set(b"<svg/>").unwrap_err().code, ErrorCode::InvalidAvatar);
    assert_eq!(backend.count("avatar"), 1);
}

#[test]
fn a_download_is_whole_or_not_there() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    login(&cloud, EMAIL);
    let target = tempfile::tempdir().unwrap();
    let path = target.path().join("export.zip");
    std::fs::write(&path, b"last year's").unwrap();
    let id = ExportId::parse("0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f").unwrap();
    let download = || cloud.block_on(cloud.privacy().download_export(id.clone(), &path));
    let archive: Vec<u8> = (0..1_500_000_u32).map(|n| (n % 251) as u8).collect();
    let unchanged = |why: &str| {
        assert_eq!(std::fs::read(&path).unwrap(), b"last year's", "{why}");
        assert_eq!(files_of(target.path()).len(), 1, "{why}: nothing half is left");
    };
    assert_eq!(download().unwrap_err().code, ErrorCode::NotFound);
    for (status, off_by, code) in [
        (ExportStatus::Pending, 0, ErrorCode::ExportPending),
        (ExportStatus::Failed, 0, ErrorCode::NotFound),
        (ExportStatus::Ready, 1, ErrorCode::Protocol),
        (ExportStatus::Ready, -1, ErrorCode::Protocol),
        (ExportStatus::Ready, i64::MAX / 2, ErrorCode::Protocol),
    ] {
        backend.state().accounts.export = Some((status, archive.clone(), off_by));
        assert_eq!(download().unwrap_err().code, code);
        unchanged("refused");
    }
    backend.state().accounts.export = Some((ExportStatus::Ready, archive.clone(), 0));
    backend.state().faults.cut_answers.insert("/archive", 1);
    assert_eq!(download().unwrap_err().code, ErrorCode::Offline);
    unchanged("cut off");
    backend.expire_access();
    assert_eq!(download().unwrap().size_bytes, archive.len() as i64);
    assert!(std::fs::read(&path).unwrap() == archive);
    assert_eq!(files_of(target.path()).len(), 1);
    let nowhere = target.path().join("no folder/export.zip");
    let error = cloud.block_on(cloud.privacy().download_export(id, &nowhere)).unwrap_err();
    assert_eq!(error.code, ErrorCode::Storage);
}
