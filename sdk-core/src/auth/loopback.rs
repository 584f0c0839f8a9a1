//! The ear of a login in the browser (RFC 8252 section 7.3): a port of this device that the provider's page
//! sends the browser to.
//!
//! Anything on this device, and any page in any browser, can send requests to the port. So only one is
//! listened to: a `GET /callback` for this address with the login's own `state`, 256 random bits that only
//! the provider's page was given. Everything else gets a 404 and changes nothing; it cannot end the wait
//! either. Connections, their time and their length are bounded. The port closes with the wait.

use crate::Error;
use aethex_wire::ErrorCode;
use aethex_wire::auth::oauth::OAUTH_CODE_LEN_MAX;
use std::net::Ipv4Addr;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const PATH: &str = "/callback";
/// Longest head of a request: the longest code and a browser's cookies for this host.
const HEAD_LEN_MAX: usize = 32 * 1024;
/// How long one connection may take: it comes from this device.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(5);
/// Connections at a time: browsers open some ahead; the others wait.
const CONNECTIONS_MAX: usize = 16;
/// Pause after the system refused a connection, out of files for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Longest error code of a provider that is repeated to the game.
const ERROR_LEN_MAX: usize = 64;

/// What the browser brought back.
pub(super) struct Redirect {
    pub(super) code: String,
    pub(super) iss: Option<String>,
}

impl std::fmt::Debug for Redirect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redirect").finish_non_exhaustive()
    }
}

/// The open port.
#[derive(Debug)]
pub(super) struct Loopback {
    listener: TcpListener,
    port: u16,
}

impl Loopback {
    /// Opens a port that the system chooses, for this device only.
    pub(super) async fn open() -> Result<Loopback, Error> {
        let open = async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let port = listener.local_addr()?.port();
            Ok::<_, std::io::Error>(Loopback { listener, port })
        };
        open.await.map_err(|error| {
            Error::new(ErrorCode::Browser, format!("no port can be opened for the browser's answer: {error}"))
        })
    }

    /// Where the provider sends the browser.
    pub(super) fn redirect_uri(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// Waits for the one answer that brings this state.
    pub(super) async fn redirect(&self, state: &str) -> Result<Redirect, Error> {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                    match accepted {
                        Ok((stream, _)) => drop(connections.spawn(serve(stream, self.port, state.to_owned()))),
                        Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                    }
                }
                Some(served) = connections.join_next() => {
                    if let Ok(Some(answer)) = served {
                        return answer;
                    }
                }
            }
        }
    }
}

/// Answers one connection; says what it brought if it is the one that is waited for.
async fn serve(mut stream: TcpStream, port: u16, state: String) -> Option<Result<Redirect, Error>> {
    let work = async {
        let head = read_head(&mut stream).await?;
        let verdict = judge(&head, port, &state);
        let page = match &verdict {
            None => NOT_FOUND,
            Some(Ok(_)) => DONE,
            Some(Err(_)) => NOT_DONE,
        };
        Some((verdict, page))
    };
    let (verdict, page) = tokio::time::timeout(CONNECTION_TIME_MAX, work).await.ok()??;
    // What the browser shows does not change what it brought.
    let _ = tokio::time::timeout(CONNECTION_TIME_MAX, answer(&mut stream, page)).await;
    verdict
}

async fn read_head(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let mut buffer = [0; 2048];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let read = stream.read(&mut buffer).await.ok()?;
        if read == 0 || head.len() + read > HEAD_LEN_MAX {
            return None;
        }
        head.extend_from_slice(&buffer[..read]);
    }
    Some(head)
}

/// What a request is: `None` for anything that is not the answer to this login.
fn judge(head: &[u8], port: u16, state: &str) -> Option<Result<Redirect, Error>> {
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if method != "GET" || !version.starts_with("HTTP/1.") || words.next().is_some() {
        return None;
    }
    // A page that got another name to point here asks for that name (DNS rebinding).
    let mut hosts = lines
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.eq_ignore_ascii_case("host"))
        .map(|(_, value)| value.trim());
    if hosts.next() != Some(format!("127.0.0.1:{port}").as_str()) || hosts.next().is_some() {
        return None;
    }
    let query = target.strip_prefix(PATH)?.strip_prefix('?')?;
    let url = reqwest::Url::parse(&format!("http://127.0.0.1/?{query}")).ok()?;
    let one = |wanted: &str| {
        let mut found =
            url.query_pairs().filter(|(name, _)| name == wanted).map(|(_, value)| value.into_owned());
        let first = found.next();
        if found.next().is_some() { Err(()) } else { Ok(first) }
    };
    let said = one("state").ok()??;
    if !bool::from(said.as_bytes().ct_eq(state.as_bytes())) {
        return None;
    }
    Some(match (one("error"), one("code"), one("iss")) {
        (Ok(Some(error)), _, _) => Err(refusal(&error)),
        (Ok(None), Ok(Some(code)), Ok(iss)) if (1..=OAUTH_CODE_LEN_MAX).contains(&code.len()) => {
            Ok(Redirect { code, iss })
        }
        _ => Err(Error::new(ErrorCode::OauthRefused, "the provider's answer cannot be understood")),
    })
}

