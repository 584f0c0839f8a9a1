//! How long a merge takes: CPU time of one merge, for values of about 64 KB, with what is freed after it. Merges
//! run in batches; a batch's time is its mean, and the table has the fastest batch and the one in the middle: what
//! else the machine does, caches that it empties above all, only ever adds. Decoding and encoding are not in it. Run
//! it with `cargo bench -p aethex-wire --bench merge`, one case with `-- nested` behind it.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use aethex_wire::Value;
use aethex_wire::merge::{Hlc, Merge, Policies, Side, merge};
use aethex_wire::value::encode;
use std::time::Duration;

/// How large the values are, about.
const SIZE: usize = 64 * 1024;
/// How many batches each case has, and how long each takes at least.
const BATCHES: usize = 41;
const BATCH: Duration = Duration::from_millis(15);

/// The time that this thread was on a processor.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

struct Case {
    name: &'static str,
    rules: Vec<(&'static str, &'static str)>,
    make: fn(i64) -> Value,
}

/// Counters in one dictionary; side 1 and 2 change every third field.
fn flat(side: i64) -> Value {
    let changed = |field: i64| if side > 0 && field % 3 == side { 1000 } else { 0 };
    let fields = (0..4200).map(|field| (format!("field_{field:05}"), Value::Int(field + changed(field))));
    Value::dictionary(fields)
}

/// An inventory of records; each side changes counts and adds records of its own.
fn inventory(side: i64) -> Value {
    let item = |id: i64| {
        let count = if side > 0 && id % 2 == 0 { id + side } else { id };
        Value::dictionary([
            ("id", Value::from(format!("item_{id:04}"))),
            ("count", count.into()),
            ("wear", Value::Float(0.25 * id as f64)),
            ("place", Value::Vector3([id as f32, 1.0, 2.0])),
        ])
    };
    let mut items: Vec<Value> = (0..860).map(item).collect();
    items.extend((0..side * 20).map(|id| item(2000 + side * 100 + id)));
    Value::dictionary([("inventory", Value::from(items))])
}

/// A long list of numbers with repeats; the sides edit different stretches of it.
fn list(side: i64) -> Value {
    let mut items: Vec<Value> = (0..22_000i64).map(|at| Value::Int((at * at) % 977 + 100)).collect();
    match side {
        1 => drop(items.splice(3000..3010, [Value::Int(1)])),
        2 => drop(items.splice(15_000..15_001, [Value::Int(2), Value::Int(3)])),
        _ => {}
    }
    Value::dictionary([("path", Value::from(items))])
}

/// Packed numbers, as heights of a terrain; each side changes a stretch.
fn packed(side: i64) -> Value {
    let from = side * 4000;
    let height =
        |at: i64| if side > 0 && (from..from + 500).contains(&at) { at as f32 } else { at as f32 / 7.0 };
    Value::dictionary([("heights", Value::PackedFloat32Array((0..16_000).map(height).collect()))])
}

/// Text that both sides edit.
fn text(side: i64) -> Value {
    let line = |at: i64| match at {
        at if side > 0 && at % 400 == side * 100 => format!("line {at} by {side}\n"),
        at => format!("line {at} of the diary\n"),
    };
    Value::dictionary([("diary", Value::from((0..2600).map(line).collect::<String>()))])
}

/// Several levels of dictionaries, untouched by one side.
fn nested(side: i64) -> Value {
    let level = |id: i64| {
        let best = if side == 1 && id % 5 == 0 { id + 1 } else { id };
        let stats = Value::dictionary([("best", Value::Int(best)), ("tries", Value::Int(id * 3))]);
        (format!("level_{id:04}"), Value::dictionary([("stats", stats), ("done", Value::Bool(true))]))
    };
    Value::dictionary([("worlds", Value::dictionary((0..1200).map(level)))])
}

/// The CPU time of one merge, over a batch of them.
fn batch(name: &str, input: &Merge<'_>) -> Duration {
    let (before, mut rounds) = (cpu(), 0u32);
    while cpu() - before < BATCH {
        let merged = merge(input).expect("values of one schema merge");
        assert!(merged.asks.is_empty(), "{name}: {:?}", merged.asks.len());
        std::hint::black_box(merged);
        rounds += 1;
    }
    (cpu() - before) / rounds.max(1)
}

fn main() {
    let cases = [
        Case { name: "flat dictionary, counters", rules: vec![("**.field_*", "sum")], make: flat },
        Case {
            name: "inventory, by key",
            rules: vec![("inventory", "list"), ("inventory[].count", "sum")],
            make: inventory,
        },
        Case { name: "list, edits", rules: vec![], make: list },
        Case { name: "list, appended", rules: vec![("path", "append")], make: list },
        Case { name: "list as a set", rules: vec![("path", "union")], make: list },
        Case { name: "packed floats, edits", rules: vec![], make: packed },
        Case { name: "text, line by line", rules: vec![("diary", "text")], make: text },
        Case { name: "nested, one side changed", rules: vec![("**.best", "max")], make: nested },
    ];
    println!("{:<28} {:>9} {:>12} {:>12}", "case", "bytes", "fastest, ms", "middle, ms");
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with('-')).unwrap_or_default();
    for case in cases.iter().filter(|case| case.name.contains(&wanted)) {
        let rules = case.rules.iter().map(|(path, policy)| (*path, Value::from(*policy)));
        let policies = Policies::parse(&Value::dictionary(rules)).expect("these rules are well formed");
        let [base, local, cloud] = [0, 1, 2].map(case.make);
        let size = encode(&base).map_or(0, |bytes| bytes.len());
        assert!(size.abs_diff(SIZE) < SIZE / 4, "{} has {size} bytes", case.name);
        let input = Merge {
            base: Some(Side::new(&base)),
            local: Side { hlc: Hlc::at(1), ..Side::new(&local) },
            cloud: Side { hlc: Hlc::at(2), ..Side::new(&cloud) },
            policies: &policies,
            guards: true,
        };
        let mut batches: Vec<Duration> = (0..BATCHES).map(|_| batch(case.name, &input)).collect();
        batches.sort_unstable();
        let [fastest, middle] = [batches[0], batches[BATCHES / 2]].map(|each| each.as_secs_f64() * 1000.0);
        println!("{:<28} {size:>9} {fastest:>12.3} {middle:>12.3}", case.name);
    }
}
