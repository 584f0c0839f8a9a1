//! The OpenAPI 3.1 document, generated from the endpoint types that handlers serve and the SDK calls.

use crate::app::App;
use aethex_wire::auth::email::{
    ChangeEmail, ChangePassword, ForgotPassword, ResetPassword, SendVerification, VerifyEmail,
};
use aethex_wire::auth::identities::{LinkEmail, ListIdentities, LoginGuest, MergeAccount, Unlink};
use aethex_wire::auth::oauth::{LinkOauth, ListProviders, LoginOauth, StartOauth};
use aethex_wire::auth::profile::{DeleteAvatar, GetPreferences, GetPublicProfile, PutAvatar, PutPreferences};
use aethex_wire::auth::sessions::{EndOtherSessions, EndSession, ListSessions};
use aethex_wire::auth::{GetProfile, Login, Logout, PutProfile, Refresh, Register};
use aethex_wire::multiplayer::chat::{
    BlockPlayer, DeleteChat, EditChat, JoinChannel, LeaveChannel, ListBlocks, ListChat, ListConversations,
    ReadChat, SendChat, SendReport, ServerListReports, UnblockPlayer,
};
use aethex_wire::multiplayer::matchmaking::{
    AcceptMatch, CurrentQueueTicket, DeleteQueueRules, GetQueueRules, GetQueueTicket, GetRating, JoinQueue,
    LeaveQueue, PutQueueRules, ReportResult, ServerStartBackfill, ServerStopBackfill, SettleResult,
    StartBackfill, StopBackfill,
};
use aethex_wire::multiplayer::parties::{
    CreateParty, GetParty, JoinParty, KickFromParty, LeadParty, LeaveParty, ReadyParty,
};
use aethex_wire::multiplayer::presence::{DeleteInvite, GetPresences, ListInvites, SendInvite, SetPresence};
use aethex_wire::multiplayer::{
    CloseRoom, CreateRoom, GetRoom, JoinByCode, JoinRoom, KickPlayer, LeaveRoom, ListRooms, UpdateRoom,
};
use aethex_wire::privacy::{
    AcceptPolicy, AnswerAsParent, AskParent, CancelErasure, DownloadExport, GetExport, GetPrivacy,
    GetReceipt, ListPolicies, PutAge, PutConsent, StartErasure, StartExport,
};
use aethex_wire::saves::history::{
    BranchSave, DiffSaves, GetQuota, ListDevices, PutDevice, PutVersion, RestoreSave,
};
use aethex_wire::saves::sync::PutSaves;
use aethex_wire::saves::uploads::{
    BeginUpload, CancelUpload, CompleteUpload, GetPartChunks, GetUpload, PutChunk,
};
use aethex_wire::saves::{DeleteSave, FRAME_MEDIA_TYPE, GetPart, GetSave, ListSaves, PutSave, SaveHistory};
use aethex_wire::studio::privacy::DownloadPlayerExport;
use aethex_wire::studio::server::{ServerEndSessions, ServerGetPlayer};
use aethex_wire::{
    Access, CLIENT_KEY_HEADER, Endpoint, ErrorCode, IDEMPOTENCY_KEY_HEADER, Problem, endpoint,
};
use axum::response::IntoResponse;
use axum::{Router, routing};
use http::header;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};
use std::any::TypeId;
use std::sync::{Arc, OnceLock};

/// What avatars may be sent as.
const AVATAR_TYPES: &[&str] = &["image/png", "image/jpeg", "image/webp"];

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route(
        "/api/v1/openapi.json",
        routing::get(|| async {
            static DOCUMENT: OnceLock<String> = OnceLock::new();
            let document = DOCUMENT.get_or_init(|| document().to_string());
            let headers =
                [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")];
            (headers, document.as_str()).into_response()
        }),
    )
}

/// The document of the studio's address.
pub fn studio_document() -> Value {
    crate::studio::document()
}

