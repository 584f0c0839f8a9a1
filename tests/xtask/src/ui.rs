//! What the terminal shows: one line a step, with its elapsed time.
//!
//! A step prints its name when it begins (on a terminal, so that a long one is explained) and its outcome when
//! it ends. Output that is not a terminal gets the second line only.

use crate::Result;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Width of a step's name.
const NAME_WIDTH: usize = 34;

/// A heading between groups of steps.
pub(crate) fn heading(text: &str) {
    println!("\n== {text}");
}

/// A line that belongs to the step before.
pub(crate) fn note(text: &str) {
    println!("     {text}");
}

/// Runs `work` as a step; its text is the outcome shown, such as a version or a path.
pub(crate) fn step(name: &str, work: impl FnOnce() -> Result<String>) -> Result<String> {
    let live = std::io::stdout().is_terminal();
    if live {
        print!("  .. {name:NAME_WIDTH$}");
        flush();
    }
    let began = Instant::now();
    let outcome = work();
    let seconds = seconds(began.elapsed());
    if live {
        print!("\r\x1b[2K");
    }
    match &outcome {
        Ok(said) => println!("  ok {name:NAME_WIDTH$} {seconds:>8}  {said}"),
        Err(_) => println!("  !! {name:NAME_WIDTH$} {seconds:>8}"),
    }
    flush();
    outcome
}

/// `12.3 s`
pub(crate) fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}

/// Lines held back by a pipe would arrive out of order with the children's.
fn flush() {
    // A closed terminal is no reason to stop the work.
    let _ = std::io::stdout().flush();
}
