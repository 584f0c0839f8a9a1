//! An argument that a script may leave out, of any type.
//!
//! Arguments are taken as variants, so that a wrong type becomes a result with `success = false` and not an
//! error of the script. The bindings allow defaults for immutable types only; this one is.

use godot::builtin::Variant;
use godot::meta::conv::ByValue;
use godot::meta::error::ConvertError;
use godot::meta::shape::GodotShape;
use godot::meta::{FromGodot, GodotConvert, GodotImmutable, ToGodot};

/// What was passed; null when nothing was.
#[derive(Debug, Clone, Default)]
pub(crate) struct Optional(Variant);

impl Optional {
    /// The argument, unless it is left out or null.
    pub(crate) fn given(&self) -> Option<&Variant> {
        Some(&self.0).filter(|value| !value.is_nil())
    }
}

impl GodotConvert for Optional {
    type Via = Variant;

    fn godot_shape() -> GodotShape {
        Variant::godot_shape()
    }
}

impl ToGodot for Optional {
    type Pass = ByValue;

    fn to_godot(&self) -> Variant {
        self.0.clone()
    }
}

impl FromGodot for Optional {
    fn try_from_godot(via: Variant) -> Result<Self, ConvertError> {
        Ok(Optional(via))
    }
}

// SAFETY: the only default made of it is null, which is a copy without shared parts.
unsafe impl GodotImmutable for Optional {}