/// The whole document of the players' address.
pub fn document() -> Value {
    let mut doc = Doc::new();
    doc.add::<Register>(&[]);
    doc.add::<Login>(&[]);
    doc.add::<Refresh>(&[]);
    doc.add::<Logout>(&[]);
    doc.add::<GetProfile>(&[]);
    doc.add::<PutProfile>(&[header_parameter(
        "If-Match",
        "The profile's `ETag`: refused when it changed since.",
    )]);
    doc.add::<GetPublicProfile>(&[]);
    doc.add::<GetPreferences>(&[]);
    doc.add::<PutPreferences>(&[header_parameter(
        "If-Match",
        "The preferences' `ETag`: refused when they changed since.",
    )]);
    doc.add::<PutAvatar>(&[]);
    doc.add::<DeleteAvatar>(&[]);
    doc.add::<LoginGuest>(&[]);
    doc.add::<ListIdentities>(&[]);
    doc.add::<LinkEmail>(&[]);
    doc.add::<Unlink>(&[]);
    doc.add::<MergeAccount>(&[]);
    doc.add::<ListProviders>(&[]);
    doc.add::<StartOauth>(&[]);
    doc.add::<LoginOauth>(&[]);
    doc.add::<LinkOauth>(&[]);
    doc.add::<SendVerification>(&[]);
    doc.add::<VerifyEmail>(&[]);
    doc.add::<ChangeEmail>(&[]);
    doc.add::<ChangePassword>(&[]);
    doc.add::<ForgotPassword>(&[]);
    doc.add::<ResetPassword>(&[]);
    doc.add::<ListSessions>(&[]);
    doc.add::<EndSession>(&[]);
    doc.add::<EndOtherSessions>(&[]);
    doc.add::<ListSaves>(&[]);
    doc.add::<PutSave>(&[idempotency_parameter()]);
    doc.add::<GetSave>(&[header_parameter(
        "If-None-Match",
        "The `ETag` at hand: 304 when it is still the head.",
    )]);
    doc.add::<DeleteSave>(&[]);
    doc.add::<SaveHistory>(&[]);
    doc.add::<PutSaves>(&[]);
    doc.add::<GetPart>(&[]);
    doc.add::<BeginUpload>(&[]);
    doc.add::<GetUpload>(&[]);
    doc.add::<PutChunk>(&[]);
    doc.add::<CompleteUpload>(&[]);
    doc.add::<CancelUpload>(&[]);
    doc.add::<GetPartChunks>(&[]);
    doc.add::<DiffSaves>(&[]);
    doc.add::<PutVersion>(&[]);
    doc.add::<RestoreSave>(&[idempotency_parameter()]);
    doc.add::<BranchSave>(&[idempotency_parameter()]);
    doc.add::<GetQuota>(&[]);
    doc.add::<PutDevice>(&[]);
    doc.add::<ListDevices>(&[]);
    doc.add::<ListPolicies>(&[]);
    doc.add::<AcceptPolicy>(&[]);
    doc.add::<GetPrivacy>(&[]);
    doc.add::<PutConsent>(&[]);
    doc.add::<PutAge>(&[]);
    doc.add::<AskParent>(&[]);
    doc.add::<AnswerAsParent>(&[]);
    doc.add::<StartExport>(&[]);
    doc.add::<GetExport>(&[]);
    doc.add::<DownloadExport>(&[]);
    doc.add::<StartErasure>(&[]);
    doc.add::<CancelErasure>(&[]);
    doc.add::<GetReceipt>(&[]);
    add_multiplayer(&mut doc);
    doc.add::<ServerGetPlayer>(&[]);
    doc.add::<ServerEndSessions>(&[]);
    doc.finish("AeThex Cloud", "Accounts, cloud saves and multiplayer for games.")
}

