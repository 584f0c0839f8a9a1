//! The Godot extension, in the real engine.
