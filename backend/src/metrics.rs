//! Prometheus metrics, on an address of their own.

use crate::app::{StartError, until_stopped};
use axum::{Router, routing};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Upper bounds of the latency buckets, in seconds: from a cached read to a slow upload.
const LATENCY_BUCKETS_S: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// How often samples are folded into their buckets, scraped or not.
const UPKEEP_PERIOD: std::time::Duration = std::time::Duration::from_secs(5);

/// The process has one recorder, however many servers it runs.
fn handle() -> Result<&'static PrometheusHandle, StartError> {
    static HANDLE: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), LATENCY_BUCKETS_S)
                .and_then(PrometheusBuilder::install_recorder)
                .map_err(|error| error.to_string())
        })
        .as_ref()
        .map_err(|error| StartError(format!("cannot record metrics: {error}")))
}

/// Listens on `address`; the future serves `/metrics` until it is stopped.
pub(crate) async fn listen(
    address: &str,
    mut stopped: watch::Receiver<bool>,
) -> Result<impl Future<Output = ()> + Send + 'static, StartError> {
    let handle = handle()?;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| StartError(format!("cannot listen on `{address}` (metrics_listen): {error}")))?;
    tracing::info!(address = %listener.local_addr().map_err(|e| StartError(e.to_string()))?, "metrics");
    let router = Router::new().route("/metrics", routing::get(move || async move { handle.render() }));
    Ok(async move {
        let upkeep = async {
            let mut period = tokio::time::interval(UPKEEP_PERIOD);
            loop {
                period.tick().await;
                handle.run_upkeep();
            }
        };
        // Nothing that a scrape reads is lost when it is cut off.
        tokio::select! {
            served = async { axum::serve(listener, router).await } => {
                tracing::error!(error = ?served.err(), "the metrics listener failed");
            }
            () = upkeep => {}
            () = until_stopped(&mut stopped) => {}
        }
    })
}
