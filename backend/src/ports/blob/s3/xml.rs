//! Reading the XML of S3's answers: elements with text, without CDATA and comments, as every server writes it.
//!
//! Not a parser of XML: it finds elements by their names. What it does not find is missing, which its callers
//! take for a broken answer.

use std::borrow::Cow;

/// The text of the first element of this name.
pub(super) fn text<'x>(xml: &'x str, name: &str) -> Option<Cow<'x, str>> {
    next(xml, name).map(|(inside, _)| plain(inside))
}

/// What is inside every element of this name, of those that do not lie in each other.
pub(super) fn each<'x>(xml: &'x str, name: &str) -> impl Iterator<Item = &'x str> {
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (inside, after) = next(rest, name)?;
        rest = after;
        Some(inside)
    })
}

/// The inside of the next element of this name, and what comes after it.
fn next<'x>(xml: &'x str, name: &str) -> Option<(&'x str, &'x str)> {
    let mut rest = xml;
    loop {
        rest = &rest[rest.find('<')? + 1..];
        let Some(after_name) = rest.strip_prefix(name) else { continue };
        if !after_name.starts_with(['>', '/', ' ', '\t', '\r', '\n']) {
            continue;
        }
        let end = after_name.find('>')?;
        let inside = &after_name[end + 1..];
        if after_name[..end].ends_with('/') {
            return Some(("", inside));
        }
        let close = format!("</{name}>");
        let len = inside.find(&close)?;
        return Some((&inside[..len], &inside[len + close.len()..]));
    }
}

/// Text without its escapes.
fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut found = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        found.push_str(&rest[..at]);
        rest = &rest[at..];
        let escape = rest.find(';').and_then(|end| Some((character(&rest[1..end])?, end + 1)));
        let (character, len) = escape.unwrap_or(('&', 1));
        found.push(character);
        rest = &rest[len..];
    }
    found.push_str(rest);
    Cow::Owned(found)
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix></Prefix><IsTruncated>true</IsTruncated>
<Contents><Key>a/1</Key><ETag>&quot;x&#34;</ETag><Size>3</Size></Contents><Contents><Key>a&amp;b</Key><Owner/></Contents>
<NextContinuationToken>1&lt;2</NextContinuationToken></ListBucketResult>"#;

    #[test]
    fn elements_are_found_by_name() {
        assert_eq!(text(LIST, "IsTruncated").unwrap(), "true");
        assert_eq!(text(LIST, "NextContinuationToken").unwrap(), "1<2");
        assert_eq!(text(LIST, "Prefix").unwrap(), "");
        assert_eq!(text(LIST, "Owner").unwrap(), "");
        assert!(text(LIST, "Content").is_none() && text(LIST, "Code").is_none());
        let keys: Vec<_> = each(LIST, "Contents").map(|one| text(one, "Key").unwrap()).collect();
        assert_eq!(keys, ["a/1", "a&b"]);
        assert_eq!(text(LIST, "ETag").unwrap(), "\"x\"");
    }

    #[test]
    fn broken_answers_hold_nothing() {
        for broken in ["", "<", "<Key", "<Key>", "<Key>x", "<Key>x</Ke>", "&", "<Key/", "</Key>"] {
            assert!(text(broken, "Key").is_none(), "{broken}");
        }
        assert_eq!(plain("a&b&;&#xD800;&#65;&unknown;"), "a&b&;&#xD800;A&unknown;");
    }
}
