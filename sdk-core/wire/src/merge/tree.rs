//! A merged value with the places that still need an answer.

use super::items::{Shape, rebuild};
use super::{Ask, Choice, Which};
use crate::value::{Dictionary, ElementType, Value};

/// A part of a merged value.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// Settled.
    Value(Value),
    /// A dictionary with something open in it.
    Dictionary { key: ElementType, value: ElementType, entries: Vec<(Value, Node)> },
    /// An array with something open in it.
    Array { shape: Shape, items: Vec<Node> },
    /// Open: the ask, and which field of a group it is.
    Ask { ask: usize, member: Option<usize> },
}

/// The entries of a dictionary while it is merged: plain ones for as long as all are settled.
#[derive(Debug)]
pub(super) enum Entries {
    Settled(Vec<(Value, Value)>),
    Open(Vec<(Value, Node)>),
}

impl Entries {
    pub(super) fn with_capacity(len: usize) -> Entries {
        Entries::Settled(Vec::with_capacity(len))
    }

    pub(super) fn push(&mut self, key: Value, node: Node) {
        match (&mut *self, node) {
            (Entries::Settled(entries), Node::Value(value)) => entries.push((key, value)),
            (Entries::Open(entries), node) => entries.push((key, node)),
            (Entries::Settled(entries), node) => {
                let settled = std::mem::take(entries).into_iter();
                let settled = settled.map(|(key, value)| (key, Node::Value(value)));
                *self = Entries::Open(settled.chain([(key, node)]).collect());
            }
        }
    }

    pub(super) fn dictionary(self, (key, value): (ElementType, ElementType)) -> Node {
        match self {
            Entries::Settled(entries) => Node::Value(Value::Dictionary(Dictionary { key, value, entries })),
            Entries::Open(entries) => Node::Dictionary { key, value, entries },
        }
    }
}

impl Node {
    /// An array; settled when all its items are.
    pub(super) fn array(shape: Shape, items: Vec<Node>) -> Node {
        if items.iter().any(|node| !matches!(node, Node::Value(_))) {
            return Node::Array { shape, items };
        }
        Node::Value(rebuild(shape, items.into_iter().filter_map(Node::settled).collect()))
    }

    fn settled(self) -> Option<Value> {
        match self {
            Node::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The value with the answers so far, the cloud's where there is none; nothing where a field is gone.
    pub(super) fn build(&self, asks: &[Ask], answers: &[Option<Choice>]) -> Option<Value> {
        Some(match self {
            Node::Value(value) => value.clone(),
            Node::Dictionary { key, value, entries } => {
                let entries = entries.iter();
                let built = entries.filter_map(|(k, node)| Some((k.clone(), node.build(asks, answers)?)));
                Value::Dictionary(Dictionary { key: *key, value: *value, entries: built.collect() })
            }
            Node::Array { shape, items } => {
                rebuild(*shape, items.iter().filter_map(|node| node.build(asks, answers)).collect())
            }
            Node::Ask { ask, member } => {
                let (open, answer) = (&asks[*ask], answers[*ask].as_ref());
                let side = match answer {
                    Some(Choice::Value(value)) => Some(value),
                    Some(Choice::Local) => open.side(Which::Local),
                    Some(Choice::Cloud) | None => open.side(Which::Cloud),
                }?;
                match member {
                    None => side.clone(),
                    Some(member) => side.get(&open.paths().nth(*member)?.to_string())?.clone(),
                }
            }
        })
    }
}
