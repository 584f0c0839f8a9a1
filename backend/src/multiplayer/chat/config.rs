//! Limits and settings of chat.

use crate::auth::Rate;
use serde::{Deserialize, Serialize};

const DAY_MS: i64 = 24 * 3600 * 1000;
/// Named channels that a player may be in.
pub(super) const CHANNELS_MAX: i64 = 100;
/// Unread messages that are counted: more are shown as this many.
pub(super) const UNREAD_MAX: i64 = 100;
/// Players told of a message in one step.
pub(super) const AUDIENCE_PAGE: i64 = 200;
/// How often old messages, and channels whose room or party is gone, are looked for.
pub(in crate::multiplayer) const SWEEP_PERIOD_MS: u64 = 10 * 60 * 1000;

/// Messages of a player, changes of them included.
pub(super) const SEND_RATE: Rate = Rate::of(10, 1_000);
/// Messages in one channel, of all players together: each goes to everyone in it.
pub(super) const CHANNEL_RATE: Rate = Rate::of(60, 50);
/// Direct conversations that a player begins.
pub(super) const BEGIN_RATE: Rate = Rate::of(20, 30_000);
/// Joining and leaving named channels.
pub(super) const MEMBER_RATE: Rate = Rate::of(20, 3_000);
/// Reading: histories, conversations, marks, lists of blocks.
pub(super) const READ_RATE: Rate = Rate::of(60, 200);
/// Blocking and unblocking.
pub(super) const BLOCK_RATE: Rate = Rate::of(30, 2_000);
/// Reports of a player.
pub(super) const REPORT_RATE: Rate = Rate::of(10, 60_000);

/// What happens to a message with a word of the list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// Nothing.
    Off,
    /// The word is made of asterisks.
    #[default]
    Mask,
    /// The message is refused.
    Refuse,
}

/// What happens to a message when the moderation service cannot be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenAway {
    /// It is sent, as the list of words leaves it.
    #[default]
    Open,
    /// It is not sent: the player is asked to try again.
    Closed,
}

/// Settings of chat.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChatConfig {
    /// Days that messages are kept.
    pub kept_days: u32,
    /// Days that reports of players are kept, with what the messages said.
    pub reports_kept_days: u32,
    /// Players in one named channel.
    pub channel_players_max: u32,
    /// What happens to a message with a word of the list: `off`, `mask`, `refuse`.
    pub filter: Filter,
    /// Whether the list that comes with the server counts.
    pub built_in_words: bool,
    /// File with further words, one a line.
    pub words_file: String,
    /// Service that is asked about every message (`https://…`); none when empty.
    pub moderation_url: String,
    /// What the service knows this server by: `Authorization: Bearer <secret>`.
    pub moderation_secret: String,
    /// Deadline for the service's whole answer.
    pub moderation_timeout_ms: u64,
    /// What happens to a message when the service cannot be asked: `open`, `closed`.
    pub moderation_away: WhenAway,
}

impl Default for ChatConfig {
    fn default() -> ChatConfig {
        ChatConfig {
            kept_days: 90,
            // Complaints and appeals come within months.
            reports_kept_days: 180,
            channel_players_max: 1_000,
            filter: Filter::Mask,
            built_in_words: true,
            words_file: String::new(),
            moderation_url: String::new(),
            moderation_secret: String::new(),
            moderation_timeout_ms: 2_000,
            moderation_away: WhenAway::Open,
        }
    }
}

impl std::fmt::Debug for ChatConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatConfig")
            .field("kept_days", &self.kept_days)
            .field("reports_kept_days", &self.reports_kept_days)
            .field("channel_players_max", &self.channel_players_max)
            .field("filter", &self.filter)
            .field("built_in_words", &self.built_in_words)
            .field("words_file", &self.words_file)
            .field("moderation", &!self.moderation_url.is_empty())
            .field("moderation_away", &self.moderation_away)
            .finish_non_exhaustive()
    }
}

impl ChatConfig {
    /// Refuses values that no server can run with.
    pub(crate) fn check(&self) -> Result<(), String> {
        let wrong = |key: &str, wanted: &str| Err(format!("`multiplayer.chat.{key}` must be {wanted}"));
        if self.kept_days == 0 {
            return wrong("kept_days", "above 0");
        }
        if self.reports_kept_days == 0 {
            return wrong("reports_kept_days", "above 0");
        }
        if !(1..=100_000).contains(&self.channel_players_max) {
            return wrong("channel_players_max", "1 to 100,000");
        }
        if !(1..=30_000).contains(&self.moderation_timeout_ms) {
            return wrong("moderation_timeout_ms", "1 to 30,000");
        }
        let url = self.moderation_url.as_str();
        if !url.is_empty() && !url.starts_with("https://") && !url.starts_with("http://") {
            return wrong("moderation_url", "`https://…` or `http://…`");
        }
        Ok(())
    }

    /// How long messages are kept.
    pub(super) fn kept_ms(&self) -> i64 {
        i64::from(self.kept_days) * DAY_MS
    }

    /// How long reports are kept.
    pub(super) fn reports_kept_ms(&self) -> i64 {
        i64::from(self.reports_kept_days) * DAY_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_server_can_run_with_is_refused_by_name() {
        assert_eq!(ChatConfig::default().check(), Ok(()));
        let changed = |change: fn(&mut ChatConfig)| {
            let mut config = ChatConfig::default();
            change(&mut config);
            config.check().unwrap_err()
        };
        assert!(changed(|config| config.kept_days = 0).contains("kept_days"));
        assert!(changed(|config| config.reports_kept_days = 0).contains("reports_kept_days"));
        assert!(changed(|config| config.channel_players_max = 0).contains("channel_players_max"));
        assert!(changed(|config| config.moderation_timeout_ms = 0).contains("moderation_timeout_ms"));
        assert!(changed(|config| config.moderation_url = "file:///etc".into()).contains("moderation_url"));
        let config = ChatConfig { moderation_secret: "hush".into(), ..ChatConfig::default() };
        assert!(!format!("{config:?}").contains("hush"));
    }
}
