//! Rounds against the clock: a small game's state, changed and saved again and again.

use crate::FLUSH_TIMEOUT;
use aethex_sdk_core::{Cloud, Content, Error, Resolution, SaveOptions};
use aethex_wire::value::{Array, Dictionary, ElementType};
use aethex_wire::{ErrorCode, Value};
use std::time::{Duration, Instant};

/// What the player carries at most: the oldest thing is dropped, so the save stays small.
const INVENTORY_MAX: usize = 16;
/// Milliseconds of played time that a round stands for.
const ROUND_MS: i64 = 1000;

/// What a game keeps.
#[derive(Debug, Clone, Default, PartialEq)]
struct State {
    round: i64,
    position: [f32; 3],
    inventory: Vec<String>,
}

/// Plays the rounds and prints what they took.
pub(crate) fn play(cloud: &Cloud, slot: &str, rounds: u32, verify: bool) -> Result<(), Error> {
    let saves = cloud.saves();
    let mut state = read(cloud, slot)?;
    let (mut times, mut queued, mut conflicts) = (Vec::with_capacity(rounds as usize), 0u32, 0u32);
    let began = Instant::now();
    for _ in 0..rounds {
        state.advance();
        let options = SaveOptions { playtime_ms: state.round * ROUND_MS, ..SaveOptions::default() };
        let start = Instant::now();
        let saved = cloud.block_on(saves.save(slot, Content::Value(state.to_value()), options));
        match saved {
            Ok(saved) => {
                times.push(start.elapsed());
                queued += u32::from(saved.queued);
            }
            // Another device played on: go on from there.
            Err(error) if error.code == ErrorCode::SavesConflict => {
                conflicts += 1;
                cloud.block_on(saves.resolve(slot, Resolution::KeepCloud))?;
                state = read(cloud, slot)?;
                continue;
            }
            Err(error) => return Err(error),
        }
        if verify {
            let found = read(cloud, slot)?;
            if found != state {
                let message = format!("round {} came back as {found:?}, not {state:?}", state.round);
                return Err(Error::new(ErrorCode::HashMismatch, message));
            }
        }
    }
    cloud.block_on(saves.flush(FLUSH_TIMEOUT))?;
    let elapsed = began.elapsed();
    times.sort_unstable();
    println!("{} of {rounds} rounds saved in {slot}, now at round {}", times.len(), state.round);
    println!(
        "{:.1} rounds/s, {queued} queued, {conflicts} conflicts",
        f64::from(rounds) / elapsed.as_secs_f64()
    );
    let [p50, p95, p99, max] = [50, 95, 99, 100].map(|percent| in_ms(percentile(&times, percent)));
    println!("save p50 {p50:.2} ms, p95 {p95:.2} ms, p99 {p99:.2} ms, max {max:.2} ms");
    Ok(())
}

fn read(cloud: &Cloud, slot: &str) -> Result<State, Error> {
    match cloud.block_on(cloud.saves().load(slot)) {
        Ok(loaded) => match loaded.content {
            Content::Value(value) => Ok(State::from_value(&value)),
            Content::Bytes(_) => Err(Error::new(
                ErrorCode::InvalidArgument,
                format!("{slot} holds bytes, which are not this bot's: choose another with --slot"),
            )),
        },
        Err(error) if error.code == ErrorCode::SaveNotFound => Ok(State::default()),
        Err(error) => Err(error),
    }
}

impl State {
    fn advance(&mut self) {
        self.round += 1;
        let angle = self.round as f32 * 0.1;
        self.position = [10.0 * angle.cos(), 0.0, 10.0 * angle.sin()];
        self.inventory.push(format!("gem {}", self.round));
        if self.inventory.len() > INVENTORY_MAX {
            self.inventory.remove(0);
        }
    }

    fn to_value(&self) -> Value {
        let items = self.inventory.iter().cloned().map(Value::String).collect();
        let entries = [
            ("round", Value::Int(self.round)),
            ("position", Value::Vector3(self.position)),
            ("inventory", Value::Array(Array { element: ElementType::ANY, items })),
        ];
        let entries = entries.map(|(key, value)| (Value::String(key.to_owned()), value)).into();
        Value::Dictionary(Dictionary { key: ElementType::ANY, value: ElementType::ANY, entries })
    }

    /// The state in a save; what is missing or of another type stays as in a new game.
    fn from_value(value: &Value) -> State {
        let mut state = State::default();
        let Value::Dictionary(pairs) = value else { return state };
        for (key, value) in &pairs.entries {
            let (Value::String(key) | Value::StringName(key)) = key else { continue };
            match (key.as_str(), value) {
                ("round", Value::Int(round)) => state.round = *round,
                ("position", Value::Vector3(position)) => state.position = *position,
                ("inventory", Value::Array(list)) => {
                    let name = |item: &Value| match item {
                        Value::String(name) => Some(name.clone()),
                        _ => None,
                    };
                    state.inventory = list.items.iter().filter_map(name).collect();
                }
                _ => {}
            }
        }
        state
    }
}

/// The smallest time that so many per cent of the sorted times do not exceed; zero for none.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

fn in_ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_survives_its_save() {
        let mut state = State::default();
        for _ in 0..40 {
            state.advance();
        }
        assert_eq!(state.inventory.len(), INVENTORY_MAX);
        assert_eq!(State::from_value(&state.to_value()), state);
        assert_eq!(State::from_value(&Value::Null), State::default());
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let times: Vec<Duration> = (1..=10).map(Duration::from_millis).collect();
        let at = |percent| percentile(&times, percent).as_millis();
        assert_eq!([at(1), at(50), at(95), at(100)], [1, 5, 10, 10]);
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }
}
