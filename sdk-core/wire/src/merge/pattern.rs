//! Patterns of paths: which fields a rule is about.

use super::policies::PolicyError;
use std::fmt;

/// Longest pattern, in bytes: several long field names deep.
pub const PATTERN_LEN_MAX: usize = 1024;
/// Most steps of a pattern: a value is not nested deeper.
const STEPS_MAX: usize = crate::value::VALUE_DEPTH_MAX;

/// One step of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// This key.
    Key(String),
    /// Keys that fit: the texts between the stars.
    Glob(Vec<String>),
    /// The item with this key or place.
    Item(String),
    /// Any item of a list: `[]`.
    AnyItem,
    /// Any one step: `*`.
    Any,
    /// Any number of steps, none too: `**`.
    Deep,
}

impl Part {
    fn text(&self) -> &str {
        match self {
            Part::Key(text) | Part::Item(text) => text,
            _ => "",
        }
    }
}

/// Which paths a rule is about.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) text: String,
    pub(super) parts: Vec<Part>,
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

impl Pattern {
    /// Splits `a,b` into its patterns.
    pub(super) fn parse_all(text: &str) -> Result<Vec<Pattern>, PolicyError> {
        if text.len() > PATTERN_LEN_MAX {
            let mut cut = 64;
            while !text.is_char_boundary(cut) {
                cut -= 1;
            }
            let why = format!("it is longer than {PATTERN_LEN_MAX} bytes");
            return Err(PolicyError::new(&text[..cut], why));
        }
        split(text).into_iter().map(|one| Pattern::parse(one.trim())).collect()
    }

    fn parse(text: &str) -> Result<Pattern, PolicyError> {
        let mut reader = Reader { text, chars: text.chars().peekable(), parts: Vec::new() };
        reader.read()?;
        Ok(Pattern { text: text.to_owned(), parts: reader.parts })
    }

    /// Whether it names one field exactly.
    pub(super) fn is_exact(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Key(_)))
    }

    /// The keys it spells out.
    pub(super) fn keys(&self) -> Vec<&str> {
        let key = |part: &'_ Part| matches!(part, Part::Key(_) | Part::Item(_));
        self.parts.iter().filter(|part| key(part)).map(Part::text).collect()
    }
}

/// Cuts at commas that are not escaped.
fn split(text: &str) -> Vec<&str> {
    let (mut pieces, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, char) in text.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                pieces.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(&text[start..]);
    pieces
}

/// A piece of text with the places of its unescaped stars.
#[derive(Default)]
struct Word {
    pieces: Vec<String>,
    now: String,
    empty: bool,
}

impl Word {
    fn star(&mut self) {
        let piece = std::mem::take(&mut self.now);
        self.pieces.push(piece);
    }
}

struct Reader<'t> {
    text: &'t str,
    chars: std::iter::Peekable<std::str::Chars<'t>>,
    parts: Vec<Part>,
}

impl Reader<'_> {
    fn wrong(&self, why: &str) -> PolicyError {
        PolicyError::new(self.text, why)
    }

    fn read(&mut self) -> Result<(), PolicyError> {
        if self.text.is_empty() {
            return Err(self.wrong("it is empty; `**` stands for everything"));
        }
        loop {
            if self.parts.len() > STEPS_MAX {
                return Err(self.wrong("it has too many steps"));
            }
            match self.chars.peek() {
                Some('[') => {
                    self.chars.next();
                    let item = self.item()?;
                    self.parts.push(item);
                }
                _ => {
                    let part = self.key()?;
                    self.parts.push(part);
                }
            }
            match self.chars.peek() {
                None => return Ok(()),
                // `list[]`: the bracket belongs to the next step.
                Some('[') => {}
                Some('.') => {
                    self.chars.next();
                }
                Some(_) => return Err(self.wrong("after `]` comes `.`, `[` or the end")),
            }
        }
    }

    fn item(&mut self) -> Result<Part, PolicyError> {
        let word = self.word(|char| char == ']')?;
        if self.chars.next() != Some(']') {
            return Err(self.wrong("a `[` has no `]`"));
        }
        if !word.pieces.is_empty() {
            return Err(self.wrong("`[*]` is written `[]`"));
        }
        if word.now.is_empty() && !word.empty {
            return Ok(Part::AnyItem);
        }
        Ok(Part::Item(word.now))
    }

    fn key(&mut self) -> Result<Part, PolicyError> {
        let mut word = self.word(|char| matches!(char, '.' | '['))?;
        if word.pieces.is_empty() {
            if word.now.is_empty() && !word.empty {
                return Err(self.wrong("a key is empty; the empty key is written `\"\"`"));
            }
            return Ok(Part::Key(word.now));
        }
        word.star();
        match word.pieces.iter().all(String::is_empty) {
            true if word.pieces.len() == 2 => Ok(Part::Any),
            true if word.pieces.len() == 3 => Ok(Part::Deep),
            true => Err(self.wrong("there are at most two `*` in a row")),
            false if word.pieces[1..word.pieces.len() - 1].iter().any(String::is_empty) => {
                Err(self.wrong("`**` stands alone between dots"))
            }
            false => Ok(Part::Glob(word.pieces)),
        }
    }

    /// Reads up to a character that ends the word, without taking it.
    fn word(&mut self, ends: impl Fn(char) -> bool) -> Result<Word, PolicyError> {
        let (mut word, mut raw) = (Word::default(), 0);
        let mut quotes = true;
        while let Some(&char) = self.chars.peek() {
            if ends(char) {
                break;
            }
            self.chars.next();
            raw += 1;
            quotes &= char == '"';
            match char {
                '\\' => word.now.push(self.chars.next().ok_or_else(|| self.wrong("it ends in `\\`"))?),
                '*' => word.star(),
                '[' | ']' => return Err(self.wrong("a bracket in a key is written with `\\` before it")),
                other => word.now.push(other),
            }
        }
        if quotes && raw == 2 {
            word.now.clear();
            word.empty = true;
        }
        Ok(word)
    }
}

/// Whether `text` consists of these pieces with anything between them.
pub(super) fn glob(pieces: &[String], text: &str) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return text.is_empty() };
    let Some(mut text) = text.strip_prefix(first.as_str()) else { return false };
    let Some((last, middle)) = rest.split_last() else { return text.is_empty() };
    for piece in middle {
        let Some(at) = text.find(piece.as_str()) else { return false };
        text = &text[at + piece.len()..];
    }
    text.ends_with(last.as_str())
}
