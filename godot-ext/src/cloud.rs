//! `AeThexCloud`: the engine singleton that a game sees.

use crate::auth::AeThexAuth;
use crate::multiplayer::AeThexMultiplayer;
use crate::privacy::AeThexPrivacy;
use crate::result::{AeThexResult, Fields};
use crate::runtime;
use crate::saves::AeThexSaves;
use crate::settings::Options;
use crate::watcher::AeThexWatcher;
use godot::builtin::{Callable, GString, Variant};
use godot::classes::node::InternalMode;
use godot::classes::{Engine, IObject, Object, SceneTree};
use godot::meta::ToGodot;
use godot::obj::{Base, Gd, NewAlloc, Singleton};
use godot::register::{GodotClass, godot_api};
use std::cell::Cell;

/// How often the start waits for the scene tree before it leaves that to the first call.
const BOOT_TRIES_MAX: i64 = 8;

/// Accounts, cloud saves, multiplayer and privacy for games.
///
/// An engine singleton: `AeThexCloud` is there in every script, without an autoload. Where the server is
/// comes from [method configure] or the project settings under *AeThex Cloud*.
#[derive(Debug, GodotClass)]
#[class(singleton, base=Object)]
pub(crate) struct AeThexCloud {
    /// Accounts and the player's session.
    #[var(no_set)]
    auth: Gd<AeThexAuth>,
    /// Cloud saves.
    #[var(no_set)]
    saves: Gd<AeThexSaves>,
    /// Rooms, matches, parties, chat, presence.
    #[var(no_set)]
    multiplayer: Gd<AeThexMultiplayer>,
    /// Policies, consents, export and erasure.
    #[var(no_set)]
    privacy: Gd<AeThexPrivacy>,
    base: Base<Object>,
}

#[godot_api]
impl IObject for AeThexCloud {
    fn init(base: Base<Object>) -> Self {
        base.to_init_gd().call_deferred("_boot", &[]);
        // Not counted: a script function that is freed while it awaits leaves what it had at hand behind, and
        // would keep a counted service alive for ever. `free_services` is the other end.
        AeThexCloud {
            auth: AeThexAuth::new_alloc(),
            saves: AeThexSaves::new_alloc(),
            multiplayer: AeThexMultiplayer::new_alloc(),
            privacy: AeThexPrivacy::new_alloc(),
            base,
        }
    }

    fn to_string(&self) -> GString {
        GString::from("<AeThexCloud>")
    }
}

#[godot_api]
impl AeThexCloud {
    /// The backend can be reached, or no longer.
    #[signal]
    fn online_changed(online: bool);

    /// Sets where the server is and how to reach it, and starts anew with that.
    ///
    /// Keys, all optional: `server_url`, `client_key`, `data_dir` (`user://aethex_cloud`), `device_name`,
    /// `app_version`, `credentials` (`"auto"`, `"file"` or `"memory"`), `request_timeout` (seconds),
    /// `auto_sync`. What is left out comes from the project settings. Answers at once: the result says what
    /// is wrong with the settings.
    #[func]
    fn configure(&self, options: Variant) -> Gd<AeThexResult> {
        let outcome = Options::parse(&options).and_then(runtime::configure);
        AeThexResult::of(outcome.map(|()| Fields::default()))
    }

    /// The version of the addon.
    #[func]
    fn version(&self) -> GString {
        GString::from(env!("CARGO_PKG_VERSION"))
    }

    /// Whether the backend answered lately; false before the first answer.
    #[func]
    fn is_online(&self) -> bool {
        runtime::is_online()
    }

    #[func(gd_self)]
    fn _boot(mut this: Gd<Self>, #[opt(default = 0)] tries: i64) {
        if !Self::hook() {
            if tries < BOOT_TRIES_MAX {
                this.call_deferred("_boot", &[Variant::from(tries + 1)]);
            }
            return;
        }
        if !Engine::singleton().is_editor_hint() {
            runtime::start_if_configured();
        }
    }

    #[func(gd_self)]
    fn _on_process_frame(_this: Gd<Self>) {
        runtime::process();
    }

    #[func(gd_self)]
    fn _on_root_exiting(_this: Gd<Self>) {
        runtime::leave();
    }
}

impl AeThexCloud {
    /// `auth`; none when a script has freed it.
    pub(crate) fn auth_service(&self) -> Option<Gd<Object>> {
        self.auth.is_instance_valid().then(|| self.auth.clone().upcast())
    }

    /// `saves`; none when a script has freed it.
    pub(crate) fn saves_service(&self) -> Option<Gd<Object>> {
        self.saves.is_instance_valid().then(|| self.saves.clone().upcast())
    }

    /// `multiplayer`; none when a script has freed it.
    pub(crate) fn multiplayer_service(&self) -> Option<Gd<AeThexMultiplayer>> {
        self.multiplayer.is_instance_valid().then(|| self.multiplayer.clone())
    }

    /// Every service that no script has freed.
    pub(crate) fn services(&self) -> Vec<Gd<Object>> {
        let privacy = self.privacy.is_instance_valid().then(|| self.privacy.clone().upcast());
        let multiplayer = self.multiplayer_service();
        let multiplayer = multiplayer.iter().flat_map(AeThexMultiplayer::services);
        [self.auth_service(), self.saves_service(), privacy]
            .into_iter()
            .flatten()
            .chain(multiplayer)
            .collect()
    }

    /// Frees the services, before the library goes.
    pub(crate) fn free_services() {
        let this = AeThexCloud::singleton();
        let services = this.bind().services();
        // One may have gone with another.
        for service in services {
            if service.is_instance_valid() {
                service.free();
            }
        }
    }

    /// Connects to the scene tree's frames and its end, once. False when there is no scene tree yet.
    pub(crate) fn hook() -> bool {
        thread_local! {
            static HOOKED: Cell<bool> = const { Cell::new(false) };
        }
        if !HOOKED.get() {
            HOOKED.set(Self::connect_to_tree());
        }
        HOOKED.get()
    }

    fn connect_to_tree() -> bool {
        let main_loop = Engine::singleton().get_main_loop();
        let Some(mut tree) = main_loop.and_then(|main_loop| main_loop.try_cast::<SceneTree>().ok()) else {
            return false;
        };
        let this = AeThexCloud::singleton();
        let on_frame = Callable::from_object_method(&this, "_on_process_frame");
        if !tree.is_connected("process_frame", &on_frame) {
            tree.connect("process_frame", &on_frame);
        }
        let on_exit = Callable::from_object_method(&this, "_on_root_exiting");
        match tree.get_root() {
            Some(mut root) if !root.is_connected("tree_exiting", &on_exit) => {
                root.connect("tree_exiting", &on_exit);
                if !Engine::singleton().is_editor_hint() {
                    // Later: the tree may be in the middle of its own setup.
                    let watcher = AeThexWatcher::new_alloc();
                    let arguments =
                        [watcher.to_variant(), false.to_variant(), InternalMode::BACK.to_variant()];
                    root.call_deferred("add_child", &arguments);
                }
                true
            }
            Some(_) => true,
            None => false,
        }
    }
}
