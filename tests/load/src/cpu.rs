//! Processor time and memory of processes, from `/proc` (Linux).

use std::collections::HashMap;
use std::path::Path;

/// Ticks a second of the times in `/proc/*/stat`: the kernel's `USER_HZ`, 100 on every common platform.
const TICKS_PER_S: f64 = 100.0;
/// Fields of `stat` behind the name, counted from the state (proc(5) numbers it 3): the parent, the
/// processor times, and those of children that have ended.
const PARENT: usize = 1;
const TIMES: std::ops::Range<usize> = 11..13;
const CHILDREN_TIMES: std::ops::Range<usize> = 13..15;

/// The processes that are watched.
#[derive(Debug)]
pub(crate) struct Processes {
    pub(crate) server: Option<u32>,
    pub(crate) databases: Vec<u32>,
}

/// Processor time, in milliseconds; nothing for what is not watched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuMs {
    pub(crate) server: Option<f64>,
    pub(crate) databases: Option<f64>,
}

impl CpuMs {
    pub(crate) fn since(&self, before: &CpuMs) -> CpuMs {
        let less = |now: Option<f64>, before: Option<f64>| now.zip(before).map(|(now, before)| now - before);
        CpuMs { server: less(self.server, before.server), databases: less(self.databases, before.databases) }
    }
}

impl Processes {
    /// Says early what would fail late.
    pub(crate) fn check(&self) -> Result<(), String> {
        for pid in self.server.iter().chain(&self.databases) {
            if !Path::new(&format!("/proc/{pid}/stat")).exists() {
                return Err(format!("there is no process {pid} here (processor time needs Linux's /proc)"));
            }
        }
        Ok(())
    }

    pub(crate) fn cpu_ms(&self) -> Result<CpuMs, String> {
        let server = self.server.map(|pid| Ok::<f64, String>(stat(pid)?.own_ms)).transpose()?;
        let databases = match self.databases.as_slice() {
            [] => None,
            pids => Some(with_children_ms(pids)?),
        };
        Ok(CpuMs { server, databases })
    }
}

struct Stat {
    parent: u32,
    /// All its threads.
    own_ms: f64,
    /// Children that have ended and were waited for.
    ended_children_ms: f64,
}

fn stat(pid: u32) -> Result<Stat, String> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("cannot read {path}: {error}"))?;
    parse_stat(&text).ok_or_else(|| format!("{path} is not understood"))
}

fn parse_stat(text: &str) -> Option<Stat> {
    // The name is in brackets and may hold anything, brackets too.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let sum = |range: std::ops::Range<usize>| {
        let ticks: Option<Vec<u64>> = fields.get(range)?.iter().map(|field| field.parse().ok()).collect();
        Some(ticks?.iter().sum::<u64>() as f64 * 1000.0 / TICKS_PER_S)
    };
    Some(Stat {
        parent: fields.get(PARENT)?.parse().ok()?,
        own_ms: sum(TIMES)?,
        ended_children_ms: sum(CHILDREN_TIMES)?,
    })
}

/// The processes with everything that they started: a database serves each connection by a child.
fn with_children_ms(roots: &[u32]) -> Result<f64, String> {
    let mut stats: HashMap<u32, Stat> = HashMap::new();
    let entries = std::fs::read_dir("/proc").map_err(|error| format!("cannot read /proc: {error}"))?;
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // One that ended just now is in its parent's sum.
        if let Ok(stat) = stat(pid) {
            stats.insert(pid, stat);
        }
    }
    let mut sum = 0.0;
    for root in roots {
        let stat = stats.get(root).ok_or_else(|| format!("process {root} has ended"))?;
        sum += stat.own_ms + stat.ended_children_ms;
    }
    let is_below = |mut pid: u32| {
        while let Some(stat) = stats.get(&pid) {
            if roots.contains(&stat.parent) {
                return true;
            }
            pid = stat.parent;
        }
        false
    };
    let children = stats.iter().filter(|(pid, _)| !roots.contains(pid) && is_below(**pid));
    Ok(sum + children.map(|(_, stat)| stat.own_ms + stat.ended_children_ms).sum::<f64>())
}

/// Resident memory in KiB.
pub(crate) fn rss_kib(pid: u32) -> Result<u64, String> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("cannot read {path}: {error}"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok())
        .ok_or_else(|| format!("{path} tells no VmRSS"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_past_any_name() {
        let text = "42 (a) b (c)) S 7 42 42 0 -1 4194560 100 0 0 0 250 50 30 20 20 0 9 0 100 1 2 3";
        let stat = parse_stat(text).unwrap();
        assert_eq!((stat.parent, stat.own_ms, stat.ended_children_ms), (7, 3000.0, 500.0));
        assert!(parse_stat("42 (a) S 7").is_none());
    }

    #[test]
    fn this_process_has_a_stat_and_memory() {
        let me = std::process::id();
        assert!(stat(me).is_ok());
        assert!(rss_kib(me).unwrap() > 100);
        assert!(with_children_ms(&[me]).is_ok());
        assert!(Processes { server: Some(u32::MAX), databases: vec![] }.check().is_err());
    }
}
