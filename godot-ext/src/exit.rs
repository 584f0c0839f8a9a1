//! A clean end: script code must not outlive the scripts' language.
//!
//! The engine frees the languages before it frees what extensions registered. A lambda that is connected to
//! a signal of an engine singleton, and captures no `self`, belongs to nobody else: it would be freed after
//! its language, which corrupts the heap. So all connections go while the scene tree does.

use crate::cloud::AeThexCloud;
use godot::builtin::{Callable, StringName, Variant};
use godot::classes::Object;
use godot::obj::{Gd, Singleton};

/// Disconnects everything from the signals of the service objects.
pub(crate) fn disconnect_scripts() {
    let cloud = AeThexCloud::singleton();
    let services = cloud.bind().services();
    disconnect_all(cloud.upcast());
    services.into_iter().for_each(disconnect_all);
}

fn disconnect_all(mut object: Gd<Object>) {
    for signal in object.get_signal_list().iter_shared() {
        let Some(name) = field::<StringName>(signal.get("name")) else { continue };
        for connection in object.get_signal_connection_list(&name).iter_shared() {
            let Some(callable) = field::<Callable>(connection.get("callable")) else { continue };
            object.disconnect(&name, &callable);
        }
    }
}

fn field<T: godot::meta::FromGodot>(value: Option<Variant>) -> Option<T> {
    value.and_then(|value| value.try_to_relaxed().ok())
}
