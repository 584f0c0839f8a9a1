//! Arrivals: read from a file, or made.

use std::error::Error;
use std::path::Path;

/// The regions, in the order of a trace's columns.
pub(crate) const REGIONS: [&str; 6] = ["use", "usw", "eu", "sa", "apse", "apne"];
/// Where players live.
const LIVE: [f64; 6] = [0.30, 0.15, 0.30, 0.08, 0.10, 0.07];
/// Round trips between regions, in milliseconds, as between the data centres of public clouds.
const TRIPS_MS: [[f64; 6]; 6] = [
    [12.0, 65.0, 85.0, 115.0, 215.0, 165.0],
    [65.0, 12.0, 140.0, 175.0, 170.0, 105.0],
    [85.0, 140.0, 12.0, 190.0, 165.0, 230.0],
    [115.0, 175.0, 190.0, 15.0, 320.0, 260.0],
    [215.0, 170.0, 165.0, 320.0, 15.0, 75.0],
    [165.0, 105.0, 230.0, 260.0, 75.0, 12.0],
];
/// Sizes of parties and how common they are.
const PARTIES: [(usize, f64); 4] = [(1, 0.70), (2, 0.18), (3, 0.07), (5, 0.05)];

#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) ticket: u32,
    pub(crate) t_ms: i64,
    /// Believed mean, its deviation, and the truth.
    pub(crate) players: Vec<(f64, f64, f64)>,
    pub(crate) latencies_ms: Vec<u32>,
}

#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) name: String,
    pub(crate) arrivals: Vec<Arrival>,
}

impl Trace {
    pub(crate) fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        fn list<T: std::str::FromStr>(text: &str) -> Result<Vec<T>, T::Err> {
            text.split(';').map(str::parse).collect()
        }
        let mut arrivals = Vec::new();
        for line in std::fs::read_to_string(path)?.lines().filter(|line| !line.starts_with('#')) {
            let columns: Vec<&str> = line.split(',').collect();
            let [ticket, t_ms, _, mu, sigma, latent, latencies] = columns[..] else {
                return Err(format!("not a line of a trace: {line}").into());
            };
            let (mu, sigma, latent) = (list::<f64>(mu)?, list::<f64>(sigma)?, list::<f64>(latent)?);
            let players =
                mu.iter().zip(&sigma).zip(&latent).map(|((mu, sigma), latent)| (*mu, *sigma, *latent));
            arrivals.push(Arrival {
                ticket: ticket.parse()?,
                t_ms: t_ms.parse()?,
                players: players.collect(),
                latencies_ms: list(latencies)?,
            });
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, arrivals })
    }

    /// The same kind of arrivals: Poisson, skills normal about 1500, members of a party alike, ratings with error,
    /// most of a party at home in one region, each with an access line of its own.
    pub(crate) fn make(rate: u32, minutes: u32, seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(rate));
        let mean_size: f64 = PARTIES.iter().map(|(size, share)| *size as f64 * share).sum();
        let between_ms = 60_000.0 * mean_size / f64::from(rate);
        let (end, mut t_ms) = (f64::from(minutes) * 60_000.0, 0.0);
        let mut arrivals = Vec::new();
        loop {
            t_ms += -between_ms * (1.0 - dice.unit()).ln();
            if t_ms > end {
                return Self { name: format!("made-{rate}-{minutes}-{seed}"), arrivals };
            }
            let size = PARTIES[dice.pick(PARTIES.iter().map(|(_, share)| *share))].0;
            let base = dice.normal(1500.0, 300.0);
            let home = dice.pick(LIVE.into_iter());
            let mut arrival = Arrival {
                ticket: arrivals.len() as u32,
                t_ms: t_ms as i64,
                players: vec![],
                latencies_ms: vec![0; 6],
            };
            for _ in 0..size {
                let skill = if size == 1 { base } else { dice.normal(base, 150.0) };
                let sigma = 50.0 + 100.0 * dice.unit();
                let mu = dice.normal(skill, sigma).round();
                arrival.players.push((mu, sigma.round(), skill.round()));
                let at = if dice.unit() < 0.95 { home } else { dice.pick(LIVE.into_iter()) };
                let access = (15.0_f64.ln() + 0.7 * dice.normal(0.0, 1.0)).exp();
                for (region, latency) in arrival.latencies_ms.iter_mut().enumerate() {
                    let trip = TRIPS_MS[at][region] + access + dice.normal(0.0, 4.0).abs();
                    *latency = (*latency).max(trip.round() as u32);
                }
            }
            arrivals.push(arrival);
        }
    }
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let (radius, turn) = (1.0 - self.unit(), self.unit());
        mean + deviation * (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * turn).cos()
    }

    fn pick(&mut self, shares: impl Iterator<Item = f64>) -> usize {
        let (at, mut last) = (self.unit(), 0);
        let mut sum = 0.0;
        for (n, share) in shares.enumerate() {
            (sum, last) = (sum + share, n);
            if at < sum {
                break;
            }
        }
        last
    }
}