fn add_multiplayer(doc: &mut Doc) {
    doc.add::<CreateRoom>(&[]);
    doc.add::<ListRooms>(&[]);
    doc.add::<GetRoom>(&[]);
    doc.add::<UpdateRoom>(&[]);
    doc.add::<CloseRoom>(&[]);
    doc.add::<JoinRoom>(&[]);
    doc.add::<JoinByCode>(&[]);
    doc.add::<LeaveRoom>(&[]);
    doc.add::<KickPlayer>(&[]);
    doc.add::<CreateParty>(&[]);
    doc.add::<GetParty>(&[]);
    doc.add::<LeaveParty>(&[]);
    doc.add::<JoinParty>(&[]);
    doc.add::<ReadyParty>(&[]);
    doc.add::<KickFromParty>(&[]);
    doc.add::<LeadParty>(&[]);
    doc.add::<SetPresence>(&[]);
    doc.add::<GetPresences>(&[]);
    doc.add::<SendInvite>(&[]);
    doc.add::<ListInvites>(&[]);
    doc.add::<DeleteInvite>(&[]);
    doc.add::<JoinQueue>(&[]);
    doc.add::<GetQueueTicket>(&[]);
    doc.add::<CurrentQueueTicket>(&[]);
    doc.add::<LeaveQueue>(&[]);
    doc.add::<AcceptMatch>(&[]);
    doc.add::<ReportResult>(&[]);
    doc.add::<GetRating>(&[]);
    doc.add::<SettleResult>(&[]);
    doc.add::<GetQueueRules>(&[]);
    doc.add::<PutQueueRules>(&[]);
    doc.add::<DeleteQueueRules>(&[]);
    doc.add::<StartBackfill>(&[]);
    doc.add::<StopBackfill>(&[]);
    doc.add::<ServerStartBackfill>(&[]);
    doc.add::<ServerStopBackfill>(&[]);
    doc.add::<SendChat>(&[idempotency_parameter()]);
    doc.add::<ListChat>(&[]);
    doc.add::<EditChat>(&[]);
    doc.add::<DeleteChat>(&[]);
    doc.add::<ReadChat>(&[]);
    doc.add::<ListConversations>(&[]);
    doc.add::<JoinChannel>(&[]);
    doc.add::<LeaveChannel>(&[]);
    doc.add::<BlockPlayer>(&[]);
    doc.add::<UnblockPlayer>(&[]);
    doc.add::<ListBlocks>(&[]);
    doc.add::<SendReport>(&[]);
    doc.add::<ServerListReports>(&[]);
}

pub(crate) struct Doc {
    schemas: SchemaGenerator,
    paths: Map<String, Value>,
}

impl Doc {
    pub(crate) fn new() -> Doc {
        Doc {
            schemas: SchemaSettings::draft2020_12()
                .with(|settings| settings.definitions_path = "/components/schemas".into())
                .into_generator(),
            paths: Map::new(),
        }
    }

    pub(crate) fn add<E>(&mut self, more_parameters: &[Value])
    where
        E: Endpoint,
        E::Query: JsonSchema + 'static,
        E::Request: JsonSchema + 'static,
        E::Response: JsonSchema + 'static,
    {
        let mut parameters = path_parameters(E::PATH);
        parameters.extend(query_parameters(self.schemas.root_schema_for::<E::Query>()));
        if matches!(E::ACCESS, Access::Player | Access::Public) {
            parameters.push(header_parameter(
                CLIENT_KEY_HEADER,
                "The game's publishable client key; none for the default game.",
            ));
        }
        parameters.extend_from_slice(more_parameters);
        let mut operation = json!({
            "operationId": E::NAME,
            "summary": E::SUMMARY.trim(),
            "tags": [E::PATH.split('/').nth(3).unwrap_or_default()],
            "parameters": parameters,
            "responses": self.responses::<E>(),
            "security": match E::ACCESS {
                Access::Player => json!([{ "player": [] }]),
                Access::Server => json!([{ "server": [] }]),
                Access::Studio => json!([{ "studio": [] }]),
                Access::Public | Access::StudioPublic => json!([]),
            },
        });
        if TypeId::of::<E::Request>() != TypeId::of::<endpoint::None>() {
            let mut content =
                json!({ "application/json": { "schema": self.schemas.subschema_for::<E::Request>() } });
            if E::NAME == PutSave::NAME {
                content[FRAME_MEDIA_TYPE] = json!({ "schema": { "type": "string", "format": "binary" } });
            }
            operation["requestBody"] = json!({ "required": E::NAME != Logout::NAME, "content": content });
        }
        if E::NAME == PutAvatar::NAME {
            let picture = json!({ "schema": { "type": "string", "format": "binary" } });
            let content = AVATAR_TYPES.iter().map(|media_type| ((*media_type).to_owned(), picture.clone()));
            let content = Value::Object(content.collect());
            operation["requestBody"] = json!({ "required": true, "content": content });
        }
        if E::NAME == PutSaves::NAME {
            let batch = json!({ "schema": { "type": "string", "format": "binary" } });
            let content = json!({ "application/octet-stream": batch });
            operation["requestBody"] = json!({ "required": true, "content": content });
        }
        if E::NAME == PutChunk::NAME {
            let chunk = json!({ "schema": { "type": "string", "format": "binary" } });
            operation["requestBody"] =
                json!({ "required": true, "content": { "application/octet-stream": chunk } });
        }
        let path = self.paths.entry(E::PATH).or_insert_with(|| json!({}));
        path[E::METHOD.as_str().to_lowercase()] = operation;
    }

