//! One binary for every test that needs more than one crate.
//!
//! Each module is a feature or a boundary. Tests make their own server and data, run in any order and at
//! once, and wait for conditions, never for time. See `aethex_tests` for what they stand on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop and say where")]

mod accounts;
mod attacks;
mod auth;
mod backfill;
mod blobs;
mod chaos;
mod chat;
mod components;
mod deletes;
mod edge;
mod encryption;
mod faults;
mod ffi;
mod ffi_accounts;
mod ffi_multiplayer;
mod godot;
mod godot_example;
mod godot_multiplayer;
mod history;
mod keyring;
mod mail;
mod mailbox;
mod matchmaking;
mod network;
mod oauth;
mod openapi;
mod parties;
mod presence;
mod privacy;
mod profile;
mod proof;
mod relay;
mod rooms;
mod rotation;
mod saves;
mod sdk;
mod sdk_accounts;
mod sdk_multiplayer;
mod sdk_saves;
mod simulation;
mod studio;
mod tenancy;
mod tidy;
mod transfer;
mod uploads;
