//! A player: the API's endpoints as methods, with the player's token.

use crate::client::{Call, Client, Reply};
use aethex_wire::auth::{LoggedIn, Tokens, User};
use aethex_wire::endpoint::fill_path;
use aethex_wire::ids::VersionId;
use aethex_wire::page::Page;
use aethex_wire::saves::{
    DeleteSave, Encoding, FRAME_MEDIA_TYPE, GetSave, PutSave, PutSaveRequest, SaveFrame, SaveHistory,
    SaveVersion, encode_frame, split_frame,
};
use aethex_wire::{Endpoint, IDEMPOTENCY_KEY_HEADER};
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

/// A logged-in player.
#[derive(Debug, Clone)]
pub struct Player {
    /// The word that the account was made from.
    pub name: String,
    /// The account.
    pub user: User,
    /// The session.
    pub tokens: Tokens,
    /// The connection.
    pub client: Client,
}

impl Player {
    /// A player of an answer to a login.
    pub fn new(client: Client, name: &str, logged_in: LoggedIn) -> Player {
        Player { name: name.to_owned(), user: logged_in.user, tokens: logged_in.tokens, client }
    }

    /// The player's id.
    pub fn id(&self) -> &str {
        self.user.id.as_str()
    }

    /// Any request with the player's token.
    pub fn call(&self, method: Method, path: &str) -> Call<'_> {
        self.client.request(method, path).bearer(&self.tokens.access_token)
    }

    /// `GET` with the player's token.
    pub fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    /// The path of the player's saves.
    pub fn saves_path(&self) -> String {
        fill_path(PutSave::PATH, &[self.id()])
    }

    /// The path of one slot.
    pub fn slot_path(&self, slot: &str) -> String {
        fill_path(GetSave::PATH, &[self.id(), slot])
    }

    /// A save as JSON, on top of whatever is there.
    pub async fn put_save(&self, slot: &str, data: &str) -> SaveVersion {
        self.put(json!({ "slot": slot, "data": data })).send().await.expect(201).json()
    }

    /// A save as JSON on top of these versions.
    pub async fn put_on(&self, slot: &str, data: &str, parents: &[&VersionId]) -> Reply {
        self.put(json!({ "slot": slot, "data": data, "parents": parents })).send().await
    }

    /// Any JSON as a save.
    pub fn put(&self, body: Value) -> Call<'_> {
        self.call(Method::POST, &self.saves_path()).json(&body)
    }

    /// A frame as a save, with an idempotency key unless it is empty.
    pub fn put_frame(&self, request: &PutSaveRequest, payload: &[u8], key: &str) -> Call<'_> {
        let call = self.call(Method::POST, &self.saves_path());
        let call = call.body(FRAME_MEDIA_TYPE, encode_frame(request, payload));
        if key.is_empty() { call } else { call.header(IDEMPOTENCY_KEY_HEADER, key) }
    }

    /// Bytes as a frame on top of whatever is there.
    pub async fn put_bytes(&self, slot: &str, payload: &[u8]) -> SaveVersion {
        self.put_frame(&bytes_request(slot), payload, "").send().await.expect(201).json()
    }

    /// A slot's JSON.
    pub async fn get_save(&self, slot: &str) -> Value {
        self.get(&self.slot_path(slot)).send().await.expect(200).json()
    }

    /// A slot, or one of its versions, as a frame.
    pub async fn get_frame(&self, slot: &str, version: Option<&VersionId>) -> (SaveFrame, Bytes) {
        let mut path = self.slot_path(slot);
        if let Some(version) = version {
            path = format!("{path}?version={version}");
        }
        let reply = self.get(&path).header("accept", FRAME_MEDIA_TYPE).send().await.expect(200);
        assert_eq!(reply.header("content-type"), FRAME_MEDIA_TYPE, "{reply}");
        let (header, payload) = split_frame(&reply.body).unwrap();
        (serde_json::from_slice(&header).unwrap(), reply.body.slice_ref(payload))
    }

    /// The head of a slot.
    pub async fn head(&self, slot: &str) -> SaveVersion {
        self.get(&self.slot_path(slot)).send().await.expect(200).json()
    }

    /// A slot's history, newest first, all of it.
    pub async fn history(&self, slot: &str) -> Vec<SaveVersion> {
        let path = fill_path(SaveHistory::PATH, &[self.id()]);
        let slot = fill_path("{slot}", &[slot]);
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("{path}?slot={slot}&limit=200{cursor}");
            let page: Page<SaveVersion> = self.get(&path).send().await.expect(200).json();
            found.extend(page.items);
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return found,
            }
        }
    }

    /// The player's slots, first page.
    pub async fn list(&self) -> Page<SaveVersion> {
        self.get(&self.saves_path()).send().await.expect(200).json()
    }

    /// Deletes a slot.
    pub async fn delete_save(&self, slot: &str) -> Reply {
        self.call(Method::DELETE, &fill_path(DeleteSave::PATH, &[self.id(), slot])).send().await
    }

    /// The head of a request, for a socket; `headers` are further lines with their ends.
    pub fn raw_head(&self, method: &str, path: &str, headers: &str) -> String {
        let token = &self.tokens.access_token;
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n{headers}\r\n")
    }

    /// A whole frame as a request, for a socket.
    pub fn raw_frame(&self, request: &PutSaveRequest, payload: &[u8]) -> Vec<u8> {
        let frame = encode_frame(request, payload);
        let headers = format!("content-type: {FRAME_MEDIA_TYPE}\r\ncontent-length: {}\r\n", frame.len());
        [self.raw_head("POST", &self.saves_path(), &headers).into_bytes(), frame].concat()
    }

    /// Exchanges a refresh token.
    pub async fn refresh(&self, token: &str) -> Reply {
        self.client.post("/api/v1/auth/refresh").json(&json!({ "refresh_token": token })).send().await
    }
}

/// Metadata of a frame of bytes, on top of whatever is there.
pub fn bytes_request(slot: &str) -> PutSaveRequest {
    PutSaveRequest { slot: slot.to_owned(), encoding: Some(Encoding::Bytes), ..PutSaveRequest::default() }
}

/// What a frame's payload holds.
pub fn unpacked(compression: aethex_wire::saves::Compression, payload: &[u8]) -> Vec<u8> {
    match compression {
        aethex_wire::saves::Compression::None => payload.to_vec(),
        aethex_wire::saves::Compression::Zstd => zstd::decode_all(payload).unwrap(),
        aethex_wire::saves::Compression::Delta => {
            aethex_wire::delta::decode(b"", payload, aethex_wire::saves::SAVE_LEN_MAX).unwrap()
        }
    }
}

/// Files under a folder.
pub fn files(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

/// Bytes that do not compress, the same for the same seed (xorshift).
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(len);
    out
}
