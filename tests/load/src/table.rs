//! The report: rows of figures, as a table or as JSON.

use crate::cpu::CpuMs;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// Everything measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) clients: u16,
    pub(crate) seconds: u16,
    /// Resident memory of the server before the first request.
    pub(crate) idle_rss_kib: Option<u64>,
    /// And after the last.
    pub(crate) busy_rss_kib: Option<u64>,
    pub(crate) rows: Vec<Row>,
    /// At a fixed pace; times are from when each was due.
    pub(crate) paced: Row,
    pub(crate) flood: crate::flood::Flood,
}

/// One kind of operation.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) operation: &'static str,
    pub(crate) operations: usize,
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) server_cpu_ms: Option<f64>,
    pub(crate) database_cpu_ms: Option<f64>,
}

impl Row {
    /// A row of the time that each operation took; `cpu` is of all of them together.
    pub(crate) fn new(
        operation: &'static str,
        mut took: Vec<Duration>,
        elapsed: Duration,
        cpu: CpuMs,
    ) -> Row {
        took.sort_unstable();
        let each = |ms: f64| ms / took.len().max(1) as f64;
        Row {
            operation,
            operations: took.len(),
            per_second: took.len() as f64 / elapsed.as_secs_f64(),
            p50_ms: quantile_ms(&took, 0.50),
            p99_ms: quantile_ms(&took, 0.99),
            server_cpu_ms: cpu.server.map(each),
            database_cpu_ms: cpu.databases.map(each),
        }
    }
}

/// The time below which this part of the sorted times lies, in milliseconds.
pub(crate) fn quantile_ms(sorted: &[Duration], part: f64) -> f64 {
    let at = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(at.saturating_sub(1)).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} keep-alive clients, {} s each", self.clients, self.seconds)?;
        let memory = [("idle", self.idle_rss_kib), ("after", self.busy_rss_kib)];
        for (when, kib) in memory {
            if let Some(kib) = kib {
                writeln!(f, "server memory, {when}: {:.1} MiB resident", kib as f64 / 1024.0)?;
            }
        }
        writeln!(
            f,
            "{:<26} {:>9} {:>9} {:>9} {:>15} {:>11}",
            "operation", "ops/s", "p50 ms", "p99 ms", "server CPU ms", "db CPU ms"
        )?;
        for row in self.rows.iter().chain([&self.paced]) {
            let cpu = |ms: Option<f64>| ms.map_or("-".to_owned(), |ms| format!("{ms:.4}"));
            writeln!(
                f,
                "{:<26} {:>9.0} {:>9.3} {:>9.3} {:>15} {:>11}",
                row.operation,
                row.per_second,
                row.p50_ms,
                row.p99_ms,
                cpu(row.server_cpu_ms),
                cpu(row.database_cpu_ms)
            )?;
        }
        let flood = &self.flood;
        writeln!(
            f,
            "{} logins, {} at once, {:.0} a second: account reads' p95 {:.2} ms alone, {:.2} ms meanwhile ({:.2}x)",
            flood.logins,
            flood.at_once,
            flood.logins_per_second,
            flood.read_p95_alone_ms,
            flood.read_p95_during_ms,
            flood.read_p95_during_ms / flood.read_p95_alone_ms
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_times() {
        let times: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!((quantile_ms(&times, 0.50), quantile_ms(&times, 0.99)), (50.0, 99.0));
        assert_eq!(quantile_ms(&[], 0.5), 0.0);
        let cpu = CpuMs { server: Some(200.0), databases: None };
        let row = Row::new("read", times, Duration::from_secs(2), cpu);
        assert_eq!((row.per_second, row.server_cpu_ms, row.database_cpu_ms), (50.0, Some(2.0), None));
    }
}
