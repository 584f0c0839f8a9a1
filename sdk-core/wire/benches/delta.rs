//! Bytes uploaded for consecutive saves, and the CPU time they cost, beside zstd.
//!
//! `cargo bench -p aethex-wire --features containers --bench delta -- --saves FOLDER [FOLDER …]`: each folder holds one game's saves,
//! whose file names sort by age; a folder of folders is several games. `make_saves.sh` makes such a folder. The first save of a folder has no base and is sent in full. Times are the thread's CPU clock.
#![expect(clippy::print_stdout, reason = "a benchmark speaks to its terminal")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

use aethex_wire::delta::{self, Packing};
use aethex_wire::saves::{Compression, Encoding, PutSaveRequest, encode_packed_frame};
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
    first_raw: usize,
    full: Cost,
    ours: Cost,
    /// What is sent for the first save and for the others: patches in frames, with the metadata.
    bodies: [usize; 2],
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
        "{:<22}{:>6}{:>10} |{:>8}{:>7}{:>7}{:>9}{:>8}{:>8}{:>6}{:>6}{:>6} |{:>9}{:>6} |{:>9}{:>6} |{:>9}{:>7}",
        "game",
        "saves",
        "raw",
        "first",
        "patch",
        "body",
        "all",
        "% raw",
        "% later",
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
        "bytes: first save in full, mean patch, mean body (patch and metadata), all bodies; % raw: all bodies of all \
         saves, % later: without the first; ms: CPU, mean of a save; zstd: bytes of a save, first included, without metadata"
    );
}

fn print(folder: &Path, game: &Game) {
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    let n = game.saves as f64;
    let patches = game.saves.saturating_sub(1).max(1);
    let total: usize = game.bodies.iter().sum();
    let later = (game.raw - game.first_raw).max(1);
    print!(
        "{name:<22}{:>6}{:>10} |{:>8}{:>7}{:>7}{:>9}{:>8.3}{:>8.3}{:>6.1}{:>6.1}{:>6.1}",
        game.saves,
        game.raw,
        game.bodies[0],
        game.ours.bytes / patches,
        game.bodies[1] / patches,
        total,
        total as f64 * 100.0 / game.raw as f64,
        game.bodies[1] as f64 * 100.0 / later as f64,
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
            None => {
                let packed = full(&save, &mut game.full);
                game.first_raw = save.len();
                game.bodies[0] = body(&save, game.saves, None, &packed);
            }
            Some(base) => {
                let patch = patch(base, &save, &mut game.ours);
                game.bodies[1] += body(&save, game.saves, Some(game.saves - 1), &patch);
            }
        }
        let base_or_none = base.as_deref().unwrap_or_default();
        game.zstd[0].add(|| zstd::bulk::compress(&save, 3).unwrap().len());
        game.zstd[1].add(|| patch_from(base_or_none, &save, 3));
        game.zstd[2].add(|| patch_from(base_or_none, &save, 19));
        base = Some(save);
    }
    game
}

/// The length of a put's body: metadata as the SDK writes it, and the payload.
fn body(save: &[u8], n: usize, base: Option<usize>, payload: &[u8]) -> usize {
    let hash = |what: &[u8]| blake3::hash(what).to_hex().to_string();
    // A UUID of version 7: a time, then chance.
    let id = |n: usize| {
        let chance = hash(&n.to_le_bytes());
        let time = 0x019a_1fec_1712_u64 + n as u64 * 300_000;
        let time = format!("{time:012x}");
        let text =
            format!("{}-{}-7{}-b{}-{}", &time[..8], &time[8..], &chance[..3], &chance[3..6], &chance[6..18]);
        serde_json::from_value(serde_json::json!(text)).unwrap()
    };
    let saved_at = 1_763_700_000_123 + n as i64 * 300_517;
    let request = PutSaveRequest {
        slot: "autosave".to_owned(),
        parents: Some(base.map(id).into_iter().collect()),
        hash: Some(hash(save)),
        device_name: "Steam Deck".to_owned(),
        playtime_ms: n as i64 * 300_211,
        saved_at_ms: Some(saved_at),
        encoding: Some(Encoding::Bytes),
        compression: Some(if base.is_some() { Compression::Delta } else { Compression::Zstd }),
        base: base.map(id),
        device_id: "k3mz7qpa2xwd".to_owned(),
        device_clock: [("k3mz7qpa2xwd".to_owned(), n as u64)].into(),
        hlc: saved_at << 16,
        ..PutSaveRequest::default()
    };
    encode_packed_frame(&request, payload).len()
}

fn full(save: &[u8], cost: &mut Cost) -> Vec<u8> {
    let (ms, (packing, packed)) = timed(|| delta::compress(save));
    let (back_ms, back) = timed(|| match packing {
        Packing::Plain => packed.clone(),
        Packing::Zstd => zstd::bulk::decompress(&packed, save.len()).unwrap(),
        Packing::Patch => delta::decode(b"", &packed, save.len()).unwrap(),
    });
    assert!(back == save, "a full save came back changed");
    cost.count(packed.len(), ms, back_ms);
    packed
}

fn patch(base: &[u8], save: &[u8], cost: &mut Cost) -> Vec<u8> {
    let (ms, patch) = timed(|| delta::encode(base, save));
    let (back_ms, back) = timed(|| delta::decode(base, &patch, save.len()).unwrap());
    assert!(back == save, "a patched save came back changed");
    cost.count(patch.len(), ms, back_ms);
    if std::env::var_os("DELTA_EACH").is_some() {
        println!("  {} -> {} method {} {ms:.1} ms", save.len(), patch.len(), patch[0]);
    }
    patch
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