/// The error of a provider's refusal (RFC 6749 section 4.1.2.1).
fn refusal(error: &str) -> Error {
    if error == "access_denied" {
        return Error::new(ErrorCode::Cancelled, "the player refused the login");
    }
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let error: String = error.chars().filter(plain).take(ERROR_LEN_MAX).collect();
    Error::new(ErrorCode::OauthRefused, format!("the provider refused the login: {error}"))
}

/// Status line and text of an answer.
type Page = (&'static str, &'static str);
const DONE: Page = ("200 OK", "Done. You can close this page and return to the game.");
const NOT_DONE: Page =
    ("200 OK", "The login was not completed. You can close this page and return to the game.");
const NOT_FOUND: Page = ("404 Not Found", "Nothing is here.");

/// Nothing from elsewhere, nothing kept, nothing told to others, in no frame.
const HEADERS: &str = "content-type: text/html; charset=utf-8\r\n\
    content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
    cache-control: no-store\r\nreferrer-policy: no-referrer\r\nx-content-type-options: nosniff\r\n\
    connection: close\r\n";

async fn answer(stream: &mut TcpStream, (status, text): Page) -> std::io::Result<()> {
    let body = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Login</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\
         </head><body><p>{text}</p></body></html>\n"
    );
    let head = format!("HTTP/1.1 {status}\r\n{HEADERS}content-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

    fn ask(line: &str) -> Option<Result<Redirect, Error>> {
        judge(format!("{line}\r\nHost: 127.0.0.1:5000\r\nAccept: */*\r\n\r\n").as_bytes(), 5000, STATE)
    }

    fn code(answer: Option<Result<Redirect, Error>>) -> Result<String, ErrorCode> {
        answer.unwrap().map(|redirect| redirect.code).map_err(|error| error.code)
    }

    #[test]
    fn the_answer_is_taken() {
        let answer = ask(&format!("GET /callback?code=a%2Fb&state={STATE}&iss=https%3A%2F%2Fx HTTP/1.1"));
        let redirect = answer.unwrap().unwrap();
        assert_eq!((redirect.code.as_str(), redirect.iss.as_deref()), ("a/b", Some("https://x")));
        let denied = ask(&format!("GET /callback?error=access_denied&state={STATE} HTTP/1.1"));
        assert_eq!(code(denied), Err(ErrorCode::Cancelled));
        let failed = ask(&format!("GET /callback?error=server%0Aerror<&state={STATE} HTTP/1.1")).unwrap();
        let failed = failed.unwrap_err();
        assert_eq!(failed.code, ErrorCode::OauthRefused);
        assert!(failed.message.ends_with(": servererror"), "{}", failed.message);
        for strange in ["", "&code=a&code=b", "&code=", "&code=a&iss=b&iss=c"] {
            let answer = ask(&format!("GET /callback?state={STATE}{strange} HTTP/1.1"));
            assert_eq!(code(answer), Err(ErrorCode::OauthRefused), "{strange}");
        }
        let long = "x".repeat(OAUTH_CODE_LEN_MAX + 1);
        let answer = ask(&format!("GET /callback?state={STATE}&code={long} HTTP/1.1"));
        assert_eq!(code(answer), Err(ErrorCode::OauthRefused));
    }

    #[test]
    fn nothing_else_is() {
        let short = &STATE[1..];
        for line in [
            format!("POST /callback?code=a&state={STATE} HTTP/1.1"),
            format!("GET /?code=a&state={STATE} HTTP/1.1"),
            format!("GET /callback/x?code=a&state={STATE} HTTP/1.1"),
            format!("GET http://127.0.0.1:5000/callback?code=a&state={STATE} HTTP/1.1"),
            format!("GET /callback?code=a&state={short} HTTP/1.1"),
            format!("GET /callback?code=a&state={STATE}x HTTP/1.1"),
            format!("GET /callback?code=a&state={STATE}&state={STATE} HTTP/1.1"),
            "GET /callback?code=a&state= HTTP/1.1".to_owned(),
            "GET /callback?code=a HTTP/1.1".to_owned(),
            "GET /callback HTTP/1.1".to_owned(),
            "GET".to_owned(),
            String::new(),
        ] {
            assert!(ask(&line).is_none(), "{line}");
        }
        let line = format!("GET /callback?code=a&state={STATE} HTTP/1.1");
        for host in ["Host: evil.example:5000", "Host: 127.0.0.1", "X: y", "Host: 127.0.0.1:5000\r\nHost: x"]
        {
            assert!(judge(format!("{line}\r\n{host}\r\n\r\n").as_bytes(), 5000, STATE).is_none(), "{host}");
        }
        assert!(judge(b"\xff\xfe\r\n\r\n", 5000, STATE).is_none());
    }
}
