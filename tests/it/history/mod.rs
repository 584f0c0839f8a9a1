//! A slot's past: differences, pins, restoring, branches, devices, quota; what of it is kept; archives.

mod archives;
mod kept;
mod past;

use aethex_tests::Player;
use aethex_tests::player::bytes_request;
use aethex_wire::saves::{Compression, SaveVersion};
use http::Method;
use serde_json::Value;

/// A path below a slot's.
fn below(player: &Player, slot: &str, rest: &str) -> String {
    format!("{}/{rest}", player.slot_path(slot))
}

/// Pins a version, or gives it other words.
async fn change(player: &Player, version: &SaveVersion, body: Value) -> aethex_tests::Reply {
    let path = below(player, &version.slot, &format!("versions/{}", version.version));
    player.call(Method::PUT, &path).json(&body).send().await
}

/// A version's bytes, however they are stored.
async fn bytes_of(player: &Player, version: &SaveVersion) -> Vec<u8> {
    let (frame, payload) = player.get_frame(&version.slot, Some(&version.version)).await;
    let plain = match frame.compression {
        Compression::None => payload.to_vec(),
        Compression::Zstd => zstd::decode_all(&payload[..]).unwrap(),
        Compression::Delta => panic!("a patch was not asked for"),
    };
    assert_eq!(blake3::hash(&plain).to_hex().as_str(), version.hash);
    plain
}

/// Stores bytes on the head, or beside it on an older version; the version either way.
async fn put_bytes_on(
    player: &Player,
    slot: &str,
    parent: Option<&SaveVersion>,
    bytes: &[u8],
) -> SaveVersion {
    let mut request = bytes_request(slot);
    request.parents = parent.map(|parent| vec![parent.version.clone()]);
    let reply = player.put_frame(&request, bytes, "").send().await;
    if reply.status == 201 {
        return reply.json();
    }
    reply.refused(aethex_wire::ErrorCode::SavesConflict).conflict.unwrap().kept
}
