//! What an endpoint is: one type that names method, path, request and response, used by the SDK to
//! call it, by the backend to serve it and by the OpenAPI document to describe it.

use serde::{Serialize, de::DeserializeOwned};

/// HTTP methods in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads; safe and repeatable.
    Get,
    /// Creates or acts.
    Post,
    /// Replaces or changes; repeatable.
    Put,
    /// Removes; repeatable.
    Delete,
}

impl Method {
    /// The method's token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }
}

/// Who may call an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone with the game's client key (or none, for the default game).
    Public,
    /// A player with an access token.
    Player,
    /// A game's own server, with a secret server key.
    Server,
    /// One of a studio's people, with a studio token. Served on its own address.
    Studio,
    /// Anyone who reaches the studio's address.
    StudioPublic,
}

/// A typed endpoint.
pub trait Endpoint {
    /// Operation id in the OpenAPI document, and the name in metrics.
    const NAME: &'static str;
    /// The method.
    const METHOD: Method;
    /// The path, its variables in braces: `/api/v1/saves/{user_id}`.
    const PATH: &'static str;
    /// Who may call it.
    const ACCESS: Access;
    /// What it does, in a sentence.
    const SUMMARY: &'static str;
    /// Status of success.
    const STATUS: u16;
    /// Query parameters; [`None`] when it takes none.
    type Query: Serialize + DeserializeOwned;
    /// JSON body; [`None`] when it takes none.
    type Request: Serialize + DeserializeOwned;
    /// JSON answer; [`None`] when it has none.
    type Response: Serialize + DeserializeOwned;
}

/// No query, no body or no answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct None {}

/// Declares an endpoint.
macro_rules! endpoint {
    ($(#[doc = $doc:literal])+ $name:ident, $id:literal, $method:ident $path:literal, $access:ident, $status:literal,
     $query:ty, $request:ty => $response:ty) => {
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub struct $name;
        impl $crate::endpoint::Endpoint for $name {
            const NAME: &'static str = $id;
            const METHOD: $crate::endpoint::Method = $crate::endpoint::Method::$method;
            const PATH: &'static str = $path;
            const ACCESS: $crate::endpoint::Access = $crate::endpoint::Access::$access;
            const SUMMARY: &'static str = concat!($($doc),+);
            const STATUS: u16 = $status;
            type Query = $query;
            type Request = $request;
            type Response = $response;
        }
    };
}
pub(crate) use endpoint;

/// Fills a path template with percent-encoded variables, in order (RFC 3986 section 2.1).
///
/// # Panics
/// When the number of variables differs from the template's: a fault in the caller's code.
pub fn fill_path(template: &str, variables: &[&str]) -> String {
    let mut out = String::with_capacity(template.len() + variables.iter().map(|v| v.len()).sum::<usize>());
    let mut variables = variables.iter();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (_, after) = after.split_once('}').expect("a path template closes its braces");
        percent_encode(variables.next().expect("a variable for each brace"), &mut out);
        rest = after;
    }
    assert!(variables.next().is_none(), "more variables than braces in {template}");
    out.push_str(rest);
    out
}

fn percent_encode(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    // A segment that is only dots would be removed by clients that normalise paths.
    let only_dots = matches!(text, "." | "..");
    for &b in text.as_bytes() {
        let plain = b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'~') || (b == b'.' && !only_dots);
        if plain {
            out.push(b as char);
        } else {
            out.push('%');
            out.push(HEX[(b >> 4) as usize] as char);
            out.push(HEX[(b & 15) as usize] as char);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_filled_and_encoded() {
        assert_eq!(fill_path("/a/{x}/b/{y}", &["1", "ö/ %"]), "/a/1/b/%C3%B6%2F%20%25");
        assert_eq!(fill_path("/a", &[]), "/a");
    }
}
