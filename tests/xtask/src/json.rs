//! A small JSON reader, for what this program reads: `cargo metadata`, and what load programs found.

use std::iter::Peekable;
use std::str::Chars;

/// How deep values may nest; the document has less than ten levels.
const DEPTH_MAX: usize = 64;

/// A value. Numbers are kept as written: few here calculate with them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a whole document.
    pub(crate) fn parse(text: &str) -> Result<Json, String> {
        let mut reader = Reader { rest: text.chars().peekable(), depth: 0 };
        let value = reader.value()?;
        match reader.next_solid() {
            None => Ok(value),
            Some(extra) => Err(format!("JSON: `{extra}` after the end")),
        }
    }

    /// An object's value.
    pub(crate) fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(pairs) => pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// A list's values; none of anything else.
    pub(crate) fn list(&self) -> &[Json] {
        match self {
            Json::List(values) => values,
            _ => &[],
        }
    }

    /// A number.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Json::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// A text.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    depth: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Result<Json, String> {
        match self.next_solid() {
            Some('"') => self.string().map(Json::Text),
            Some('{') => self.nested(Reader::object),
            Some('[') => self.nested(Reader::array),
            Some(first) if first == '-' || first.is_ascii_alphanumeric() => self.word(first),
            Some(other) => Err(format!("JSON: `{other}` is out of place")),
            None => Err("JSON: ends too early".into()),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Json, String>) -> Result<Json, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("JSON: nested too deeply".into());
        }
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Json, String> {
        let mut pairs = Vec::new();
        loop {
            match self.next_solid() {
                Some('}') if pairs.is_empty() => return Ok(Json::Object(pairs)),
                Some('"') => {}
                other => return Err(format!("JSON: {other:?} instead of a key")),
            }
            let key = self.string()?;
            if self.next_solid() != Some(':') {
                return Err(format!("JSON: no `:` after {key:?}"));
            }
            pairs.push((key, self.value()?));
            match self.next_solid() {
                Some(',') => {}
                Some('}') => return Ok(Json::Object(pairs)),
                other => return Err(format!("JSON: {other:?} in an object")),
            }
        }
    }

    fn array(&mut self) -> Result<Json, String> {
        let mut values = Vec::new();
        self.skip_space();
        if self.rest.next_if_eq(&']').is_some() {
            return Ok(Json::List(values));
        }
        loop {
            values.push(self.value()?);
            match self.next_solid() {
                Some(',') => {}
                Some(']') => return Ok(Json::List(values)),
                other => return Err(format!("JSON: {other:?} in a list")),
            }
        }
    }

    fn word(&mut self, first: char) -> Result<Json, String> {
        let mut word = String::from(first);
        while let Some(next) = self.rest.next_if(|next| next.is_ascii_alphanumeric() || "+-.".contains(*next))
        {
            word.push(next);
        }
        match word.as_str() {
            "null" => Ok(Json::Null),
            "true" => Ok(Json::Bool(true)),
            "false" => Ok(Json::Bool(false)),
            number if number.parse::<f64>().is_ok_and(f64::is_finite) => Ok(Json::Number(word)),
            _ => Err(format!("JSON: `{word}` is no value")),
        }
    }

    /// The rest of a string whose quote has been read.
    fn string(&mut self) -> Result<String, String> {
        let mut text = String::new();
        loop {
            match self.rest.next() {
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escaped()?),
                Some(other) => text.push(other),
                None => return Err("JSON: a string is not closed".into()),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, String> {
        match self.rest.next() {
            Some('n') => Ok('\n'),
            Some('t') => Ok('\t'),
            Some('r') => Ok('\r'),
            Some('b') => Ok('\u{8}'),
            Some('f') => Ok('\u{c}'),
            Some('u') => self.code_point(),
            Some(same @ ('"' | '\\' | '/')) => Ok(same),
            other => Err(format!("JSON: {other:?} after a backslash")),
        }
    }

    /// A `\u` escape, or the pair of them that stands for a character beyond the first plane.
    fn code_point(&mut self) -> Result<char, String> {
        let high = self.four_digits()?;
        let code = if (0xd800..0xdc00).contains(&high) && self.rest.next_if_eq(&'\\').is_some() {
            if self.rest.next() != Some('u') {
                return Err("JSON: half a character".into());
            }
            let low = self.four_digits()?;
            0x1_0000 + ((high - 0xd800) << 10) + low.wrapping_sub(0xdc00)
        } else {
            high
        };
        char::from_u32(code).ok_or_else(|| "JSON: half a character".into())
    }

    fn four_digits(&mut self) -> Result<u32, String> {
        let digits: String = self.rest.by_ref().take(4).collect();
        u32::from_str_radix(&digits, 16).map_err(|_| format!("JSON: `{digits}` are no hexadecimal digits"))
    }

    fn next_solid(&mut self) -> Option<char> {
        self.skip_space();
        self.rest.next()
    }

    fn skip_space(&mut self) {
        while self.rest.next_if(|next| next.is_ascii_whitespace()).is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::Json;

    #[test]
    fn documents_are_read() {
        let json = Json::parse(
            r#" {"a": [1, -2.5e3, null, true, []], "b": {"c": "x\n\"\u00e9\ud83d\ude00"}, "d": {}} "#,
        )
        .unwrap();
        assert_eq!(json.get("a").unwrap().list().len(), 5);
        assert_eq!(json.get("a").unwrap().list()[1], Json::Number("-2.5e3".into()));
        assert_eq!(json.get("b").unwrap().get("c").unwrap().text(), Some("x\n\"é😀"));
        assert_eq!(json.get("d"), Some(&Json::Object(vec![])));
        assert_eq!(json.get("e"), None);
    }

    #[test]
    fn broken_documents_are_refused() {
        for bad in
            ["", "{", "[1,]", "[1 2]", "{\"a\"}", "{\"a\":1,}", "\"x", "nul", "1 2", r#""\q""#, r#""\ud83d""#]
        {
            assert!(Json::parse(bad).is_err(), "{bad}");
        }
        assert!(Json::parse(&"[".repeat(100_000)).is_err());
    }
}
