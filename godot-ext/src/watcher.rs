//! What the system tells nodes only: that the game goes to the background, comes back, or is closed.

use crate::runtime;
use godot::classes::notify::NodeNotification;
use godot::classes::{INode, Node};
use godot::obj::Base;
use godot::register::{GodotClass, godot_api};

/// A node at the root of the scene tree that hears the system. Scripts that walk the tree do not see it.
#[derive(Debug, GodotClass)]
#[class(tool, init, internal, base=Node)]
pub(crate) struct AeThexWatcher {
    base: Base<Node>,
}

#[godot_api]
impl INode for AeThexWatcher {
    fn on_notification(&mut self, what: NodeNotification) {
        match what {
            NodeNotification::APPLICATION_PAUSED | NodeNotification::WM_CLOSE_REQUEST => {
                runtime::in_background(true);
            }
            NodeNotification::APPLICATION_RESUMED => runtime::in_background(false),
            _ => {}
        }
    }
}
