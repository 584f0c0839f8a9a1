//! What a run of bots found, as a text or as JSON.

use super::tally::Tally;
use super::{Options, Transport};
use serde::Serialize;
use std::fmt;

/// Everything measured.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    transport: Transport,
    rooms: u32,
    players: u32,
    hz: u32,
    bytes: u32,
    seconds: u32,
    tick_ms: u16,
    urgent: bool,
    deltas: bool,
    sent: u64,
    expected: u64,
    delivered: u64,
    superseded: u64,
    /// Neither came they, nor a newer one: lost, or still under way at the end.
    missing: u64,
    again: u64,
    deliveries_per_second: f64,
    delivered_percent: f64,
    superseded_percent: f64,
    p50_ms: f64,
    p99_ms: f64,
    bots_late_p99_ms: f64,
    server_cpu_ms_per_1000: Option<f64>,
    /// Server memory before the first link, with everyone seated, and while they played.
    rss_before_kib: Option<u64>,
    rss_seated_kib: Option<u64>,
    rss_playing_kib: Option<u64>,
    rss_per_client_kib: Option<f64>,
}

impl Report {
    pub(super) fn new(
        options: &Options,
        tally: &Tally,
        cpu_ms: Option<f64>,
        [before, seated, playing]: [Option<u64>; 3],
    ) -> Report {
        let Options { rooms, players, hz, bytes, time_s: seconds, transport, .. } = *options;
        let percent = |part: u64| part as f64 * 100.0 / tally.expected.max(1) as f64;
        let more = before.zip(playing).map(|(before, playing)| playing as f64 - before as f64);
        Report {
            transport,
            rooms,
            players,
            hz,
            bytes,
            seconds,
            tick_ms: options.tick_ms,
            urgent: options.urgent,
            deltas: options.deltas,
            sent: tally.sent,
            expected: tally.expected,
            delivered: tally.delivered,
            superseded: tally.superseded,
            missing: tally.expected.saturating_sub(tally.delivered + tally.superseded),
            again: tally.again,
            deliveries_per_second: tally.delivered as f64 / f64::from(seconds),
            delivered_percent: percent(tally.delivered),
            superseded_percent: percent(tally.superseded),
            p50_ms: tally.latency.quantile_ms(0.50),
            p99_ms: tally.latency.quantile_ms(0.99),
            bots_late_p99_ms: tally.lateness.quantile_ms(0.99),
            server_cpu_ms_per_1000: cpu_ms.map(|ms| ms * 1_000.0 / tally.delivered.max(1) as f64),
            rss_before_kib: before,
            rss_seated_kib: seated,
            rss_playing_kib: playing,
            rss_per_client_kib: more.map(|kib| kib / f64::from(rooms * players)),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            Transport::Ws => "WebSocket",
            Transport::Quic => "QUIC",
        };
        let tick = if self.urgent { "no tick".to_owned() } else { format!("tick {} ms", self.tick_ms) };
        let Report { rooms, players, hz, bytes, seconds, .. } = self;
        writeln!(
            f,
            "{transport}, {tick}: {rooms} rooms x {players} players x {hz} Hz x {bytes} B, {seconds} s"
        )?;
        writeln!(
            f,
            "sent {} states; deliveries: {} expected, {} came ({:.3} %), {} superseded by newer ones ({:.3} %), \
             {} missing, {} twice",
            self.sent,
            self.expected,
            self.delivered,
            self.delivered_percent,
            self.superseded,
            self.superseded_percent,
            self.missing,
            self.again
        )?;
        writeln!(
            f,
            "{:.0} deliveries a second; from the due time: p50 {:.2} ms, p99 {:.2} ms (bots sent late by p99 {:.2} ms)",
            self.deliveries_per_second, self.p50_ms, self.p99_ms, self.bots_late_p99_ms
        )?;
        if let Some(ms) = self.server_cpu_ms_per_1000 {
            writeln!(f, "server: {ms:.3} ms CPU per 1,000 deliveries")?;
        }
        let memory =
            (self.rss_before_kib, self.rss_seated_kib, self.rss_playing_kib, self.rss_per_client_kib);
        if let (Some(before), Some(seated), Some(playing), Some(each)) = memory {
            writeln!(
                f,
                "server memory: {before} KiB without links, {seated} seated, {playing} playing: {each:.1} KiB a client"
            )?;
        }
        Ok(())
    }
}
