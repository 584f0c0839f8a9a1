//! The merge of one conflict: pure, contents in, verdict out. The game's own functions run in here.

use super::entries::{EntryMeta, Stamp, joined, meta_of};
use super::types::{Ask, Content, Definition, Question};
use aethex_wire::merge::{
    BytesSide, Choice, Decider, Facts, Merge, Merged, Meta, Pick, Side, Suspicion, commit, merge_bytes,
    merge_with,
};
use aethex_wire::saves::{Part, SaveVersion};
use aethex_wire::value::Value;

/// One of the versions of a merge.
#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) content: Content,
    /// Of the content as it is stored: encrypted contents have their own.
    pub(super) hash: String,
    pub(super) size_bytes: i64,
    pub(super) meta: Meta,
    pub(super) stamp: Stamp,
    pub(super) parts: Vec<Part>,
}

impl Version {
    pub(super) fn of_entry(meta: &EntryMeta, content: Content) -> Version {
        Version {
            content,
            hash: meta.shape.hash.clone(),
            size_bytes: meta.shape.size_bytes,
            meta: meta.for_merge(),
            stamp: meta.stamp.clone(),
            parts: meta.parts.clone(),
        }
    }

    pub(super) fn of_version(version: &SaveVersion, content: Content) -> Version {
        Version {
            content,
            hash: version.hash.clone(),
            size_bytes: version.size_bytes,
            meta: meta_of(version),
            stamp: Stamp::of(version),
            parts: version.parts.clone(),
        }
    }

    fn value(&self) -> Option<&Value> {
        match &self.content {
            Content::Value(value) => Some(value),
            Content::Bytes(_) => None,
        }
    }

    fn facts(&self) -> Facts {
        let is_empty = match &self.content {
            Content::Bytes(bytes) => bytes.is_empty(),
            Content::Value(Value::Null) => true,
            Content::Value(Value::Dictionary(dictionary)) => dictionary.entries.is_empty(),
            Content::Value(Value::Array(array)) => array.items.is_empty(),
            Content::Value(_) => false,
        };
        Facts {
            size_bytes: self.size_bytes,
            playtime_ms: self.meta.playtime_ms,
            schema: self.meta.schema,
            is_empty,
        }
    }
}

/// The three versions of a conflict.
#[derive(Debug, Clone)]
pub(super) struct Sides {
    pub(super) base: Option<Version>,
    pub(super) local: Version,
    /// None when the slot was deleted in the cloud.
    pub(super) cloud: Option<Version>,
}

/// How far a merge goes.
#[derive(Debug, Clone)]
pub(super) enum Verdict {
    /// One of the sides is to be picked, or a content made of both.
    Pick,
    /// A content that needs nobody.
    Done(Content),
    /// Values, with fields that need an answer.
    Ask(Box<Merged>),
}

impl Verdict {
    pub(super) fn asks(&self) -> Vec<Ask> {
        let Verdict::Ask(merged) = self else { return Vec::new() };
        merged
            .asks
            .iter()
            .map(|ask| Ask {
                path: ask.path.to_string(),
                also: ask.also.iter().map(ToString::to_string).collect(),
                base: ask.base.clone(),
                local: ask.local.clone(),
                cloud: ask.cloud.clone(),
            })
            .collect()
    }

    pub(super) fn suspicions(&self) -> Vec<Suspicion> {
        let Verdict::Ask(merged) = self else { return Vec::new() };
        merged.suspicions.iter().map(|(_, suspicion)| *suspicion).collect()
    }
}

/// Brings a version's value up to the definition's schema; the words of the game when it cannot.
pub(super) fn migrate(definition: &Definition, version: &mut Version) -> Result<(), String> {
    let found = version.meta.schema;
    if found >= definition.schema {
        return Ok(());
    }
    if let (Some(migrate), Content::Value(value)) = (&definition.migrate, &version.content) {
        version.content = Content::Value(migrate(value.clone(), found)?);
    }
    version.meta.schema = definition.schema;
    Ok(())
}

/// Merges, as far as it goes without anybody.
pub(super) fn merge(definition: &Definition, sides: &mut Sides) -> Verdict {
    let Some(cloud) = &mut sides.cloud else { return Verdict::Pick };
    let local = &mut sides.local;
    let newest = local.meta.schema.max(cloud.meta.schema);
    let counts = definition.schema > 0 || local.meta.schema != cloud.meta.schema;
    if counts && newest > definition.schema {
        // Made by a newer version of the game: this one does not know what its fields mean.
        return Verdict::Pick;
    }
    if local.value().is_none() || cloud.value().is_none() {
        return pick_bytes(definition, sides);
    }
    for version in [Some(&mut *local), Some(&mut *cloud), sides.base.as_mut()].into_iter().flatten() {
        if let Err(why) = migrate(definition, version) {
            tracing::warn!(why, "a save cannot be migrated: it is not merged");
            return Verdict::Pick;
        }
    }
    // A base of another schema than both sides have, without a definition: nothing can be said about it.
    let schema = local.meta.schema;
    let base = sides.base.as_ref().filter(|base| base.meta.schema == schema);
    let (Some(local_side), Some(cloud_side)) = (side(local), side(cloud)) else { return Verdict::Pick };
    let input = Merge {
        base: base.and_then(side),
        local: local_side,
        cloud: cloud_side,
        policies: &definition.policies,
        guards: true,
    };
    let mut custom = |asked: &aethex_wire::merge::Custom<'_>| {
        let path = asked.path.to_string();
        let (base, local, cloud) = (asked.base, asked.local, asked.cloud);
        definition.custom.as_ref()?(&Question { name: asked.name, path: &path, base, local, cloud })
    };
    match merge_with(&input, &mut custom) {
        Ok(merged) if merged.asks.is_empty() => Verdict::Done(Content::Value(merged.value)),
        Ok(merged) => Verdict::Ask(Box::new(merged)),
        Err(error) => {
            tracing::warn!(%error, "two saves cannot be merged");
            Verdict::Pick
        }
    }
}

