//! Typed calls of the API on a connection, and guests to make them.

use crate::client::{Call, Connection};
use aethex_wire::auth::LoggedIn;
use aethex_wire::auth::identities::{GuestRequest, LoginGuest};
use aethex_wire::endpoint::fill_path;
use aethex_wire::ids::PlayerId;
use aethex_wire::{Endpoint, Method};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Connections that set up at once: enough to keep a small server busy.
pub(crate) const AT_ONCE: usize = 16;

/// A player without email or password.
#[derive(Clone)]
pub(crate) struct Guest {
    pub(crate) id: PlayerId,
    pub(crate) token: String,
}

/// Makes a call; `parts` fill the path.
pub(crate) async fn call<E: Endpoint>(
    connection: &mut Connection,
    token: Option<&str>,
    parts: &[&str],
    request: &E::Request,
) -> Result<E::Response, String> {
    let call =
        Call::new(method::<E>(), fill_path(E::PATH, parts)).body("application/json", json_of(request)?);
    let call = match token {
        Some(token) => call.bearer(token)?,
        None => call,
    };
    parse(&connection.send(&call).await?)
}

/// Makes guests; their names have the run's in them.
pub(crate) async fn guests(address: &str, count: usize) -> Result<Vec<Guest>, String> {
    let run = run_id();
    let made = each(address, count, async move |number, connection| {
        let secret = Sha256::digest(format!("{run} {number}"));
        let request = GuestRequest {
            device_key: URL_SAFE_NO_PAD.encode(secret),
            device_name: Some("aethex-load".to_owned()),
            locale: None,
            proof: None,
        };
        let logged_in = call::<LoginGuest>(connection, None, &[], &request).await?;
        Ok(Guest { id: logged_in_id(&logged_in), token: logged_in.tokens.access_token })
    });
    made.await
}

fn logged_in_id(logged_in: &LoggedIn) -> PlayerId {
    logged_in.user.id.clone()
}

/// Does something for each number below `count`, on [`AT_ONCE`] connections; the results in the numbers' order.
pub(crate) async fn each<T: 'static>(
    address: &str,
    count: usize,
    work: impl AsyncFn(usize, &mut Connection) -> Result<T, String> + 'static,
) -> Result<Vec<T>, String> {
    let next = Arc::new(AtomicUsize::new(0));
    let work = std::rc::Rc::new(work);
    let workers = tokio::task::LocalSet::new();
    let mut running = Vec::new();
    for _ in 0..AT_ONCE.min(count) {
        let mut connection = Connection::open(address).await?;
        let (next, work) = (next.clone(), work.clone());
        running.push(workers.spawn_local(async move {
            let mut done = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok::<_, String>(done);
                }
                done.push((number, work(number, &mut connection).await?));
            }
        }));
    }
    let mut all = Vec::with_capacity(count);
    let gathered = async {
        for worker in running {
            all.extend(worker.await.map_err(|error| error.to_string())??);
        }
        Ok::<_, String>(())
    };
    workers.run_until(gathered).await?;
    all.sort_unstable_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, done)| done).collect())
}

/// Tells one run's players from another's.
pub(crate) fn run_id() -> String {
    #[expect(clippy::disallowed_methods, reason = "a name for a run, nothing more")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", now.as_millis(), std::process::id())
}

pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("the answer is not what the contract says: {error}"))
}

pub(crate) fn json_of(body: &(impl Serialize + ?Sized)) -> Result<Bytes, String> {
    serde_json::to_vec(body).map(Bytes::from).map_err(|error| error.to_string())
}

pub(crate) fn method<E: Endpoint>() -> http::Method {
    match E::METHOD {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Delete => http::Method::DELETE,
    }
}
