//! The merge, policy by policy and as a whole.

mod basics;
mod cases;
mod clocks;
mod declared;
mod laws;

use super::*;
use serde_json::json;

/// A value as JSON has it.
fn v(json: serde_json::Value) -> Value {
    serde_json::from_value(json).unwrap()
}

fn rules(json: serde_json::Value) -> Policies {
    Policies::parse(&v(json)).unwrap()
}

/// Two sides that were saved one after the other: the cloud's later.
struct Pair {
    base: Option<Value>,
    local: Value,
    cloud: Value,
    rules: Policies,
}

impl Pair {
    fn new(
        rules: Policies,
        base: serde_json::Value,
        local: serde_json::Value,
        cloud: serde_json::Value,
    ) -> Pair {
        Pair { base: Some(v(base)), local: v(local), cloud: v(cloud), rules }
    }

    fn without_base(rules: Policies, local: serde_json::Value, cloud: serde_json::Value) -> Pair {
        Pair { base: None, local: v(local), cloud: v(cloud), rules }
    }

    fn sides(&self) -> Merge<'_> {
        Merge {
            base: self.base.as_ref().map(|value| Side { playtime_ms: 1000, ..Side::new(value) }),
            local: Side { hlc: Hlc::at(10), device: "desk", playtime_ms: 5000, ..Side::new(&self.local) },
            cloud: Side { hlc: Hlc::at(20), device: "phone", playtime_ms: 3000, ..Side::new(&self.cloud) },
            policies: &self.rules,
            guards: true,
        }
    }

    fn merge(&self) -> Merged {
        merge(&self.sides()).unwrap()
    }

    /// The merged value, as JSON, when nothing is asked.
    fn settled(&self) -> serde_json::Value {
        let merged = self.merge();
        assert!(merged.asks.is_empty(), "{:?}", merged.asks);
        serde_json::to_value(&merged.value).unwrap()
    }

    fn asked(&self) -> Vec<String> {
        self.merge().asks.iter().map(|ask| ask.path.to_string()).collect()
    }
}