fn side(version: &Version) -> Option<Side<'_>> {
    Some(Side {
        value: version.value()?,
        hlc: version.meta.hlc,
        device: &version.meta.device,
        playtime_ms: version.meta.playtime_ms,
        schema: version.meta.schema,
    })
}

fn bytes_side(version: &Version) -> BytesSide<'_> {
    BytesSide {
        hash: &version.hash,
        hlc: version.meta.hlc,
        device: &version.meta.device,
        facts: version.facts(),
    }
}

/// Contents that cannot be looked into: one side as a whole.
fn pick_bytes(definition: &Definition, sides: &Sides) -> Verdict {
    let Some(cloud) = &sides.cloud else { return Verdict::Pick };
    let base = sides.base.as_ref().map(|base| base.hash.as_str());
    match merge_bytes(base, &bytes_side(&sides.local), &bytes_side(cloud), definition.bytes) {
        Pick::Local => Verdict::Done(sides.local.content.clone()),
        Pick::Cloud => Verdict::Done(cloud.content.clone()),
        Pick::Ask => Verdict::Pick,
    }
}

/// The merge with answers, or why they do not fit: the paths without one.
pub(super) fn answer(merged: &mut Merged, answers: &[(String, Choice)]) -> Result<(), Unfit> {
    for (text, choice) in answers {
        let asked = merged.asks.iter().flat_map(|ask| ask.paths()).find(|path| path.to_string() == *text);
        let path = asked.cloned().ok_or_else(|| Unfit::Answer(format!("nothing is asked about {text:?}")))?;
        merged.answer(&path, choice.clone()).map_err(|error| Unfit::Answer(error.to_string()))?;
    }
    let open: Vec<String> = merged.open().map(|ask| ask.path.to_string()).collect();
    if open.is_empty() { Ok(()) } else { Err(Unfit::Open(open)) }
}

/// What is wrong with answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unfit {
    /// One of them, in words.
    Answer(String),
    /// These paths have none.
    Open(Vec<String>),
}

/// What is noted beside the merge; the same on every device that merges the same two.
pub(super) fn noted(definition: &Definition, sides: &Sides) -> EntryMeta {
    let local = &sides.local;
    let Some(cloud) = &sides.cloud else {
        return EntryMeta {
            label: local.meta.label.clone(),
            playtime_ms: local.meta.playtime_ms,
            schema: local.meta.schema,
            parts: local.parts.clone(),
            ..EntryMeta::default()
        };
    };
    let meta = commit(&local.meta, &cloud.meta);
    EntryMeta {
        label: meta.label,
        playtime_ms: meta.playtime_ms,
        device_name: meta.device_name,
        saved_at_ms: meta.saved_at_ms,
        schema: meta.schema,
        app_version: meta.app_version,
        stamp: Stamp {
            device_id: meta.device,
            device_clock: joined(&local.stamp.device_clock, &cloud.stamp.device_clock),
            hlc: meta.hlc.0,
        },
        parts: merge_parts(definition.parts, sides.base.as_ref(), local, cloud),
        ..EntryMeta::default()
    }
}

/// The parts of both sides: a part that one side changed is that side's; one that both changed is decided.
fn merge_parts(decider: Decider, base: Option<&Version>, local: &Version, cloud: &Version) -> Vec<Part> {
    let find = |version: &Version, name: &str| version.parts.iter().find(|part| part.name == name).cloned();
    let mut names: Vec<&str> =
        local.parts.iter().chain(&cloud.parts).map(|part| part.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let local_wins = wins(decider, local, cloud);
    let merged = names.into_iter().filter_map(|name| {
        let before = base.and_then(|base| find(base, name));
        match (find(local, name), find(cloud, name)) {
            (ours, theirs) if ours == theirs => theirs,
            (ours, theirs) if ours == before && base.is_some() => theirs,
            (ours, theirs) if theirs == before && base.is_some() => ours,
            // Removed on one side, changed on the other: what was made is kept.
            (Some(ours), None) => Some(ours),
            (None, theirs) => theirs,
            (ours, theirs) => {
                if local_wins {
                    ours
                } else {
                    theirs
                }
            }
        }
    });
    merged.take(aethex_wire::saves::PARTS_MAX).collect()
}

/// Whether the local side wins as a whole.
fn wins(decider: Decider, local: &Version, cloud: &Version) -> bool {
    let later = |version: &Version| (version.meta.hlc, version.meta.device.clone(), version.hash.clone());
    match decider {
        Decider::Local => true,
        Decider::Cloud => false,
        Decider::Playtime if local.meta.playtime_ms != cloud.meta.playtime_ms => {
            local.meta.playtime_ms > cloud.meta.playtime_ms
        }
        Decider::Latest | Decider::Playtime | Decider::Ask => later(local) > later(cloud),
    }
}
