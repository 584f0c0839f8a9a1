//! Retention: what of a slot's past is kept, and how the rest goes.

mod rules;
#[cfg(test)]
mod tests;
