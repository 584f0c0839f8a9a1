//! The GDExtension: `AeThexCloud` for games made with Godot 4.3 and later.
//!
//! A thin layer over [`aethex_sdk_core`]. It converts values at the edge ([`convert`]), turns each call into
//! a signal to await ([`call`]), and brings completions and events to the main thread once a frame
//! ([`runtime`]). It holds no logic of accounts or saves; that is the SDK's.
//!
//! One rule keeps it sound: no class is ever bound mutably after its construction, and no state is
//! borrowed while script code may run (emitting a signal, dropping an object). A script may therefore call
//! anything from any handler.

#![expect(unreachable_pub, reason = "the bindings write public accessors of properties")]
#![expect(unsafe_code, reason = "the entry point, a marker trait of the bindings, the system's loader")]

mod auth;
mod call;
mod cloud;
mod convert;
mod error;
mod error_codes;
mod exit;
mod multiplayer;
mod optional;
mod pin;
mod privacy;
mod result;
mod runtime;
mod saves;
mod settings;
mod user;
mod watcher;

use godot::init::{ExtensionLibrary, InitStage, gdextension};

#[derive(Debug)]
struct AeThexExtension;

// SAFETY: the macro writes the entry point; the trait asks for nothing more than to be used with it.
#[gdextension]
unsafe impl ExtensionLibrary for AeThexExtension {
    fn on_stage_init(stage: InitStage) {
        if stage == InitStage::Scene {
            runtime::begin();
            settings::register();
            if !godot::init::is_editor_hint() {
                pin::stay_loaded();
            }
        }
    }

    fn on_stage_deinit(stage: InitStage) {
        if stage == InitStage::Scene {
            runtime::shut_down();
        }
    }
}
