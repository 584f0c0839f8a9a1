//! The C interface of AeThex Cloud: accounts, privacy, saves and multiplayer for engines other than Godot.
//!
//! Each feature's file holds its C functions; `call` turns a core future and a C callback into a request;
//! `handle`, `strings` and `error` are the border: numbers instead of pointers, checked memory, codes
//! instead of panics. The contract that C programs read is the header, `include/aethex_cloud.h`, which is
//! generated from these sources; its opening comment says what callers promise. Every `SAFETY` comment
//! that names "the header" leans on that: a pointer is null, or valid for the stated length and time.

#![expect(unsafe_code, reason = "this crate is the border to C")]
#![expect(non_camel_case_types, reason = "the header has the names of C")]
#![expect(unreachable_pub, reason = "the public surface is the header, generated from the public items")]

mod auth;
mod call;
mod cloud;
mod error;
mod events;
mod handle;
mod multiplayer;
mod privacy;
mod saves;
mod strings;
#[cfg(test)]
mod tests;
mod value;