    fn responses<E>(&mut self) -> Value
    where
        E: Endpoint,
        E::Response: JsonSchema + 'static,
    {
        let problem = json!({
            "description": "A problem document (RFC 9457); branch on `code`.",
            "content": { "application/problem+json": { "schema": self.schemas.subschema_for::<Problem>() } },
        });
        let mut success = json!({ "description": "Done." });
        if TypeId::of::<E::Response>() != TypeId::of::<endpoint::None>() {
            success["content"] =
                json!({ "application/json": { "schema": self.schemas.subschema_for::<E::Response>() } });
            if E::NAME == GetSave::NAME {
                success["content"][FRAME_MEDIA_TYPE] =
                    json!({ "schema": { "type": "string", "format": "binary" } });
            }
        }
        if E::NAME == GetPart::NAME {
            success["content"] =
                json!({ "application/octet-stream": { "schema": { "type": "string", "format": "binary" } } });
        }
        if matches!(E::NAME, DownloadExport::NAME | DownloadPlayerExport::NAME) {
            success["content"] =
                json!({ "application/zip": { "schema": { "type": "string", "format": "binary" } } });
        }
        let mut responses = Map::new();
        responses.insert(E::STATUS.to_string(), success);
        if matches!(E::NAME, GetSave::NAME | GetPart::NAME) {
            responses
                .insert("304".into(), json!({ "description": "The version at hand is still the head." }));
        }
        let mut statuses: Vec<u16> =
            ErrorCode::ALL.iter().map(|code| code.status()).filter(|s| *s != 0).collect();
        statuses.sort_unstable();
        statuses.dedup();
        for status in statuses {
            responses.insert(status.to_string(), problem.clone());
        }
        Value::Object(responses)
    }

    pub(crate) fn finish(mut self, title: &str, about: &str) -> Value {
        let codes: Map<String, Value> = ErrorCode::ALL
            .iter()
            .filter(|code| code.status() != 0)
            .map(|code| {
                let about = json!({
                    "number": code.number(), "status": code.status(),
                    "retryable": code.retryable(), "meaning": code.summary().trim(),
                });
                (code.as_str().to_owned(), about)
            })
            .collect();
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": title,
                "version": env!("CARGO_PKG_VERSION"),
                "description": about,
                "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            },
            "paths": self.paths,
            "components": {
                "schemas": self.schemas.take_definitions(true),
                "securitySchemes": {
                    "player": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                    "server": { "type": "http", "scheme": "bearer", "bearerFormat": "sk_<id>.<secret>" },
                    "studio": { "type": "http", "scheme": "bearer", "bearerFormat": "st_<token>" },
                },
            },
            "x-error-codes": codes,
        })
    }
}

fn path_parameters(path: &str) -> Vec<Value> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{').and_then(|part| part.strip_suffix('}')))
        .map(|name| {
            json!({
                "name": name, "in": "path", "required": true,
                "schema": match name {
                    "environment" => json!({ "type": "string", "enum": ["dev", "live"] }),
                    name if name.ends_with("_id") && name != "save_id" => {
                        json!({ "type": "string", "format": "uuid" })
                    }
                    _ => json!({ "type": "string", "minLength": 1 }),
                },
                "description": match name {
                    "user_id" => "The player's id, as `user.id` of the login's answer.",
                    "provider" => "`password`, `device`, or a provider's name.",
                    "save_id" => "The slot's name.",
                    "environment" => "Which of the project's games.",
                    "client_key" => "The client key, `pk_…`.",
                    _ => "The id, as a list gives it.",
                },
            })
        })
        .collect()
}

fn query_parameters(schema: Schema) -> Vec<Value> {
    let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    properties
        .into_iter()
        .map(|(name, mut schema)| {
            let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            json!({ "name": name, "in": "query", "required": false, "schema": schema, "description": description })
        })
        .collect()
}

fn idempotency_parameter() -> Value {
    header_parameter(
        IDEMPOTENCY_KEY_HEADER,
        "1 to 64 visible ASCII characters: the same key with the same body gives the same answer.",
    )
}

fn header_parameter(name: &str, description: &str) -> Value {
    json!({ "name": name, "in": "header", "required": false, "schema": { "type": "string" }, "description": description })
}
