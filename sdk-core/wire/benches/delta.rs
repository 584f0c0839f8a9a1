//! Bytes uploaded for consecutive saves, and the CPU time they cost, beside zstd.
//!
//! `cargo bench -p aethex-wire --features containers --bench delta -- --saves FOLDER [FOLDER …]`: each folder holds one game's saves,
//! whose file names sort by age; a folder of folders is several games. `make_saves.sh` makes such a folder. The first save of a folder has no base and is sent in full. Times are the thread's CPU clock.
#![expect(clippy::print_stdout, reason = "a benchmark speaks to its terminal")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

use aethex_wire::delta::{self, Packing};
use rustix::time::{ClockId, clock_gettime};
use std::path::{Path, PathBuf};
use zstd::zstd_safe::{CCtx, CParameter};

/// One column: bytes and CPU milliseconds of encoding and decoding.
#[derive(Debug, Default, Clone, Copy)]
struct Cost {
    bytes: usize,
    encode_ms: f64,
    encode_ms_max: f64,
    decode_ms: f64,
}

#[derive(Debug, Default)]
struct Game {
    saves: usize,
    raw: usize,
    full: Cost,
    ours: Cost,
    /// zstd -3 in full, patch-from -3, patch-from -19.
    zstd: [Cost; 3],
}

fn main() {
    let folders: Vec<PathBuf> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).map(PathBuf::from).collect();
    if folders.is_empty() {
        println!("which saves? make_saves.sh FOLDER, then -- --saves FOLDER");
        return;
    }
    println!(
        "{:<22}{:>6}{:>10} |{:>8}{:>9}{:>8}{:>6}{:>6}{:>6} |{:>9}{:>6} |{:>9}{:>6} |{:>9}{:>7}",
        "game",
        "saves",
        "raw",
        "first",
        "a patch",
        "% raw",
        "enc",
        "max",
        "dec",
        "zstd-3",
        "ms",
        "patch-3",
        "ms",
        "patch-19",
        "ms"
    );
    for folder in folders {
        let inner: Vec<_> = entries(&folder).into_iter().filter(|path| path.is_dir()).collect();
        for folder in if inner.is_empty() { vec![folder] } else { inner } {
            print(&folder, &measure(&folder));
        }
    }
    println!(
        "bytes: mean of a save; % raw: all uploads, the first in full included; ms: CPU, mean of a save"
    );
}

fn print(folder: &Path, game: &Game) {
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    let n = game.saves as f64;
    let patches = game.saves.saturating_sub(1).max(1);
    let total = game.full.bytes + game.ours.bytes;
    print!(
        "{name:<22}{:>6}{:>10} |{:>8}{:>9}{:>8.3}{:>6.1}{:>6.1}{:>6.1}",
        game.saves,
        game.raw,
        game.full.bytes,
        game.ours.bytes / patches,
        total as f64 * 100.0 / game.raw as f64,
        (game.full.encode_ms + game.ours.encode_ms) / n,
        game.full.encode_ms_max.max(game.ours.encode_ms_max),
        (game.full.decode_ms + game.ours.decode_ms) / n,
    );
    for (i, cost) in game.zstd.iter().enumerate() {
        let width = if i == 2 { 7 } else { 6 };
        print!(" |{:>9}{:>width$.1}", cost.bytes / game.saves, cost.encode_ms / n);
    }
    println!();
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut out: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    out.sort();
    out
}

fn measure(folder: &Path) -> Game {
    let mut game = Game::default();
    let mut base: Option<Vec<u8>> = None;
    for path in entries(folder).into_iter().filter(|path| path.is_file()) {
        let save = std::fs::read(&path).unwrap();
        if save.is_empty() {
            continue;
        }
        game.saves += 1;
        game.raw += save.len();
        match &base {
            None => full(&save, &mut game.full),
            Some(base) => patch(base, &save, &mut game.ours),
        }
        let base_or_none = base.as_deref().unwrap_or_default();
        game.zstd[0].add(|| zstd::bulk::compress(&save, 3).unwrap().len());
        game.zstd[1].add(|| patch_from(base_or_none, &save, 3));
        game.zstd[2].add(|| patch_from(base_or_none, &save, 19));
        base = Some(save);
    }
    game
}

fn full(save: &[u8], cost: &mut Cost) {
    let (ms, (packing, packed)) = timed(|| delta::compress(save));
    let (back_ms, back) = timed(|| match packing {
        Packing::Plain => packed.clone(),
        Packing::Zstd => zstd::bulk::decompress(&packed, save.len()).unwrap(),
        Packing::Patch => delta::decode(b"", &packed, save.len()).unwrap(),
    });
    assert!(back == save, "a full save came back changed");
    cost.count(packed.len(), ms, back_ms);
}

fn patch(base: &[u8], save: &[u8], cost: &mut Cost) {
    let (ms, patch) = timed(|| delta::encode(base, save));
    let (back_ms, back) = timed(|| delta::decode(base, &patch, save.len()).unwrap());
    assert!(back == save, "a patched save came back changed");
    cost.count(patch.len(), ms, back_ms);
    if std::env::var_os("DELTA_EACH").is_some() {
        println!("  {} -> {} method {} {ms:.1} ms", save.len(), patch.len(), patch[0]);
    }
}

impl Cost {
    fn count(&mut self, bytes: usize, encode_ms: f64, decode_ms: f64) {
        self.bytes += bytes;
        self.encode_ms += encode_ms;
        self.encode_ms_max = self.encode_ms_max.max(encode_ms);
        self.decode_ms += decode_ms;
    }

    fn add(&mut self, work: impl FnOnce() -> usize) {
        let (ms, bytes) = timed(work);
        self.count(bytes, ms, 0.0);
    }
}

fn patch_from(base: &[u8], save: &[u8], level: i32) -> usize {
    let mut context = CCtx::create();
    context.set_parameter(CParameter::CompressionLevel(level)).unwrap();
    let window = (base.len() + save.len()).next_power_of_two().trailing_zeros().clamp(10, 27);
    context.set_parameter(CParameter::WindowLog(window)).unwrap();
    context.set_parameter(CParameter::EnableLongDistanceMatching(true)).unwrap();
    context.ref_prefix(base).unwrap();
    let mut out = Vec::with_capacity(zstd::zstd_safe::compress_bound(save.len()));
    context.compress2(&mut out, save).unwrap();
    out.len()
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
    };
    let start = now();
    let out = work();
    (now() - start, out)
}
